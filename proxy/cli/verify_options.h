/* The options of `countersign verify`. Private to this room. */
#ifndef COUNTERSIGN_CLI_VERIFY_OPTIONS_H
#define COUNTERSIGN_CLI_VERIFY_OPTIONS_H

#include "common.h"
#include "terminal.h"

#include "countersign/record.h"

struct verify_options {
    struct cli_config_options config;
    const char *account;
    const char *word; /* an exchange or a file; NULL: the request is in the fields */
    const char *method;
    const char *target; /* path and query, or a URL */
    const char *body;
    const char *body_file;
    const char *expires;
    const char *signature;
    const char *api_key;
    const char *format;
    const char *store;
    const char *view_word;
    const char *color_word;
    enum record_view view; /* RECORD_VIEW_COUNT: where the signature is */
    enum terminal_color_choice color;
    bool json;
    bool list;
    bool help;
};

extern const char verify_help[];

/* Reads and checks; with --help and --list nothing is checked. False after a line was printed: the command line is wrong.
 * End with cli_config_options_end(&options->config) in any case. */
MUST_CHECK bool verify_options_read(struct verify_options *options, int argc, char **argv);

#endif
