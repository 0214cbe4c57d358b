/* One reader of command lines for all subcommands: a table of a command's own options, from which getopt's arrays and the
 * reading come; and the configuration's options beside them. Private to this room. */
#ifndef COUNTERSIGN_CLI_OPTIONS_H
#define COUNTERSIGN_CLI_OPTIONS_H

#include "common.h"

#include <stddef.h>

struct cli_option {
    const char *name; /* as in --name */
    char letter;      /* '\0': none */
    bool takes_value; /* the member is a const char *, else a bool */
    size_t offset;    /* of the member in the command's struct */
};

/* A row for a member of `type`: a const char * takes the option's value, a bool becomes true. */
#define CLI_OPTION(type, option_name, option_letter, member)                                                             \
    {                                                                                                                    \
        .name = (option_name), .letter = (option_letter),                                                              \
        .takes_value = _Generic(((type *)0)->member, const char *: true, bool: false),                                 \
        .offset = offsetof(type, member) \
    }

enum { CLI_OPTIONS_MAX = 32 };

struct cli_syntax {
    const char *command;              /* how its errors begin: "doctor", "keys add" */
    const struct cli_option *options; /* its own; -h and --help only where they are among them */
    size_t option_count;              /* at most CLI_OPTIONS_MAX */
    size_t words_max;                 /* arguments that are no option */
};

struct cli_words {
    char *const *items; /* in argv, which getopt puts in order */
    size_t count;
};

/* Reads argv[1] and on. `into` is the command's struct. `config`: NULL for a command that reads no configuration. What is
 * given twice counts as given last. False after a line was printed: the command line is wrong. */
MUST_CHECK bool cli_options_read(struct cli_words *words, void *into, struct cli_config_options *config,
                                 const struct cli_syntax *syntax, int argc, char **argv);

#endif
