/* The switch that stops trading: STATE_DIR/trading, one page of trading_state.h, for every worker of the proxy that records
 * there, and for the next one. STATE_DIR/trading.stopped, for people, stands beside it while something is stopped; so that a
 * switch that was deleted meanwhile is missed, and not made anew as running.
 *
 * The file is written in place, never replaced, so that who has mapped it sees each change at once. */
#ifndef COUNTERSIGN_TRADING_SWITCH_H
#define COUNTERSIGN_TRADING_SWITCH_H

#include "countersign/error.h"
#include "countersign/trading_state.h"

/* --- for commands; any process of the folder's owner --- */

struct trading_found {
    enum trading_page_kind kind;
    struct trading_state state; /* of TRADING_STOPPED */
    struct error reason;        /* of TRADING_DAMAGED: what is wrong, and with what */
};

/* Reads the switch. One that was never made runs. What is there and cannot be believed (another owner, writable by others,
 * not of its form) is TRADING_DAMAGED. False where the folder cannot be looked at. */
MUST_CHECK bool trading_switch_read(struct trading_found *found, const char *state_dir, struct error *error);

/* Adds this stop; one of the same listener is replaced, and one for all takes the place of all others. Makes the file where
 * there is none. When it returns, no order that a proxy there receives from then on will leave, and it is on the disk. `after`
 * is what then holds. A damaged switch is mended by a stop of all, and refuses one of a single listener. */
MUST_CHECK bool trading_switch_stop(struct trading_state *after, const char *state_dir, const struct trading_stop *stop,
                                    struct error *error);

/* Lifts the stop of this listener, or (NULL) everything; mends a damaged or missing switch where it lifts everything.
 * ERROR_INPUT where the listener's stop is one for all. */
MUST_CHECK bool trading_switch_resume(struct trading_state *after, const char *state_dir, const char *listener,
                                      struct error *error);

/* --- for the proxy --- */

struct trading_watch;

/* Makes the switch, running, where there is none; maps it, and watches over it on a thread of its own: a switch that is
 * deleted, cut short, handed to another owner or damaged stops all orders until it is mended, and each change is logged. Fails
 * where it is damaged already. Once in a process: it takes SIGBUS, for a file that is cut short under the mapping. */
MUST_CHECK bool trading_watch_open(struct trading_watch **watch, const char *state_dir, struct error *error);

/* The mapped page: stays at its place until trading_watch_close. */
const struct trading_page *trading_watch_page(const struct trading_watch *watch);

/* Logs a warning for each stop that holds. */
void trading_watch_report(const struct trading_watch *watch);

/* After the last look at the page. NULL is allowed. */
void trading_watch_close(struct trading_watch *watch);

#endif
