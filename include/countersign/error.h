/* The one error type. A failing function says what was tried, on what, and what to do about it.
 *
 * Functions that can fail return bool (true: done) and take `struct error *error` as their last argument. It is written
 * on failure only. On failure outputs are left as they were or empty, never half made. */
#ifndef COUNTERSIGN_ERROR_H
#define COUNTERSIGN_ERROR_H

#include "countersign/compiler.h"

#include <stdbool.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_USAGE,   /* the command line is wrong */
    ERROR_CONFIG,  /* the configuration is wrong */
    ERROR_INPUT,   /* what was given (a file, an id, a value) is wrong */
    ERROR_LIMIT,   /* a bound of ours was reached */
    ERROR_SYSTEM,  /* the operating system said no */
    ERROR_NETWORK, /* a peer or the network said no */
    ERROR_MEMORY,  /* out of memory */
    ERROR_INTERNAL /* a library refused what it should not have */
};

enum { ERROR_MESSAGE_MAX = 768 };

struct error {
    enum error_kind kind;
    char message[ERROR_MESSAGE_MAX]; /* one line, no newline, never a secret */
};

/* Sets kind and message (cut to fit). `error` may be NULL. Always returns false, so that a failing step can
 * `return error_set(...)`. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* As error_set with kind ERROR_SYSTEM and ": " plus the text of `number` (an errno value) behind the message. */
bool error_system(struct error *error, int number, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "PREFIX: " before the message. Always returns false. */
bool error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* The program's exit code for this kind: 2 for usage, configuration and input, 3 for the rest, 0 for ERROR_NONE. */
int error_exit_code(enum error_kind kind);

#endif
