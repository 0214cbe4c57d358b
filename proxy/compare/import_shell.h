/* Command lines as a POSIX shell (and bash's $'...') would split them, without running anything. Private to this room. */
#ifndef COUNTERSIGN_COMPARE_IMPORT_SHELL_H
#define COUNTERSIGN_COMPARE_IMPORT_SHELL_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/slice.h"

enum { SHELL_WORDS_MAX = 1024 /* in one command */ };

/* One command. Words are valid until the next one is read or shell_end. */
struct shell {
    struct slice text;
    size_t offset;                /* behind the last command */
    size_t command_at;            /* where it began */
    size_t command_line;          /* and in which line; counted on from one command to the next */
    struct buffer letters;        /* of its words, one after another */
    size_t ends[SHELL_WORDS_MAX]; /* where each ends in `letters` */
    size_t count;
    struct error *error;
};

void shell_begin(struct shell *shell, struct slice text, struct error *error);
void shell_end(struct shell *shell);

/* Reads the next command's words. `*is_end`: there is none. False where it cannot be read without a shell. */
MUST_CHECK bool shell_next_command(struct shell *shell, bool *is_end);

struct slice shell_word(const struct shell *shell, size_t index);

#endif
