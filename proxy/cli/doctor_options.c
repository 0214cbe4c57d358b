/* The options of `countersign doctor`. */
#include "doctor_options.h"

#include "countersign/slice.h"

enum { OPTION_ACCOUNT = 1, OPTION_UPSTREAM, OPTION_TIMEOUT, OPTION_OFFLINE, OPTION_JSON, OPTION_HELP };

enum { TIMEOUT_DEFAULT_S = 10, TIMEOUT_MAX_S = 120, SECOND_US = 1000000 };

const char doctor_help[] =
    "usage: countersign doctor [OPTIONS]\n"
    "\n"
    "Finds out why requests are refused: looks at configuration, key and secret, compares the clocks, follows the way "
    "to\n"
    "the exchange, and asks for the balance: over IPv4, over IPv6, through the egress proxy, with the right signature\n"
    "and with a wrong one. Says what each step means, and the likeliest cause in one sentence. At most 12 requests, "
    "all\n"
    "of them reads: it never places, cancels or moves anything.\n"
    "\n"
    "      --account NAME    whose key (default: the only account)\n"
    "      --upstream NAME   which exchange (default: where the account's first listener forwards to)\n"
    "      --timeout SECONDS how long each request may take (default: 10)\n"
    "      --offline         ask nothing: configuration, key and secret alone\n"
    "      --json            one JSON object a line: each check, and the verdict at the end\n" CLI_CONFIG_HELP
    "  -h, --help            this text\n"
    "\n"
    "Exit code 0: all is well; 1: a cause was found; 2: could not tell, or usage or configuration are wrong;\n"
    "3: this program could not do its work.\n";

static const char **text_option(struct doctor_options *options, int option)
{
    if (option == OPTION_ACCOUNT)
        return &options->account;
    return option == OPTION_UPSTREAM ? &options->upstream : NULL;
}

static bool *switch_option(struct doctor_options *options, int option)
{
    switch (option) {
    case OPTION_OFFLINE:
        return &options->offline;
    case OPTION_JSON:
        return &options->json;
    case OPTION_HELP:
    case 'h':
        return &options->help;
    default:
        return NULL;
    }
}

static bool read_timeout(struct doctor_options *options, const char *text)
{
    uint64_t seconds;
    if (!slice_to_u64(slice_text(text), &seconds) || seconds == 0 || seconds > TIMEOUT_MAX_S)
        return cli_usage_error("doctor", "--timeout wants seconds, 1 to %d, not \"%.40s\"", TIMEOUT_MAX_S, text) == 0;
    options->timeout_us = (int64_t)seconds * SECOND_US;
    return true;
}

static bool take(struct doctor_options *options, int option, const char *value)
{
    const char **text = text_option(options, option);
    bool *flag = switch_option(options, option);
    if (text != NULL)
        *text = value;
    else if (flag != NULL)
        *flag = true;
    else if (option == OPTION_TIMEOUT)
        return read_timeout(options, value);
    else
        return cli_config_option(&options->config, option, value);
    return true;
}

bool doctor_options_read(struct doctor_options *options, int argc, char **argv)
{
    static const char shorts[] = ":h" CLI_CONFIG_SHORT_OPTIONS;
    static const struct option longs[] = {
        { "account", required_argument, NULL, OPTION_ACCOUNT },
        { "upstream", required_argument, NULL, OPTION_UPSTREAM },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "offline", no_argument, NULL, OPTION_OFFLINE },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, OPTION_HELP },
        CLI_CONFIG_LONG_OPTIONS,
        { NULL, 0, NULL, 0 },
    };
    int option;
    *options = (struct doctor_options){ .timeout_us = (int64_t)TIMEOUT_DEFAULT_S * SECOND_US };
    optind = 1;
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == '?' || option == ':')
            return cli_refuse_option("doctor", option, argv[optind - 1], shorts) == 0;
        if (!take(options, option, optarg))
            return false;
    }
    if (optind < argc)
        return cli_usage_error("doctor", "unexpected argument \"%s\"", argv[optind]) == 0;
    return true;
}
