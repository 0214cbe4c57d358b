/* The options of `countersign doctor`. */
#include "doctor_options.h"

#include "options.h"

#include "countersign/slice.h"

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

static bool read_timeout(struct doctor_options *options, const char *text)
{
    uint64_t seconds;
    if (!slice_to_u64(slice_text(text), &seconds) || seconds == 0 || seconds > TIMEOUT_MAX_S)
        return cli_usage_error("doctor", "--timeout wants seconds, 1 to %d, not \"%.40s\"", TIMEOUT_MAX_S, text) == 0;
    options->timeout_us = (int64_t)seconds * SECOND_US;
    return true;
}

bool doctor_options_read(struct doctor_options *options, int argc, char **argv)
{
    static const struct cli_option table[] = {
        CLI_OPTION(struct doctor_options, "account", '\0', account),
        CLI_OPTION(struct doctor_options, "upstream", '\0', upstream),
        CLI_OPTION(struct doctor_options, "timeout", '\0', timeout),
        CLI_OPTION(struct doctor_options, "offline", '\0', offline),
        CLI_OPTION(struct doctor_options, "json", '\0', json),
        CLI_OPTION(struct doctor_options, "help", 'h', help),
    };
    static const struct cli_syntax syntax = { "doctor", table, ARRAY_LENGTH(table), 0 };
    struct cli_words words;
    *options = (struct doctor_options){ .timeout_us = (int64_t)TIMEOUT_DEFAULT_S * SECOND_US };
    return cli_options_read(&words, options, &options->config, &syntax, argc, argv) &&
           (options->timeout == NULL || read_timeout(options, options->timeout));
}
