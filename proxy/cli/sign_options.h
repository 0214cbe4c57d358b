/* The options of `countersign sign`. Private to this room. */
#ifndef COUNTERSIGN_CLI_SIGN_OPTIONS_H
#define COUNTERSIGN_CLI_SIGN_OPTIONS_H

#include "common.h"

#include <stdint.h>

struct sign_options {
    struct cli_config_options config;
    const char *account;
    const char *method;
    const char *target;
    const char *body;
    const char *body_file;
    const char *at;
    int64_t at_ms; /* what `at` says; meaningless where that is NULL */
    bool curl;
    bool json;
    bool show_key;
    bool help;
};

extern const char sign_help[];

/* Reads and checks; with --help nothing is checked. False after a line was printed: the command line is wrong. End with
 * cli_config_options_end(&options->config) in any case. */
MUST_CHECK bool sign_options_read(struct sign_options *options, int argc, char **argv);

#endif
