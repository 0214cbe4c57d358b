/* The templates that heads came to last (head_template.h), in pieces: a head that one of them gives, with the values at hand in its
 * holes, needs not be taken apart again. Most heads differ from one before in these alone. The recorder's thread. */
#ifndef COUNTERSIGN_CAPTURE_HEAD_MEMO_H
#define COUNTERSIGN_CAPTURE_HEAD_MEMO_H

#include "head_template.h"
#include "schema.h"

#include "countersign/digits.h"
#include "countersign/error.h"

enum { HEAD_MEMO_ENTRIES = 4, HEAD_MEMO_BYTES = 2048, HEAD_MEMO_PIECES = 12 };

/* The values as the view `exchange` puts them in; empty where there is none. */
struct head_texts {
    struct slice of[SCHEMA_HOLE_END];
    char expires[DIGITS_MAX];
    char length[DIGITS_MAX];
    char id[DIGITS_MAX];
};

/* All but the length of a body, which each head has of its own. */
void head_texts_take(struct head_texts *texts, const struct head_values *values);
void head_texts_take_length(struct head_texts *texts, size_t length);

struct head_memo {
    struct head_memo_entry {
        int64_t id; /* of the template's row; 0: none */
        size_t count;
        struct head_memo_piece {
            unsigned short length; /* of the bytes before the hole */
            unsigned char hole;    /* 0: none, behind the last piece */
        } pieces[HEAD_MEMO_PIECES];
        char bytes[HEAD_MEMO_BYTES]; /* the pieces' own, one behind the other */
    } entries[HEAD_MEMO_ENTRIES];
    size_t next; /* to be overwritten */
};

/* `count` empty ones, to be freed with free(). False when out of memory. */
MUST_CHECK bool head_memos_create(struct head_memo **memos, size_t count, struct error *error);

/* The id of a template that gives this head byte for byte, or 0. */
int64_t head_memo_find(const struct head_memo *memo, struct slice head, const struct head_texts *texts);

/* Too long a template, or one of too many pieces, is not kept. */
void head_memo_keep(struct head_memo *memo, struct slice template, int64_t id);

void head_memo_forget(struct head_memo *memo);

#endif
