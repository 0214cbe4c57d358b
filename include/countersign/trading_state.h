/* Whether orders may be placed: one page of text in a file of the state folder, which every worker maps. Pure; any thread.
 *
 * The page begins with one word of 8 bytes, "RUNNING\n" or "STOPPED\n", which is looked at before each order leaves, with one
 * load. Behind it stand lines for people and for messages: a line for each stop, its parts between tabs, then "end". Every
 * other word, and every other form behind it, is a damaged page: orders are refused, whatever was meant. */
#ifndef COUNTERSIGN_TRADING_STATE_H
#define COUNTERSIGN_TRADING_STATE_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

enum {
    TRADING_PAGE_SIZE = 4096, /* bytes of the page and of its file */
    TRADING_WORD_SIZE = 8,
    TRADING_STOPS_MAX = 16,    /* at a time: one for all listeners, or one for each of several */
    TRADING_LISTENER_MAX = 32, /* bytes of a listener's name */
    TRADING_REASON_MAX = 160,  /* bytes, UTF-8 without control bytes */
    TRADING_SINCE_SIZE = 24    /* "2026-01-31T23:59:59Z" and its NUL */
};

/* Aligned, so that its word is one load. */
struct trading_page {
    _Alignas(TRADING_WORD_SIZE) char bytes[TRADING_PAGE_SIZE];
};

struct trading_stop {
    char listener[TRADING_LISTENER_MAX + 1]; /* "" for all */
    char since[TRADING_SINCE_SIZE];          /* UTC */
    int64_t uid;                             /* of who stopped it */
    char reason[TRADING_REASON_MAX + 1];     /* "" where none was given */
};

struct trading_state {
    struct trading_stop stops[TRADING_STOPS_MAX];
    size_t count;
};

enum trading_page_kind {
    TRADING_RUNS,
    TRADING_STOPPED,
    TRADING_CHANGING, /* its writer is at work, or died of it */
    TRADING_DAMAGED
};

/* The page's words; NUL-terminated, TRADING_WORD_SIZE bytes each. */
extern const char trading_word_running[];
extern const char trading_word_stopped[];
extern const char trading_word_changing[];

/* Writes a whole page, its word being RUNNING where there are no stops. False where a part of a stop is not of its form, or
 * they do not fit. */
MUST_CHECK bool trading_page_write(struct trading_page *page, const struct trading_state *state);

/* Reads a page, or what is there of it. `state` is empty but for TRADING_STOPPED. */
enum trading_page_kind trading_page_read(struct trading_state *state, struct slice page);

/* The stop that holds for this listener, or NULL. */
const struct trading_stop *trading_stop_for(const struct trading_state *state, const char *listener);

/* As it is at this moment, for a page that another process may be writing: one load. */
bool trading_page_runs(const struct trading_page *page);

/* Whether orders of this listener must not leave, as it is at this moment; `reason` of `size` bytes then says since when, by
 * whom, why, and how to lift it. Copies the page where it does not run; no system call. */
bool trading_page_stops(char *reason, size_t size, const struct trading_page *page, const char *listener);

/* Whether a reason may stand in a page: TRADING_REASON_MAX bytes at most, no control bytes. */
bool trading_reason_is_valid(struct slice reason);

#endif
