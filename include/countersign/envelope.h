/* The exchange's envelope: what an answer says of itself. An answer is JSON with `code` and `message` (or `msg`), and a
 * failure usually comes as HTTP 200. The one home of this rule, for exchanges of our own and imported ones. Pure; any
 * thread. Source: the exchange's documentation, "Answers". */
#ifndef COUNTERSIGN_ENVELOPE_H
#define COUNTERSIGN_ENVELOPE_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

enum {
    ENVELOPE_MAX = 33554432, /* bytes a compressed answer may unfold to for being looked into */
    ENVELOPE_CODE_MAX = 40   /* bytes of a `code`; a longer one is none */
};

enum envelope_verdict {
    ENVELOPE_OK,
    ENVELOPE_API_ERROR,  /* `code` is not success, whatever the HTTP status */
    ENVELOPE_HTTP_ERROR, /* the HTTP status alone says no */
    ENVELOPE_NO_CODE,    /* a `code` had to be there, and none can be read: done or not, nobody knows */
    ENVELOPE_VERDICT_COUNT
};

/* An answer that came whole, and what it answers. Borrowed. */
struct envelope_answer {
    struct slice method;
    struct slice target;
    bool is_public; /* the endpoint's class: public endpoints may answer without a `code` */
    int status;
    struct slice coding; /* Content-Encoding's value, empty where there is none */
    struct slice body;   /* as it came */
};

struct envelope {
    enum envelope_verdict verdict;
    char code[ENVELOPE_CODE_MAX]; /* as written, without quotes, printable ASCII; no NUL */
    size_t code_length;           /* 0: none */
    bool has_message;             /* and `message` got it */
    bool is_unreadable;           /* the body's coding is unknown, broken or unfolds beyond ENVELOPE_MAX */
};

/* Reads an answer. Its message, escapes resolved, is put into `message`, which is emptied first. */
void envelope_read(struct envelope *envelope, struct buffer *message, const struct envelope_answer *answer);

#endif
