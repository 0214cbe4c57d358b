/* `countersign keys`: the table of its subcommands and their options. One thread. */
#include "keys.h"

#include "terminal.h"

#include "countersign/cli.h"
#include "countersign/signer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_PASSPHRASE_FD = 1,
    OPTION_NEW_PASSPHRASE_FD,
    OPTION_KEY_FROM,
    OPTION_SECRET_FROM,
    OPTION_YES,
    OPTION_JSON,
    OPTION_LOCKED
};

#define HELP_COMMON                                                                                                    \
    "      --passphrase-fd N read the passphrase from descriptor N, its first line, instead of asking for it or of\n"  \
    "                        what proxy.keystore_passphrase names\n" CLI_CONFIG_HELP                                   \
    "  -h, --help            this text\n"

#define HELP_PAIR                                                                                                      \
    "      --api-key-from SOURCE, --api-secret-from SOURCE\n"                                                          \
    "                        instead of asking: env:NAME, file:PATH, credential:NAME, command:LINE, or fd:N, a line\n" \
    "                        of an open descriptor. Never the key itself: other users see a command's arguments.\n"

static const char help[] =
    "Usage: countersign keys add NAME [OPTIONS]\n"
    "       countersign keys list [--json]\n"
    "       countersign keys rotate NAME [OPTIONS]\n"
    "       countersign keys remove NAME [--yes]\n"
    "       countersign keys passphrase\n"
    "\n"
    "Keeps API keys and secrets in one encrypted file, the keystore (STATE_DIR/keystore). An account takes its key "
    "and\n"
    "secret from there with\n"
    "\n"
    "  api_key = keystore:NAME\n"
    "  api_secret = keystore:NAME\n"
    "\n"
    "`serve`, `sign`, `verify` and `doctor` then ask for the passphrase when they start, or read it where\n"
    "proxy.keystore_passphrase says: prompt, fd:N, credential:NAME, file:PATH, command:LINE or env:NAME. A passphrase\n"
    "that is lost cannot be found again.\n"
    "\n"
    "`countersign keys SUBCOMMAND --help` says more.\n";

static const char add_help[] =
    "Usage: countersign keys add NAME [OPTIONS]\n"
    "\n"
    "Adds an API key and its secret under a name: letters, digits, - and _, at most 24. Both are asked for on the\n"
    "terminal, the secret without echo. Without a keystore yet, one is made, under a new passphrase.\n"
    "\n" HELP_PAIR HELP_COMMON "\n"
    "  printf '%s\\n%s\\n%s\\n' \"$PASSPHRASE\" \"$KEY\" \"$SECRET\" |\n"
    "      countersign keys add main --passphrase-fd 0 --api-key-from fd:0 --api-secret-from fd:0\n";

static const char list_help[] = "Usage: countersign keys list [OPTIONS]\n"
                                "\n"
                                "Lists names, masked API keys, generations (1 as added, one more with each rotation), "
                                "dates, and the accounts of the\n"
                                "configuration that use them. Never a secret.\n"
                                "\n"
                                "      --json            one JSON object a line\n"
                                "      --locked          without the passphrase: API keys are not shown, and somebody "
                                "may have changed the rest\n" HELP_COMMON;

static const char rotate_help[] =
    "Usage: countersign keys rotate NAME [OPTIONS]\n"
    "\n"
    "Gives a name another API key and secret, and says how a running proxy takes them: by SIGHUP, without a restart.\n"
    "Make the new key at the exchange first; delete the old one there when the new one is in use.\n"
    "\n" HELP_PAIR HELP_COMMON;

static const char remove_help[] =
    "Usage: countersign keys remove NAME [OPTIONS]\n"
    "\n"
    "Removes an entry. It asks first, on a terminal. A key that nobody is to use any more must be deleted at the\n"
    "exchange, too: a copy of the file still holds it.\n"
    "\n"
    "      --yes             do not ask\n" HELP_COMMON;

static const char passphrase_help[] =
    "Usage: countersign keys passphrase [OPTIONS]\n"
    "\n"
    "Changes the passphrase: everything is encrypted anew. A proxy that runs must be started again before its next\n"
    "SIGHUP. A copy of the old file still opens with the old passphrase.\n"
    "\n"
    "      --new-passphrase-fd N\n"
    "                        read the new one from descriptor N instead of asking for it twice\n" HELP_COMMON;

#define OPTION_ROW(name, argument, value)                                                                              \
    {                                                                                                                  \
        name, argument, NULL, value                                                                                    \
    }
#define COMMON_ROWS                                                                                                    \
    OPTION_ROW("help", no_argument, 'h'), OPTION_ROW("passphrase-fd", required_argument, OPTION_PASSPHRASE_FD),        \
        CLI_CONFIG_LONG_OPTIONS, OPTION_ROW(NULL, 0, 0)

static const struct option pair_options[] = {
    OPTION_ROW("api-key-from", required_argument, OPTION_KEY_FROM),
    OPTION_ROW("api-secret-from", required_argument, OPTION_SECRET_FROM),
    COMMON_ROWS,
};
static const struct option list_options[] = {
    OPTION_ROW("json", no_argument, OPTION_JSON),
    OPTION_ROW("locked", no_argument, OPTION_LOCKED),
    COMMON_ROWS,
};
static const struct option remove_options[] = {
    OPTION_ROW("yes", no_argument, OPTION_YES),
    COMMON_ROWS,
};
static const struct option passphrase_options[] = {
    OPTION_ROW("new-passphrase-fd", required_argument, OPTION_NEW_PASSPHRASE_FD),
    COMMON_ROWS,
};

static const char short_options[] = ":h" CLI_CONFIG_SHORT_OPTIONS;

static const struct subcommand {
    const char *word;
    const char *name; /* how its errors begin */
    const struct option *options;
    const char *help;
    bool takes_name;
    bool (*run)(const struct keys_run *run, struct error *error);
} subcommands[] = {
    { "add", "keys add", pair_options, add_help, true, keys_add },
    { "list", "keys list", list_options, list_help, false, keys_list },
    { "rotate", "keys rotate", pair_options, rotate_help, true, keys_rotate },
    { "remove", "keys remove", remove_options, remove_help, true, keys_remove },
    { "passphrase", "keys passphrase", passphrase_options, passphrase_help, false, keys_passphrase },
};

bool keys_print(struct buffer *out, struct error *error)
{
    bool done = out->failed ? error_set(error, ERROR_MEMORY, "no memory for what is to be printed")
                            : terminal_write(STDOUT_FILENO, buffer_slice(out), error);
    buffer_free(out);
    return done;
}

/* Standard output and standard error are for what is said. */
static int set_descriptor(char *source, const struct subcommand *subcommand, const char *value)
{
    uint64_t number;
    if (!slice_to_u64(slice_text(value), &number) || number > INT32_MAX || number == 1 || number == 2)
        return cli_usage_error(subcommand->name, "expected the number of an open descriptor, 0 or 3 and above");
    (void)snprintf(source, KEYS_SOURCE_MAX, "fd:%d", (int)number); /* fits */
    return 0;
}

/* Returns 0, or the exit code after having printed what is wrong. */
static int take_option(struct keys_options *options, const struct subcommand *subcommand, int option)
{
    switch (option) {
    case 'h':
        options->help = true;
        return 0;
    case OPTION_YES:
        options->yes = true;
        return 0;
    case OPTION_JSON:
        options->json = true;
        return 0;
    case OPTION_LOCKED:
        options->locked = true;
        return 0;
    case OPTION_KEY_FROM:
        options->api_key_from = optarg;
        return 0;
    case OPTION_SECRET_FROM:
        options->api_secret_from = optarg;
        return 0;
    case OPTION_PASSPHRASE_FD:
        return set_descriptor(options->passphrase, subcommand, optarg);
    case OPTION_NEW_PASSPHRASE_FD:
        return set_descriptor(options->new_passphrase, subcommand, optarg);
    default:
        return cli_config_option(&options->config, option, optarg) ? 0 : error_exit_code(ERROR_USAGE);
    }
}

/* A name that is none is not shown: it may be a key that was pasted. */
static int take_name(struct keys_options *options, const struct subcommand *subcommand, int argc, char **argv)
{
    if (options->help)
        return 0;
    if (argc - optind > (subcommand->takes_name ? 1 : 0))
        return cli_usage_error(subcommand->name, "there are too many arguments: %s",
                               subcommand->takes_name ? "one NAME is all it takes" : "it takes options alone");
    if (!subcommand->takes_name)
        return 0;
    if (optind == argc)
        return cli_usage_error(subcommand->name, "which? Give the entry's NAME");
    if (!config_keystore_name_valid(slice_text(argv[optind])))
        return cli_usage_error(
            subcommand->name,
            "a NAME is letters, digits, - and _, at most %d of them; what stands there is not shown, "
            "as it may be a key",
            CONFIG_KEYSTORE_NAME_MAX);
    options->name = argv[optind];
    return 0;
}

static int read_options(struct keys_options *options, const struct subcommand *subcommand, int argc, char **argv)
{
    int option, exit_code = 0;
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while (exit_code == 0 && (option = getopt_long(argc, argv, short_options, subcommand->options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return cli_refuse_option(subcommand->name, option, argv[optind - 1], short_options, subcommand->options);
        exit_code = take_option(options, subcommand, option);
    }
    return exit_code != 0 ? exit_code : take_name(options, subcommand, argc, argv);
}

static int run_loaded(const struct subcommand *subcommand, const struct keys_options *options,
                      const struct config *config)
{
    const char *source = options->passphrase[0] != '\0' ? options->passphrase : config->proxy.keystore_passphrase;
    const struct keys_run run = {
        .options = options,
        .config = config,
        .place = { .state_dir = config->proxy.state_dir, .passphrase = source },
    };
    struct error error;
    if (!signer_prepare_process(&error) || !subcommand->run(&run, &error))
        return cli_failure(subcommand->name, &error);
    return 0;
}

static int run(const struct subcommand *subcommand, int argc, char **argv)
{
    struct keys_options options = { .name = NULL };
    struct config *config = NULL;
    int exit_code = read_options(&options, subcommand, argc, argv);
    if (exit_code == 0 && options.help)
        (void)fputs(subcommand->help, stdout); /* its reader sees a failure */
    else if (exit_code == 0 && cli_config_load(&config, &options.config, &exit_code))
        exit_code = run_loaded(subcommand, &options, config);
    config_free(config);
    cli_config_options_end(&options.config);
    return exit_code;
}

int cli_keys(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    static const char *const words[] = { "add", "list", "rotate", "remove", "passphrase", NULL };
    if (word == NULL)
        return cli_usage_error("keys", "which? add, list, rotate, remove or passphrase");
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        (void)fputs(help, stdout); /* its reader sees a failure */
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (strcmp(word, subcommands[i].word) == 0)
            return run(&subcommands[i], argc - 1, argv + 1);
    }
    const char *meant = config_nearest_word(word, words);
    return cli_usage_error("keys", "that is not a subcommand%s%s%s",
                           meant == NULL ? ": add, list, rotate, remove, passphrase" : "; did you mean `",
                           meant == NULL ? "" : meant, meant == NULL ? "" : "`?");
}
