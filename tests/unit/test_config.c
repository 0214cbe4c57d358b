/* The configuration's file: what it means, and every kind of error line, word for word. */
#include "config_harness.h"

#include "config/number.h"

static void an_empty_file_is_the_built_in_configuration(void **state)
{
    (void)state;
    struct config *config = accepts("");
    assert_string_equal(config->proxy.state_dir, "/home/bot/.local/state/countersign");
    assert_int_equal(config->proxy.workers, 1);
    assert_int_equal(config->proxy.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->proxy.header_max, 16384);
    assert_int_equal(config->proxy.idle_timeout, 75000000);
    assert_int_equal(config->capture.ring_size, 64 << 20);
    assert_int_equal(config->capture.durability, CONFIG_DURABILITY_PROCESS);
    assert_int_equal(config->capture.when_full, CONFIG_WHEN_FULL_REFUSE);
    assert_int_equal(config->capture.keep_days, 0);
    assert_int_equal(config->capture.keep_mib, 4096);
    assert_int_equal(config->capture.keep_count, 0);
    assert_int_equal(config->account_count, 1);
    assert_string_equal(config->accounts[0].name, "main");
    assert_string_equal(config->accounts[0].api_secret, "env:COINSTORE_API_SECRET");
    assert_int_equal(config->upstream_count, 1);
    assert_string_equal(config->upstreams[0].name, "spot");
    assert_string_equal(config->upstreams[0].url, "https://api.coinstore.com");
    assert_string_equal(config->upstreams[0].proxy, "");
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listeners[0].name, "bot");
    assert_string_equal(config->listeners[0].listen, "127.0.0.1:8787");
    assert_string_equal(config->listeners[0].upstream_name, "spot");
    assert_string_equal(config->listeners[0].account_name, "main");
    assert_int_equal(config->listeners[0].mode, CONFIG_MODE_SIGN);
    config_free(config);
}

static void a_listener_is_joined_to_the_sections_it_names(void **state)
{
    (void)state;
    struct config *config = accepts("[listener two]\nlisten = unix:/run/two.sock\nupstream = futures\naccount = b\n"
                                    "mode = dry-run\npolicy = read-only\nsign = all\n"
                                    "[account a]\n[account b]\napi_key = credential:b-key\n"
                                    "[upstream spot]\n[upstream futures]\nurl = https://futures.coinstore.com:443\n");
    assert_int_equal(config->listeners[0].upstream, 1);
    assert_int_equal(config->listeners[0].account, 1);
    assert_int_equal(config->listeners[0].mode, CONFIG_MODE_DRY_RUN);
    assert_int_equal(config->listeners[0].policy, CONFIG_POLICY_READ_ONLY);
    assert_int_equal(config->listeners[0].sign, CONFIG_SIGN_ALL);
    assert_string_equal(config->accounts[1].api_key, "credential:b-key");
    config_free(config);
}

static void the_only_upstream_need_not_be_named(void **state)
{
    (void)state;
    struct config *config = accepts("[upstream futures]\n" HARNESS_LISTENER);
    assert_string_equal(config->listeners[0].upstream_name, "futures");
    config_free(config);
    config = accepts("[upstream futures]\n"); /* nor by the built-in listener */
    assert_string_equal(config->listeners[0].upstream_name, "futures");
    config_free(config);
    config = accepts("[upstream other]\n[upstream spot]\n"); /* which among several takes its own */
    assert_int_equal(config->listeners[0].upstream, 1);
    config_free(config);
}

static void a_listener_must_name_its_account_even_where_there_is_one(void **state)
{
    (void)state;
    refuses("[listener bot]\n",
            "countersign.ini:1: [listener bot] account: a listener must name its account; there is: main\n");
    refuses("[upstream a]\n[upstream b]\n\n" HARNESS_LISTENER,
            "countersign.ini:4: [listener bot] upstream: a listener must name its upstream; there are: a, b\n");
}

static void a_name_of_no_section_is_answered_with_those_there_are(void **state)
{
    (void)state;
    refuses("[account one]\n[account two]\n[listener bot]\naccount = twoo\n",
            "countersign.ini:4: [listener bot] account: there is no [account twoo]; there are: one, two; did you mean "
            "`two`?\n");
    refuses("[account one]\n", "built-in default: without a [listener NAME] there is [listener bot], account = main: "
                               "there is no [account main]; there is: one\n");
    refuses("[listener bot]\nupstream = far\naccount = ma.in\n",
            "countersign.ini:2: [listener bot] upstream: there is no [upstream far]; there is: spot\n"
            "countersign.ini:3: [listener bot] account: expected a section's name (letters, digits, - and _, at most "
            "32), not \"ma.in\"\n");
}

static void two_listeners_on_one_address_are_refused(void **state)
{
    (void)state;
    refuses("[listener one]\naccount = main\n[listener two]\naccount = main\n",
            "countersign.ini:3: [listener two] listen: 127.0.0.1:8787 is the address of [listener one] already\n");
    refuses("[listener one]\naccount = main\nlisten = [::1]:9\n"
            "[listener two]\naccount = main\nlisten = [0:0::1]:9\n",
            "countersign.ini:6: [listener two] listen: [::1]:9 is the address of [listener one] already\n");
    config_free(accepts("[listener one]\naccount = main\nlisten = 127.0.0.1:0\n"
                        "[listener two]\naccount = main\nlisten = 127.0.0.1:0\n"));
}

static void an_unknown_section_is_named_and_its_keys_are_checked_as_those_of_the_one_meant(void **state)
{
    (void)state;
    refuses("[proxi]\nworkers = 0\n",
            "countersign.ini:1: unknown section: \"proxi\"; did you mean `proxy`?\n"
            "countersign.ini:2: [proxy] workers: expected an integer from 1 to 64, not \"0\"\n");
    refuses("[server]\nworkers = 0\n",
            "countersign.ini:1: unknown section: \"server\"; there are [proxy], [capture], [account NAME], "
            "[upstream NAME], [listener NAME]\n");
}

static void a_header_must_be_whole_and_named_as_its_kind_wants(void **state)
{
    (void)state;
    static const char whole[] = "expected a section's header, [KIND] or [KIND NAME], and nothing behind it\n";
    char expected[256];
    (void)snprintf(expected, sizeof(expected), "countersign.ini:1: %scountersign.ini:2: %s", whole, whole);
    refuses("[proxy\n[proxy] x\n", expected);
    refuses("[proxy main]\n[upstream]\n[listener a.b]\n",
            "countersign.ini:1: [proxy] takes no name\n"
            "countersign.ini:2: [upstream] needs a name of letters, digits, - and _, at most 32: [upstream NAME]\n"
            "countersign.ini:3: [listener] needs a name of letters, digits, - and _, at most 32: [listener NAME]\n");
    config_free(accepts("[ proxy ] ; comment\n[\taccount \t main ]\n"));
}

static void what_is_given_twice_is_told_where_it_was_first(void **state)
{
    (void)state;
    refuses("[proxy]\nworkers = 2\n\nworkers = 3\n",
            "countersign.ini:4: [proxy] workers: given twice, first at line 2\n");
    refuses("[account main]\ntrim = no\n[account main]\ntrim = yes\n",
            "countersign.ini:3: section [account main] is given twice, first at line 1\n");
}

static void an_unknown_key_is_told_its_name_or_its_section(void **state)
{
    (void)state;
    refuses("[proxy]\nwokers = 1\nring_size = 8MiB\nWorkers = 1\nnonsense = 1\n",
            "countersign.ini:2: [proxy] unknown key: \"wokers\"; did you mean `workers`?\n"
            "countersign.ini:3: [proxy] unknown key: \"ring_size\"; it is a key of [capture]\n"
            "countersign.ini:4: [proxy] unknown key: \"Workers\"; did you mean `workers`?\n"
            "countersign.ini:5: [proxy] unknown key: \"nonsense\"\n");
    refuses("listen = 127.0.0.1:1\n",
            "countersign.ini:1: \"listen\" stands before any [section]; it is a key of [listener NAME]\n");
}

static void a_line_without_a_key_and_a_value_is_refused(void **state)
{
    (void)state;
    refuses("[proxy]\nworkers 2\n= 3\nno such thing\n",
            "countersign.ini:2: expected `key = value`; did you mean `workers = ...`?\n"
            "countersign.ini:3: expected `key = value`\n"
            "countersign.ini:4: expected `key = value`\n");
}

static void a_line_that_begins_with_a_blank_is_not_glued_to_the_value_before_it(void **state)
{
    (void)state;
    static const char margin[] = "the line begins with a blank; a value ends with its line, and keys begin at the "
                                 "margin\n";
    char expected[512];
    (void)snprintf(expected, sizeof(expected), "countersign.ini:3: %scountersign.ini:4: %s", margin, margin);
    refuses("[proxy]\nstate_dir = /a\n  drain = 3s\n\t[capture]\n  ; a comment may be indented\n   \n", expected);
}

/* inih cuts lines at its buffer's end and takes the rest for a line of its own. */
static void a_line_longer_than_the_parser_reads_is_refused_with_its_number(void **state)
{
    (void)state;
    char text[512];
    char longest[512];
    (void)snprintf(text, sizeof(text), "[proxy]\nworkers = 2\nstate_dir = /%0185d\n", 0);
    (void)snprintf(longest, sizeof(longest), "[proxy]\nworkers = 2\nstate_dir = /%0184d\n", 0);
    refuses(text, "countersign.ini:3: the line is longer than 197 bytes\n");
    struct config *config = accepts(longest);
    assert_int_equal(strlen(config->proxy.state_dir), 185);
    config_free(config);
    (void)snprintf(text, sizeof(text), "; %0300d\n[proxy]\n", 0);
    config_free(accepts(text)); /* a comment may be of any length */
}

static void comments_marks_and_line_ends_of_other_systems_are_no_part_of_a_value(void **state)
{
    (void)state;
    struct config *config = accepts("\xef\xbb\xbf[proxy]\r\nstate_dir = /a b;c ; why\r\n# workers = 9\r\nworkers=3");
    assert_string_equal(config->proxy.state_dir, "/a b;c");
    assert_int_equal(config->proxy.workers, 3);
    config_free(config);
    refuses(
        "[proxy]\nworkers = 2 # two\nlog_level = \"info\"\n",
        "countersign.ini:2: [proxy] workers: expected an integer from 1 to 64, not \"2 # two\" (a comment behind a "
        "value begins with \" ;\")\n"
        "countersign.ini:3: [proxy] log_level: the value begins with a quotation mark; values are written without\n");
    refuses("[proxy]\nworkers = 2\x1b[31m\n",
            "countersign.ini:2: the line holds a control byte; the file must be plain text in UTF-8\n");
}

static void numbers_are_read_with_their_units_and_ranges(void **state)
{
    (void)state;
    refuses(
        "[proxy]\nworkers = 65\nheader_max = 16KB\nbody_max = 17MiB\nresponse_max = 1.5MiB\nidle_timeout = 75\n"
        "drain = -1s\nin_flight_max = 99999999999999999999\n",
        "countersign.ini:2: [proxy] workers: expected an integer from 1 to 64, not \"65\"\n"
        "countersign.ini:3: [proxy] header_max: expected a size from 1KiB to 64KiB, such as 16KiB, not \"16KB\"; did "
        "you mean `16KiB`?\n"
        "countersign.ini:4: [proxy] body_max: expected a size from 0 to 16MiB, such as 1MiB, not \"17MiB\"\n"
        "countersign.ini:5: [proxy] response_max: expected a size from 64KiB to 256MiB, such as 32MiB, not "
        "\"1.5MiB\"\n"
        "countersign.ini:6: [proxy] idle_timeout: expected a duration from 1s to 1h, such as 75s, not \"75\"; did you "
        "mean `75s`?\n"
        "countersign.ini:7: [proxy] drain: expected a duration from 0s to 5m, such as 5s, not \"-1s\"\n"
        "countersign.ini:8: [proxy] in_flight_max: expected an integer from 1 to 65536, not "
        "\"99999999999999999999\"\n");
}

static void a_number_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const struct {
        enum config_type type;
        const char *text;
        int64_t number;
        const char *written;
    } cases[] = {
        { CONFIG_TYPE_INTEGER, "007", 7, "7" },
        { CONFIG_TYPE_SIZE, "0", 0, "0" },
        { CONFIG_TYPE_SIZE, "1025", 1025, "1025" },
        { CONFIG_TYPE_SIZE, "2048B", 2048, "2KiB" },
        { CONFIG_TYPE_SIZE, "4GiB", INT64_C(4294967296), "4GiB" },
        { CONFIG_TYPE_DURATION, "0ms", 0, "0s" },
        { CONFIG_TYPE_DURATION, "1500ms", 1500000, "1500ms" },
        { CONFIG_TYPE_DURATION, "90s", 90000000, "90s" },
        { CONFIG_TYPE_DURATION, "60m", INT64_C(3600000000), "1h" },
        { CONFIG_TYPE_DURATION, "1us", 1, "1us" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int64_t number = -1;
        struct buffer text;
        buffer_init(&text, 64);
        assert_true(config_number_parse(&number, cases[i].type, slice_text(cases[i].text)));
        assert_int_equal(number, cases[i].number);
        config_number_append(&text, cases[i].type, number);
        assert_string_equal(buffer_text(&text), cases[i].written);
        buffer_free(&text);
    }
    int64_t untouched = 5;
    static const char *const wrong[] = { "", "s", "1 s", "1S", "+1s", "9223372036854775807h", "1s ", "1.0s" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(config_number_parse(&untouched, CONFIG_TYPE_DURATION, slice_text(wrong[i])));
    assert_int_equal(untouched, 5);
}

static void words_are_read_and_near_misses_named(void **state)
{
    (void)state;
    refuses("[proxy]\nlog_format = jsn\n[account main]\ntrim = nope\n[upstream spot]\nhttp = 3\nip_family = IPv4\n"
            "[listener bot]\naccount = main\npolicy = tarde\nsign =\n",
            "countersign.ini:2: [proxy] log_format: expected text or json, not \"jsn\"; did you mean `json`?\n"
            "countersign.ini:4: [account main] trim: expected yes or no, not \"nope\"\n"
            "countersign.ini:6: [upstream spot] http: expected 1.1, 2 or auto, not \"3\"\n"
            "countersign.ini:7: [upstream spot] ip_family: expected any, ipv4 or ipv6, not \"IPv4\"; did you mean "
            "`ipv4`?\n"
            "countersign.ini:10: [listener bot] policy: expected trade, read-only or all, not \"tarde\"; did you mean "
            "`trade`?\n"
            "countersign.ini:11: [listener bot] sign: expected private or all, not \"\"\n");
}

static void an_upstream_is_an_https_origin_or_a_loopback_one(void **state)
{
    (void)state;
    static const char *const good[] = { "https://h",        "https://h:8443",     "https://[2001:db8::1]:1",
                                        "https://10.0.0.1", "http://127.0.0.1:9", "http://[::1]:9",
                                        "http://127.9.9.9" };
    static const char *const bad[] = { "https://",
                                       "h",
                                       "ftp://h",
                                       "https://h:0",
                                       "https://h:65536",
                                       "https://h:",
                                       "https://127.1",
                                       "https://a..b",
                                       "https://[::1",
                                       "https://::1",
                                       "https://-h",
                                       "https://h h",
                                       "https:/h",
                                       "HTTPS://h",
                                       "https://[fe80::1%25lo]",
                                       "https://h.1" };
    char text[256];
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        (void)snprintf(text, sizeof(text), "[upstream spot]\nurl = %s\n", good[i]);
        config_free(accepts(text));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char expected[256];
        (void)snprintf(text, sizeof(text), "[upstream spot]\nurl = %s\n", bad[i]);
        (void)snprintf(expected, sizeof(expected),
                       "countersign.ini:2: [upstream spot] url: expected https://HOST[:PORT], not \"%s\"\n", bad[i]);
        refuses(text, expected);
    }
    refuses("[upstream spot]\nurl = https://api.coinstore.com/api\n",
            "countersign.ini:2: [upstream spot] url: clients name the path, the query and the rest; expected "
            "https://HOST[:PORT], not \"https://api.coinstore.com/api\"; did you mean `https://api.coinstore.com`?\n");
    refuses("[upstream spot]\nurl = http://localhost\n",
            "countersign.ini:2: [upstream spot] url: plain http is for literal loopback addresses (127.0.0.1, [::1]) "
            "alone; expected https://HOST[:PORT], not \"http://localhost\"; did you mean `https://localhost`?\n");
}

static void an_egress_proxy_has_a_scheme_a_host_and_a_port(void **state)
{
    (void)state;
    config_free(accepts("[upstream a]\nproxy = socks5h://proxy.example:1080\nbind_address = 192.0.2.1\n"));
    refuses(
        HARNESS_LISTENER "upstream = a\n[upstream a]\nproxy = socks4://h:1\n[upstream b]\nproxy = http://h\n[upstream "
                         "c]\nproxy = http://h:1/\n",
        "countersign.ini:5: [upstream a] proxy: expected http://, https://, socks5:// or socks5h:// with HOST:PORT, "
        "not \"socks4://h:1\"\n"
        "countersign.ini:7: [upstream b] proxy: expected http://, https://, socks5:// or socks5h:// with HOST:PORT, "
        "not \"http://h\"\n"
        "countersign.ini:9: [upstream c] proxy: expected http://, https://, socks5:// or socks5h:// with HOST:PORT, "
        "not \"http://h:1/\"\n");
}

static void a_listener_is_local(void **state)
{
    (void)state;
    refuses(
        "[listener a]\naccount = main\nlisten = 0.0.0.0:8787\n[listener b]\naccount = main\nlisten = localhost:1\n"
        "[listener c]\naccount = main\nlisten = unix:c.sock\n",
        "countersign.ini:3: [listener a] listen: other machines can reach 0.0.0.0:8787, and whoever reaches a listener "
        "can trade; if that is meant, set expose = yes and a token, or listen on 127.0.0.1:PORT, [::1]:PORT or "
        "unix:/absolute/path\n"
        "countersign.ini:6: [listener b] listen: \"localhost:1\" has no literal IP address (names can change "
        "meaning); expected 127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path\n"
        "countersign.ini:9: [listener c] listen: \"unix:c.sock\" is not an absolute path; expected 127.0.0.1:PORT, "
        "[::1]:PORT or unix:/absolute/path\n");
}

static void keys_that_must_agree_are_named_together(void **state)
{
    (void)state;
    refuses(
        "[proxy]\nbody_max = 16MiB\n[capture]\nring_size = 33MiB\n",
        "countersign.ini:4: [capture] ring_size: must be more than 8 * [proxy] body_max + 1MiB, which is 129MiB with "
        "body_max = 16MiB; it is 33MiB\n");
    refuses(
        "[upstream spot]\nconnect_timeout = 20s\n",
        "countersign.ini:2: [upstream spot] connect_timeout: must not exceed timeout, which includes it; it is 20s, "
        "and timeout is 10s\n");
    refuses("[upstream spot]\nconnections = 4\nwarm = 5\n",
            "countersign.ini:3: [upstream spot] warm: must not exceed connections; it is 5, and connections is 4\n");
    refuses("[upstream spot]\nbind_address = ::1\nip_family = ipv4\n",
            "countersign.ini:2: [upstream spot] bind_address: \"::1\" is an IPv6 address, but ip_family is ipv4\n");
}

static void what_is_kept_has_no_bound_or_one_that_leaves_room(void **state)
{
    (void)state;
    struct config *config = accepts("[capture]\ndurability = power\nwhen_full = drop\nkeep_days = 30\nkeep_mib = 64\n"
                                    "keep_count = 1000\n");
    assert_int_equal(config->capture.durability, CONFIG_DURABILITY_POWER);
    assert_int_equal(config->capture.when_full, CONFIG_WHEN_FULL_DROP);
    assert_int_equal(config->capture.keep_days, 30);
    assert_int_equal(config->capture.keep_mib, 64);
    assert_int_equal(config->capture.keep_count, 1000);
    config_free(config);
    config_free(accepts("[capture]\nkeep_mib = 0\n"));
    refuses("[capture]\nkeep_mib = 63\n",
            "countersign.ini:2: [capture] keep_mib: must be 0 (no bound) or at least 64; it is 63\n");
    refuses("[capture]\nkeep_days = 36501\n", "countersign.ini:2: [capture] keep_days: expected an integer from 0 to "
                                              "36500, not \"36501\"\n");
    refuses("[capture]\ndurability = powr\nwhen_full = wait\n",
            "countersign.ini:2: [capture] durability: expected process or power, not \"powr\"; did you mean `power`?\n"
            "countersign.ini:3: [capture] when_full: expected refuse or drop, not \"wait\"\n");
}

static void a_connect_timeout_that_nobody_gave_gives_way_to_a_short_timeout(void **state)
{
    (void)state;
    struct config *config = accepts("[upstream spot]\ntimeout = 3s\n");
    assert_int_equal(config->upstreams[0].timeout, 3000000);
    assert_int_equal(config->upstreams[0].connect_timeout, 3000000);
    config_free(config);
}

static void a_rate_is_a_count_in_a_time_or_off(void **state)
{
    (void)state;
    struct config *config = accepts("[account main]\nrate = 20/500ms\n[upstream spot]\nip_rate = off\n");
    assert_string_equal(config->accounts[0].rate, "20/500ms");
    assert_string_equal(config->upstreams[0].ip_rate, "off");
    config_free(config);
    refuses("[account main]\nrate = 120\n",
            "countersign.ini:2: [account main] rate: expected COUNT/TIME (1 to 2000 requests in 100ms to 10m), such as "
            "120/3s, or off, not \"120\"\n");
}

static void upstreams_that_the_exchange_sees_at_one_address_have_one_rate(void **state)
{
    (void)state;
    refuses(
        "[upstream a]\nip_rate = 200/3s\n[upstream b]\nurl = https://API.coinstore.com:443\nip_family = ipv6\n"
        "[listener bot]\nupstream = a\naccount = main\n",
        "countersign.ini:3: [upstream b] ip_rate: must be that of [upstream a], which reaches the same host from the "
        "same address, so that the exchange counts both together; it is 300/3s, and 200/3s there\n");
    config_free(accepts("[upstream a]\nip_rate = 200/3s\n[upstream b]\nbind_address = 192.0.2.1\n"
                        "[upstream c]\nproxy = socks5://192.0.2.1:1080\nip_rate = 100/3s\n"
                        "[upstream d]\nurl = https://futures.coinstore.com\nip_rate = off\n"
                        "[listener bot]\nupstream = a\naccount = main\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_the_built_in_configuration),
        cmocka_unit_test(a_listener_is_joined_to_the_sections_it_names),
        cmocka_unit_test(the_only_upstream_need_not_be_named),
        cmocka_unit_test(a_listener_must_name_its_account_even_where_there_is_one),
        cmocka_unit_test(a_name_of_no_section_is_answered_with_those_there_are),
        cmocka_unit_test(two_listeners_on_one_address_are_refused),
        cmocka_unit_test(an_unknown_section_is_named_and_its_keys_are_checked_as_those_of_the_one_meant),
        cmocka_unit_test(a_header_must_be_whole_and_named_as_its_kind_wants),
        cmocka_unit_test(what_is_given_twice_is_told_where_it_was_first),
        cmocka_unit_test(an_unknown_key_is_told_its_name_or_its_section),
        cmocka_unit_test(a_line_without_a_key_and_a_value_is_refused),
        cmocka_unit_test(a_line_that_begins_with_a_blank_is_not_glued_to_the_value_before_it),
        cmocka_unit_test(a_line_longer_than_the_parser_reads_is_refused_with_its_number),
        cmocka_unit_test(comments_marks_and_line_ends_of_other_systems_are_no_part_of_a_value),
        cmocka_unit_test(numbers_are_read_with_their_units_and_ranges),
        cmocka_unit_test(a_number_is_written_as_it_is_read),
        cmocka_unit_test(words_are_read_and_near_misses_named),
        cmocka_unit_test(an_upstream_is_an_https_origin_or_a_loopback_one),
        cmocka_unit_test(an_egress_proxy_has_a_scheme_a_host_and_a_port),
        cmocka_unit_test(a_listener_is_local),
        cmocka_unit_test(keys_that_must_agree_are_named_together),
        cmocka_unit_test(a_rate_is_a_count_in_a_time_or_off),
        cmocka_unit_test(upstreams_that_the_exchange_sees_at_one_address_have_one_rate),
        cmocka_unit_test(what_is_kept_has_no_bound_or_one_that_leaves_room),
        cmocka_unit_test(a_connect_timeout_that_nobody_gave_gives_way_to_a_short_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
