/* What `serve` and the proxy process it starts share. Private to this room. */
#ifndef COUNTERSIGN_CLI_SERVE_H
#define COUNTERSIGN_CLI_SERVE_H

#include "common.h"

#include <sys/types.h>

struct serve_options {
    struct cli_config_options config;
    bool demo;
    bool help;
};

/* Reads the options of `serve` and `proxy-process`: they are the same. False after a usage error was printed. */
MUST_CHECK bool serve_options_read(struct serve_options *options, int argc, char **argv);

/* The demo's configuration is built in: a file of the user's, with real accounts, plays no part in it. */
#define DEMO_CONFIG_FILE "/dev/null"

/* demo.c: the mock exchange that `serve --demo` puts behind the proxy */
struct demo {
    pid_t mock;       /* the mock exchange's process */
    int mock_process; /* the same as pidfd_open(2) has it */
    char state_dir[512];
    char url[160];
    char ca_file[600];
};

/* Makes up a key (into this process's COINSTORE_* variables), makes a certificate, starts the mock exchange as a child
 * process that dies with this one, and adds the settings that point the proxy at it. `demo` must outlive the options. */
MUST_CHECK bool demo_start(struct demo *demo, struct cli_config_options *options, struct error *error);
void demo_stop(const struct demo *demo);

/* Prints what to paste, once the proxy listens at `address`. Called in the proxy process. */
void demo_print(const char *address, const char *state_dir);

#endif
