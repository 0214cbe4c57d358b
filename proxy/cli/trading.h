/* `countersign stop-trading` and `resume-trading`: what they share. Private to this room. */
#ifndef COUNTERSIGN_CLI_TRADING_H
#define COUNTERSIGN_CLI_TRADING_H

#include "common.h"

#include "countersign/trading_switch.h"

struct trading_options {
    struct cli_config_options config;
    const char *listener; /* NULL: all */
    const char *reason;   /* NULL: none */
    bool status;
    bool json;
    bool help;
};

/* Where the switch is, and what is known of it. */
struct trading_place {
    char *state_dir;
    bool is_guessed; /* the configuration could not be read, and no --state-dir was given */
    bool is_at_work; /* a proxy that heeds it */
};

/* trading_place.c. Finds the folder: by the configuration, or without one that can be read (which is then printed) by
 * --state-dir or the default. `may_guess`: whether the default may stand for what the configuration says. False after it
 * printed why; *exit_code is then what to return. The caller frees place->state_dir. */
MUST_CHECK bool trading_place_find(struct trading_place *place, const struct trading_options *options,
                                   const char *command, bool may_guess, int *exit_code);

/* trading_print.c. For people, or with --json for programs; 3 where the output cannot be written. */
MUST_CHECK int trading_print_stopped(const struct trading_options *options, const struct trading_place *place,
                                     const struct trading_state *state);
MUST_CHECK int trading_print_resumed(const struct trading_options *options, const struct trading_place *place,
                                     const struct trading_state *state);
MUST_CHECK int trading_print_status(const struct trading_options *options, const struct trading_place *place,
                                    const struct trading_found *found);

#endif
