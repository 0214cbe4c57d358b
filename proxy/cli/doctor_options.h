/* The options of `countersign doctor`. Private to this room. */
#ifndef COUNTERSIGN_CLI_DOCTOR_OPTIONS_H
#define COUNTERSIGN_CLI_DOCTOR_OPTIONS_H

#include "common.h"

#include <stdint.h>

struct doctor_options {
    struct cli_config_options config;
    const char *account;  /* NULL: the only one */
    const char *upstream; /* NULL: the account's */
    const char *timeout;  /* as given; NULL: the default */
    int64_t timeout_us;   /* of each request */
    bool offline;
    bool json;
    bool help;
};

extern const char doctor_help[];

/* Reads and checks. False after a line was printed: the command line is wrong. End with
 * cli_config_options_end(&options->config) in any case. */
MUST_CHECK bool doctor_options_read(struct doctor_options *options, int argc, char **argv);

#endif
