/* The configuration's sources: file, variables and flags, their order, secrets that are never shown, the sample file. */
#include "config_harness.h"

#include "config/value.h"

#include <sys/stat.h>
#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static void a_flag_wins_over_a_variable_and_a_variable_over_the_file(void **state)
{
    (void)state;
    static const char text[] = "[proxy]\nworkers = 2\nlog_level = error\nin_flight_max = 7\n";
    char *const environment[] = { (char[]){ "HOME=/home/bot" }, (char[]){ "COUNTERSIGN_PROXY_WORKERS=3" },
                                  (char[]){ "COUNTERSIGN_PROXY_LOG_LEVEL=warning" }, NULL };
    const struct config_setting settings[] = { { "proxy.workers", "9", "--set" }, { "proxy.workers", "4", "--set" } };
    struct buffer report;
    struct config *config = harness_load(text, environment, settings, 2, &report);
    assert_non_null(config);
    assert_int_equal(config->proxy.workers, 4);
    assert_int_equal(config->proxy.log_level, LOG_LEVEL_WARNING);
    assert_int_equal(config->proxy.in_flight_max, 7);
    config_free(config);
    buffer_free(&report);
}

static void a_section_is_addressed_by_its_name_and_the_first_of_its_kind_without(void **state)
{
    (void)state;
    static const char text[] = "[listener bot-2]\naccount = main\n"
                               "[listener Other]\naccount = main\nlisten = 127.0.0.1:1\n";
    char *const environment[] = { (char[]){ "HOME=/h" }, (char[]){ "COUNTERSIGN_LISTENER_POLICY=all" },
                                  (char[]){ "COUNTERSIGN_LISTENER_BOT_2_SIGN=all" },
                                  (char[]){ "COUNTERSIGN_LISTENER_OTHER_LISTEN=127.0.0.1:2" }, NULL };
    const struct config_setting settings[] = { { "listener.listen", " 127.0.0.1:3 ", "--listen" },
                                               { "listener.Other.policy", "read-only", "--set" } };
    struct buffer report;
    struct config *config = harness_load(text, environment, settings, 2, &report);
    assert_string_equal(buffer_text(&report), "");
    assert_non_null(config);
    assert_string_equal(config->listeners[0].listen, "127.0.0.1:3");
    assert_int_equal(config->listeners[0].policy, CONFIG_POLICY_ALL);
    assert_int_equal(config->listeners[0].sign, CONFIG_SIGN_ALL);
    assert_string_equal(config->listeners[1].listen, "127.0.0.1:2");
    assert_int_equal(config->listeners[1].policy, CONFIG_POLICY_READ_ONLY);
    config_free(config);
    buffer_free(&report);
}

static void wrong_variables_and_flags_are_named_with_the_near_miss(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "COUNTERSIGN_PROXY_WORKER=1" },
                                  (char[]){ "HOME=/h" },
                                  (char[]){ "COUNTERSIGN_LISTENER_BOTT_LISTEN=" SECRET },
                                  (char[]){ "COUNTERSIGN_UPSTREAM_SPOT_HTTP=4" },
                                  (char[]){ "COUNTERSIGN_SOMETHING=" SECRET },
                                  (char[]){ "COUNTERSIGN_CONFG=x" },
                                  NULL };
    const struct config_setting settings[] = { { "proxy.worker", SECRET, "--set" },
                                               { "listener.bott.listen", SECRET, "--set" },
                                               { "spot", SECRET, "--set" },
                                               { "listener.listen", "192.0.2.1:1", "--listen" } };
    harness_expect(
        "", environment, settings, 4,
        "environment COUNTERSIGN_PROXY_WORKER: no setting has this name; did you mean `COUNTERSIGN_PROXY_WORKERS`?\n"
        "environment COUNTERSIGN_LISTENER_BOTT_LISTEN: no setting has this name; did you mean "
        "`COUNTERSIGN_LISTENER_BOT_LISTEN`?\n"
        "environment COUNTERSIGN_UPSTREAM_SPOT_HTTP: [upstream spot] http: expected 1.1, 2 or auto, not \"4\"\n"
        "environment COUNTERSIGN_SOMETHING: no setting has this name; `countersign config keys` lists them\n"
        "environment COUNTERSIGN_CONFG: no setting has this name; did you mean `COUNTERSIGN_CONFIG`?\n"
        "--set: \"proxy.worker\" is no setting; did you mean `proxy.workers`?\n"
        "--set: listener.bott.listen: there is no [listener bott]; there is: bot; did you mean `bot`?\n"
        "--set: \"spot\" is no setting; `countersign config keys` lists them\n"
        "--listen: [listener bot] listen: other machines can reach 192.0.2.1:1, and whoever reaches a listener can "
        "trade; "
        "if that is meant, set expose = yes and a token, or listen on 127.0.0.1:PORT, [::1]:PORT or "
        "unix:/absolute/path\n");
}

static void a_variable_that_could_mean_two_keys_is_refused(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "HOME=/h" }, (char[]){ "COUNTERSIGN_UPSTREAM_CONNECT_TIMEOUT=9s" }, NULL };
    harness_expect(
        "[upstream connect]\n", environment, NULL, 0,
        "environment COUNTERSIGN_UPSTREAM_CONNECT_TIMEOUT: could mean both [upstream connect] connect_timeout "
        "and [upstream connect] timeout; set it in the file instead\n");
}

static void a_variable_that_holds_a_secret_is_no_setting(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "HOME=/h" }, (char[]){ "COUNTERSIGN_SECRET=" SECRET }, NULL };
    harness_expect("[account main]\napi_secret = env:COUNTERSIGN_SECRET\n", environment, NULL, 0, "");
    harness_expect("", environment, NULL, 0,
                   "environment COUNTERSIGN_SECRET: no setting has this name; `countersign config keys` lists them\n");
}

static void all_that_is_wrong_is_said_in_the_order_of_its_places(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "COUNTERSIGN_PROXY_WORKERS=x" }, NULL };
    const struct config_setting settings[] = { { "proxy.log_level", "loud", "--log-level" } };
    harness_expect(
        "[listener bot]\n[proxy]\nworkers = none\n[proxi]\n", environment, settings, 1,
        "built-in default: [proxy] state_dir: `~` stands for $HOME, which is not set to an absolute path; set "
        "HOME, or write the path in full\n"
        "countersign.ini:1: [listener bot] account: a listener must name its account; there is: main\n"
        "countersign.ini:3: [proxy] workers: expected an integer from 1 to 64, not \"none\"\n"
        "countersign.ini:4: unknown section: \"proxi\"; did you mean `proxy`?\n"
        "countersign.ini:4: section [proxy] is given twice, first at line 2\n"
        "environment COUNTERSIGN_PROXY_WORKERS: [proxy] workers: expected an integer from 1 to 64, not \"x\"\n"
        "--log-level: [proxy] log_level: expected error, warning, info or debug, not \"loud\"\n");
}

static void problems_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    struct buffer text, report;
    buffer_init(&text, 1 << 16);
    assert_true(buffer_append_text(&text, "[proxy]\n"));
    for (int i = 0; i < 300; i++)
        assert_true(buffer_append_text(&text, "nothing\n"));
    assert_null(harness_load(buffer_text(&text), harness_environment, NULL, 0, &report));
    assert_non_null(strstr(buffer_text(&report), "\n... and 44 more\n"));
    buffer_free(&text);
    buffer_free(&report);
}

static void sections_beyond_the_bound_are_refused(void **state)
{
    (void)state;
    struct buffer text, report;
    buffer_init(&text, 1 << 16);
    for (int i = 0; i < 200; i++)
        assert_true(buffer_append_format(&text, "[account a%d]\n", i));
    assert_null(harness_load(buffer_text(&text), harness_environment, NULL, 0, &report));
    assert_non_null(strstr(buffer_text(&report), "countersign.ini:129: more than 128 sections\n"));
    buffer_free(&text);
    buffer_free(&report);
}

/* Wherever a secret may be pasted by mistake, no error shows any of it. */
static void a_secret_in_the_wrong_place_is_never_shown(void **state)
{
    (void)state;
    static const char *const files[] = {
        "[account main]\napi_secret = " SECRET "\n",
        "[account main]\napi_key = keystore:" SECRET "\n",
        "[account main]\napi_secret = \"" SECRET "\"\n",
        "[account main]\napi_secret = env:" SECRET "\n",
        "[account main]\napi_secret = env:x-" SECRET "\n",
        "[account main]\napi_secret = credential:/" SECRET "\n",
        "[account main]\n" SECRET "\n",
        "[account main]\n" SECRET " = 1\n",
        "[account main]\n" SECRET "==\n",
        "[account main]\nsecret = " SECRET "\n",
        SECRET " = 1\n",
        "[upstream spot]\nproxy = http://u:" SECRET "@h:1\n",
        "[upstream spot]\nurl = https://u:" SECRET "@h\n",
        "[account main]\napi_secret = " SECRET " # mine\n",
        "[account main]\n " SECRET "\n",
        "[account main]\napi_secret = " SECRET "\x01\n",
        "[account main]\napi_secret " SECRET "\n",
        "[" SECRET "]\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct buffer report;
        struct config *config = harness_load(files[i], harness_environment, NULL, 0, &report);
        assert_null(config);
        assert_null(strstr(buffer_text(&report), "456789abcdef"));
        assert_non_null(strstr(buffer_text(&report), "countersign.ini:"));
        buffer_free(&report);
    }
    refuses(
        "[account main]\napi_key = evn:KEY\napi_secret = env:$KEY\n",
        "countersign.ini:2: [account main] api_key: expected a secret's source (env:NAME, file:PATH, credential:NAME, "
        "command:LINE or keystore:NAME); what stands there is not shown, as it may be a secret; did you mean `env:`?\n"
        "countersign.ini:3: [account main] api_secret: expected the name of a variable (letters, digits and _) after "
        "env:; what stands there is not shown, as it may be a secret\n");
    refuses("[upstream spot]\nproxy = http://u:p@h:1\n",
            "countersign.ini:2: [upstream spot] proxy: expected http://, https://, socks5:// or socks5h:// with "
            "HOST:PORT, without a user name or password; what stands there is not shown, as it may be a secret\n");
}

static void paths_are_made_absolute(void **state)
{
    (void)state;
    char folder[4096];
    char expected[8192];
    assert_non_null(getcwd(folder, sizeof(folder)));
    struct config *config = accepts("[proxy]\nstate_dir = ~\n[account main]\napi_key = file:~/key\n"
                                    "api_secret = file:secret\n[upstream spot]\nca_file = ca/ca.pem\n");
    assert_string_equal(config->proxy.state_dir, "/home/bot");
    assert_string_equal(config->accounts[0].api_key, "file:/home/bot/key");
    (void)snprintf(expected, sizeof(expected), "file:%s/secret", folder);
    assert_string_equal(config->accounts[0].api_secret, expected);
    (void)snprintf(expected, sizeof(expected), "%s/ca/ca.pem", folder);
    assert_string_equal(config->upstreams[0].ca_file, expected);
    config_free(config);
    refuses("[proxy]\nstate_dir = ~other/x\n",
            "countersign.ini:2: [proxy] state_dir: expected a path that begins with / or ~/, not \"~other/x\"\n");
}

static void the_state_folder_follows_xdg_unless_it_was_given(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "XDG_STATE_HOME=/x" }, NULL };
    struct buffer report;
    struct config *config = harness_load("", environment, NULL, 0, &report);
    assert_non_null(config);
    assert_string_equal(config->proxy.state_dir, "/x/countersign");
    config_free(config);
    buffer_free(&report);
    config = harness_load("[proxy]\nstate_dir = /y\n", environment, NULL, 0, &report);
    assert_string_equal(config->proxy.state_dir, "/y");
    config_free(config);
    buffer_free(&report);
}

/* --- files --- */

static char folder[] = "/tmp/countersign-config-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/countersign/countersign.ini", folder);
    (void)unlink(path); /* may not be there */
    (void)snprintf(path, sizeof(path), "%s/countersign", folder);
    (void)rmdir(path); /* likewise */
    return rmdir(folder);
}

/* config_load with COUNTERSIGN_CONFIG, XDG_CONFIG_HOME = the test's folder, and a file from the command line. */
static struct config *load_file(const char *file, const char *variable, struct buffer *report, struct error *error)
{
    char named[256];
    char xdg[256];
    (void)snprintf(named, sizeof(named), "COUNTERSIGN_CONFIG=%s", variable);
    (void)snprintf(xdg, sizeof(xdg), "XDG_CONFIG_HOME=%s", folder);
    char *const environment[] = { named, xdg, (char[]){ "HOME=/home/bot" }, NULL };
    const struct config_sources sources = { .file = file, .environment = environment };
    struct config *config = NULL;
    buffer_init(report, HARNESS_REPORT_MAX);
    bool loaded = config_load(&config, &sources, report, error);
    assert_int_equal(loaded, config != NULL);
    return config;
}

static void write_default_file(char *path, size_t size, const char *text)
{
    (void)snprintf(path, size, "%s/countersign", folder);
    (void)mkdir(path, 0700); /* may be there */
    (void)snprintf(path, size, "%s/countersign/countersign.ini", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void no_file_at_all_is_fine(void **state)
{
    (void)state;
    struct buffer report;
    struct error error;
    if (access("/etc/countersign/countersign.ini", F_OK) == 0)
        skip(); /* this machine has one */
    struct config *config = load_file(NULL, "", &report, &error);
    assert_non_null(config);
    assert_null(config->file);
    assert_int_equal(config->listener_count, 1);
    config_free(config);
    buffer_free(&report);
}

static void the_default_file_is_read_unless_another_is_named(void **state)
{
    (void)state;
    char path[256];
    struct buffer report;
    struct error error;
    write_default_file(path, sizeof(path), "[proxy]\nworkers = 5\n");
    struct config *config = load_file(NULL, "", &report, &error);
    assert_non_null(config);
    assert_string_equal(config->file, path);
    assert_int_equal(config->proxy.workers, 5);
    config_free(config);
    buffer_free(&report);
    config = load_file("/dev/null", "/nonexistent/from-the-variable", &report, &error);
    assert_non_null(config);
    assert_string_equal(config->file, "/dev/null");
    assert_int_equal(config->proxy.workers, 1);
    config_free(config);
    buffer_free(&report);
}

static void a_file_that_cannot_be_read_is_the_one_problem(void **state)
{
    (void)state;
    struct buffer report;
    struct error error;
    assert_null(load_file(NULL, "/nonexistent/a.ini", &report, &error));
    assert_string_equal(buffer_text(&report),
                        "/nonexistent/a.ini: cannot read the configuration: No such file or directory\n");
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_int_equal(error_exit_code(error.kind), 2);
    assert_string_equal(error.message, "the configuration has 1 error");
    buffer_free(&report);
    assert_null(load_file("/dev/zero", "", &report, &error)); /* endless: bounded */
    assert_string_equal(buffer_text(&report), "/dev/zero: cannot read the configuration: File too large\n");
    buffer_free(&report);
    assert_null(load_file("/", "", &report, &error));
    assert_string_equal(buffer_text(&report), "/: cannot read the configuration: Is a directory\n");
    buffer_free(&report);
}

/* --- listings and the sample --- */

static void the_values_in_force_can_be_read_back(void **state)
{
    (void)state;
    struct buffer first, second;
    buffer_init(&first, HARNESS_REPORT_MAX);
    buffer_init(&second, HARNESS_REPORT_MAX);
    struct config *config = accepts("[proxy]\nworkers = 3\ndrain = 0s\n[account a]\ntrim = yes\n[account b]\n"
                                    "[upstream spot]\nip_family = ipv6\nproxy = http://h:1\nwarm = 0\n"
                                    "[listener x]\naccount = b\nlisten = unix:/run/x.sock\n");
    config_describe(&first, config);
    config_free(config);
    config = accepts(buffer_text(&first));
    config_describe(&second, config);
    assert_string_equal(buffer_text(&first), buffer_text(&second));
    assert_non_null(strstr(buffer_text(&first), "\n[account b]\napi_key = env:COINSTORE_API_KEY\n"));
    assert_non_null(strstr(buffer_text(&first), "\nip_family = ipv6\nca_file =\nbind_address =\nproxy = http://h:1\n"));
    config_free(config);
    buffer_free(&first);
    buffer_free(&second);
}

static void a_value_that_no_file_could_say_is_shown_as_a_comment(void **state)
{
    (void)state;
    const struct config_setting settings[] = { { "account.api_key", "command:a ; b", "--set" } };
    struct buffer report, text;
    struct config *config = harness_load("", harness_environment, settings, 1, &report);
    assert_non_null(config);
    assert_string_equal(config->accounts[0].api_key, "command:a ; b");
    buffer_init(&text, HARNESS_REPORT_MAX);
    config_describe(&text, config);
    assert_non_null(
        strstr(buffer_text(&text), "\n# not from a file, which could not say it: api_key = command:a ; b\n"));
    config_free(config);
    buffer_free(&text);
    buffer_free(&report);
}

/* Between a flag and a file there is no complaint of rules that never decide; within a file there is. */
static void a_rule_that_a_flags_rule_covers_is_shown_as_a_comment(void **state)
{
    (void)state;
    const struct config_setting settings[] = { { "listener.deny", "* /**", "--set" } };
    struct buffer report, text;
    struct config *config =
        harness_load("[account a]\n[upstream u]\n[listener x]\naccount = a\nallow = GET /api/x\nallow = GET /api/y\n",
                     harness_environment, settings, 1, &report);
    assert_non_null(config);
    buffer_init(&text, HARNESS_REPORT_MAX);
    config_describe(&text, config);
    config_free(config);
    assert_non_null(strstr(buffer_text(&text), "\ndeny = * /**\n"
                                               "# not from a file, which could not say it: allow = GET /api/x\n"
                                               "# not from a file, which could not say it: allow = GET /api/y\n"));
    config = accepts(buffer_text(&text));
    assert_int_equal(config->listeners[0].rules.count, 1);
    config_free(config);
    buffer_free(&text);
    buffer_free(&report);
}

static void the_listing_names_every_key_and_fits_a_terminal(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, HARNESS_REPORT_MAX);
    config_describe_keys(&text);
    assert_false(text.failed);
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        for (size_t key = 0; key < config_kinds[kind].key_count; key++) {
            char line[64];
            (void)snprintf(line, sizeof(line), "\n  %-15s ", config_kinds[kind].keys[key].name);
            assert_non_null(strstr(buffer_text(&text), line));
            assert_true(strlen(config_kinds[kind].keys[key].help) <= CONFIG_HELP_MAX);
        }
    }
    struct slice rest = buffer_slice(&text);
    struct slice line;
    while (slice_next_part(&rest, '\n', &line))
        assert_true(line.length <= 80);
    buffer_free(&text);
}

static void count_variable(void *context, const char *variable)
{
    char *seen = context;
    assert_true(strlen(seen) + strlen(variable) + 2 < 256);
    strcat(strcat(seen, variable), " ");
}

static void every_variable_that_holds_a_secret_is_visited(void **state)
{
    (void)state;
    char seen[256] = "";
    struct config *config = accepts("[proxy]\nkeystore_passphrase = env:PASS\n[account a]\napi_key = env:A_KEY\n"
                                    "api_secret = file:/s\n[account b]\n[listener x]\naccount = a\n");
    config_each_secret_variable(config, count_variable, seen);
    assert_string_equal(seen, "PASS A_KEY COINSTORE_API_KEY COINSTORE_API_SECRET ");
    config_free(config);
}

static void read_sample(struct buffer *text)
{
    FILE *file = fopen(TESTS_DIR "/../conf/countersign.ini", "r");
    assert_non_null(file);
    buffer_init(text, HARNESS_REPORT_MAX);
    for (int byte; (byte = fgetc(file)) != EOF;)
        assert_true(buffer_append_byte(text, (char)byte));
    assert_int_equal(fclose(file), 0);
}

/* The value of "key = value" or ";key = value" in the sample's section of this kind. */
static struct slice sample_value(struct slice sample, const char *kind, const char *key)
{
    struct slice line;
    char header[64];
    bool inside = false;
    (void)snprintf(header, sizeof(header), "[%s", kind);
    while (slice_next_part(&sample, '\n', &line)) {
        if (slice_starts_with(line, "["))
            inside = slice_starts_with(line, header) &&
                     (line.data[strlen(header)] == ']' || line.data[strlen(header)] == ' ');
        struct slice text =
            slice_starts_with(line, ";") || slice_starts_with(line, "#   ") ? slice_from(line, 1) : line;
        size_t equals = slice_find(text, '=');
        if (inside && equals < text.length && slice_equal_text(slice_trim_blanks(slice_first(text, equals)), key))
            return slice_trim_blanks(slice_from(text, equals + 1));
    }
    fail_msg("the sample has no %s in [%s]", key, kind);
    return slice_of(NULL, 0);
}

static void the_sample_shows_every_key_with_its_default(void **state)
{
    (void)state;
    struct buffer sample;
    read_sample(&sample);
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        for (size_t i = 0; i < config_kinds[kind].key_count; i++) {
            const struct config_key *key = &config_kinds[kind].keys[i];
            struct slice value = sample_value(buffer_slice(&sample), config_kinds[kind].name, key->name);
            if (key->type == CONFIG_TYPE_RULE)
                continue; /* shown by an example: it has no default */
            const char *expected = key->built_in != NULL ? key->built_in : key->fallback;
            if (!slice_equal_text(value, expected))
                fail_msg("the sample's default of %s is not the table's, %s", key->name, expected);
        }
    }
    buffer_free(&sample);
}

static void the_sample_is_good_as_it_is_and_with_every_default_written_out(void **state)
{
    (void)state;
    struct buffer sample, whole, described[3];
    read_sample(&sample);
    buffer_init(&whole, HARNESS_REPORT_MAX);
    struct slice rest = buffer_slice(&sample);
    struct slice line;
    while (slice_next_part(&rest, '\n', &line)) {
        assert_true(buffer_append_slice(&whole, slice_starts_with(line, ";") ? slice_from(line, 1) : line));
        assert_true(buffer_append_byte(&whole, '\n'));
    }
    const char *const texts[] = { "", buffer_text(&sample), buffer_text(&whole) };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct config *config = accepts(texts[i]);
        buffer_init(&described[i], HARNESS_REPORT_MAX);
        config_describe(&described[i], config);
        assert_string_equal(buffer_text(&described[i]), buffer_text(&described[0]));
        config_free(config);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        buffer_free(&described[i]);
    buffer_free(&sample);
    buffer_free(&whole);
}

static void the_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const char *const words[] = { "serve", "mock", "config", "log", NULL };
    assert_string_equal(config_nearest_word("sevre", words), "serve");
    assert_string_equal(config_nearest_word("confg", words), "config");
    assert_string_equal(config_nearest_word("MOCK", words), "mock");
    assert_null(config_nearest_word("doctor", words));
    assert_null(config_nearest_word("", words));
    assert_null(config_nearest_word("x", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_wins_over_a_variable_and_a_variable_over_the_file),
        cmocka_unit_test(a_section_is_addressed_by_its_name_and_the_first_of_its_kind_without),
        cmocka_unit_test(wrong_variables_and_flags_are_named_with_the_near_miss),
        cmocka_unit_test(a_variable_that_could_mean_two_keys_is_refused),
        cmocka_unit_test(a_variable_that_holds_a_secret_is_no_setting),
        cmocka_unit_test(all_that_is_wrong_is_said_in_the_order_of_its_places),
        cmocka_unit_test(problems_beyond_the_bound_are_counted),
        cmocka_unit_test(sections_beyond_the_bound_are_refused),
        cmocka_unit_test(a_secret_in_the_wrong_place_is_never_shown),
        cmocka_unit_test(paths_are_made_absolute),
        cmocka_unit_test(the_state_folder_follows_xdg_unless_it_was_given),
        cmocka_unit_test(no_file_at_all_is_fine),
        cmocka_unit_test(the_default_file_is_read_unless_another_is_named),
        cmocka_unit_test(a_file_that_cannot_be_read_is_the_one_problem),
        cmocka_unit_test(the_values_in_force_can_be_read_back),
        cmocka_unit_test(a_value_that_no_file_could_say_is_shown_as_a_comment),
        cmocka_unit_test(a_rule_that_a_flags_rule_covers_is_shown_as_a_comment),
        cmocka_unit_test(the_listing_names_every_key_and_fits_a_terminal),
        cmocka_unit_test(every_variable_that_holds_a_secret_is_visited),
        cmocka_unit_test(the_sample_shows_every_key_with_its_default),
        cmocka_unit_test(the_sample_is_good_as_it_is_and_with_every_default_written_out),
        cmocka_unit_test(the_nearest_word_is_found_or_none),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
