/* The program's entry: the table of subcommands. Owns nothing; one thread until a subcommand starts more. */
#include "countersign/cli.h"
#include "countersign/compiler.h"
#include "countersign/config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL: started by the program itself, not shown */
};

static const struct subcommand subcommands[] = {
    { "serve", cli_serve, "run the proxy: sign, forward and record requests (--demo needs no key)" },
    { "log", cli_log, "list and show recorded exchanges" },
    { "reconcile", cli_reconcile, "say what became of orders in doubt; asks, and never places anything" },
    { "sign", cli_sign, "sign one request by hand and show every step" },
    { "verify", cli_verify, "say whether a request is signed right, and what was signed instead" },
    { "doctor", cli_doctor, "find out why requests are refused; asks, and never places anything" },
    { "mock", cli_mock, "run a mock exchange that checks signatures as documented" },
    { "stop-trading", cli_stop_trading, "keep orders from leaving, at once; cancels and reads pass" },
    { "resume-trading", cli_resume_trading, "let orders leave again" },
    { "config", cli_config, "check, show and explain the configuration" },
    { "keys", cli_keys, "keep API keys and secrets in an encrypted file: add, list, rotate, remove" },
    { "policy", cli_policy, "what may pass: list, check a request, suggest the tightest rules" },
    { "explain", cli_explain, "what a code, a status or an error means, why it comes, what to do" },
    { "proxy-process", cli_proxy, NULL },
};

static void print_help(FILE *out)
{
    (void)fputs("countersign " COUNTERSIGN_VERSION
                ": signs requests to the Coinstore exchange and records every byte\n\n"
                "usage: countersign COMMAND [OPTIONS]\n\n",
                out); /* a failing standard output shows in the exit of whoever reads it */
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (subcommands[i].help != NULL)
            (void)fprintf(out, "  %-14s %s\n", subcommands[i].name, subcommands[i].help); /* likewise */
    }
    (void)fputs("\n`countersign COMMAND --help` says more. Begin with `countersign serve --demo`.\n",
                out); /* likewise */
}

/* The commands for people, NULL-terminated, into `words`; returns it. */
static const char *const *command_words(const char **words)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (subcommands[i].help != NULL)
            words[count++] = subcommands[i].name;
    }
    words[count] = NULL;
    return words;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail: a peer that leaves is an error code, not the program's end */
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(argc > 1 ? stdout : stderr);
        return argc > 1 ? 0 : 2;
    }
    if (strcmp(name, "--version") == 0) {
        (void)puts("countersign " COUNTERSIGN_VERSION); /* as above */
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(subcommands); i++) {
        if (strcmp(name, subcommands[i].name) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    }
    const char *words[ARRAY_LENGTH(subcommands) + 1];
    const char *meant = config_nearest_word(name, command_words(words));
    (void)fprintf(stderr, "countersign: there is no command \"%s\"%s%s%s\n\n", name,
                  meant == NULL ? "" : "; did you mean `", meant == NULL ? "" : meant,
                  meant == NULL ? "" : "`?"); /* as above */
    print_help(stderr);
    return 2;
}
