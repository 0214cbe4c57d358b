/* Reads along with libmicrohttpd: every byte of a connection passes here before the library sees it, and what follows the
 * first byte that HTTP/1.1 does not allow at its place (RFC 9112, without what it lets a reader forgive) never does.
 *
 * Why: 0.9.75 takes much that others read differently (a lone LF, blanks around the target, blank and NUL lines before the
 * request line, lone LFs between chunks), and what it does not take it answers by itself or closes without a word: neither
 * the handler nor the record hears of it, and some of those answers go out with their head twice. So where a byte is wrong,
 * the library gets in its place the shortest end that makes the request one to hand over (`gate_ending`); the front then
 * tells the handler what was wrong, and the one answer is the handler's.
 *
 * A gate is pure: no I/O, no memory of its own; one connection, its loop's thread. gate_recv.c puts bytes through it. */
#ifndef COUNTERSIGN_FRONT_GATE_H
#define COUNTERSIGN_FRONT_GATE_H

#include "countersign/front.h"

enum {
    GATE_NAME_MAX = 24,        /* bytes of a field name that are kept: more than any that the gate knows */
    GATE_CHUNK_LINE_MAX = 256, /* bytes of a chunk's size and extensions */
    GATE_AHEAD_MAX = 4096      /* bytes that may be read behind the request under way; see gate_allowance */
};

enum gate_state {
    GATE_LINE,         /* before a request's first byte */
    GATE_METHOD,       /* in it */
    GATE_TARGET_FIRST, /* behind the method's blank */
    GATE_TARGET,
    GATE_VERSION, /* `matched` bytes of "HTTP/1.1", CR, LF were seen */
    GATE_FIELD,   /* before a field's first byte, or the empty line */
    GATE_NAME,
    GATE_VALUE,
    GATE_VALUE_LF, /* CR was seen */
    GATE_END_LF,   /* of the empty line */
    GATE_BODY,
    GATE_CHUNK_FIRST, /* before a chunk's size */
    GATE_CHUNK_SIZE,
    GATE_CHUNK_EXTENSION,
    GATE_CHUNK_LF,
    GATE_CHUNK_DATA,
    GATE_CHUNK_DATA_CR, /* behind the data */
    GATE_CHUNK_DATA_LF,
    GATE_SHUT /* where the request ends cannot be known: head.c refuses it, and nothing more passes */
};

/* What was wrong; one row each in gate_fault.c. */
enum gate_fault {
    GATE_FINE = 0,
    GATE_FAULT_TLS,
    GATE_FAULT_EMPTY_LINE,
    GATE_FAULT_LINE_START,
    GATE_FAULT_METHOD,
    GATE_FAULT_NO_TARGET,
    GATE_FAULT_TARGET,
    GATE_FAULT_NO_VERSION,
    GATE_FAULT_VERSION,
    GATE_FAULT_LINE_END,
    GATE_FAULT_LONE_LF,
    GATE_FAULT_LONE_CR,
    GATE_FAULT_FOLDED,
    GATE_FAULT_BLANK_FIRST,
    GATE_FAULT_BLANK_BEFORE_COLON,
    GATE_FAULT_NO_COLON,
    GATE_FAULT_NAME,
    GATE_FAULT_VALUE,
    GATE_FAULT_LENGTH,
    GATE_FAULT_LENGTH_RANGE,
    GATE_FAULT_COOKIE,
    GATE_FAULT_CHUNK_SIZE,
    GATE_FAULT_CHUNK_EXTENSION,
    GATE_FAULT_CHUNK_END,
    GATE_FAULT_CHUNK_RANGE,
    GATE_FAULT_HEAD_SIZE,
    GATE_FAULT_FIELD_COUNT,
    GATE_FAULT_BYPASSED,
    GATE_FAULT_LATE,
    GATE_FAULT_COUNT
};

/* Where in a Cookie field: `matched`, in it. */
enum gate_cookie {
    GATE_COOKIE_START,
    GATE_COOKIE_NAME,
    GATE_COOKIE_VALUE_FIRST, /* behind the equals sign */
    GATE_COOKIE_VALUE,
    GATE_COOKIE_LONE_QUOTE, /* the value is a quotation mark so far */
    GATE_COOKIE_QUOTED
};

enum gate_field { GATE_FIELD_OTHER, GATE_FIELD_LENGTH, GATE_FIELD_CODING, GATE_FIELD_COOKIE };

struct gate {
    size_t head_max;     /* bytes of a head, trailer fields included */
    uint64_t chunks_max; /* bytes of a chunked body, below 2^59 */
    enum gate_state state;
    uint64_t requests; /* whose first byte has come */
    uint64_t offset;   /* bytes of this request so far */

    /* of this request's head */
    size_t head_size;   /* bytes; those of Cookie values count twice */
    size_t field_count; /* complete ones, without trailer fields */
    size_t entry_count; /* what libmicrohttpd keeps 64 bytes for: fields, trailer fields, cookies */
    unsigned length_count;
    unsigned coding_count;
    bool coding_is_chunked;
    bool is_http_1_0;
    bool in_trailer;
    uint64_t length; /* bytes, of the body or of the chunk: all, then those to come */
    uint64_t chunks; /* bytes of those before */

    /* of the piece under way */
    unsigned
        matched; /* bytes of the version, the name, the value without the blanks before it, or the chunk's line; of a
                       * Cookie field an enum gate_cookie */
    enum gate_field field;
    char name[GATE_NAME_MAX]; /* lower case */

    enum gate_fault fault;
    enum gate_state fault_state; /* where it fell */
    unsigned char fault_byte;
};

/* What ends the request under way for libmicrohttpd: `first`, then `filling` bytes of any kind, then `last`. */
struct gate_ending {
    const char *first;
    uint64_t filling;
    const char *last;
};

void gate_init(struct gate *gate, size_t head_max, uint64_t chunks_max);

/* Reads on; returns how many of `bytes` are to be passed on. Fewer than all: the first of the others is the fault, or
 * nothing more may pass (GATE_SHUT). Not to be called again after that. */
size_t gate_feed(struct gate *gate, struct slice bytes);

/* Whether the value under way is a cookie's that is one quotation mark. Where the field ends so, 0.9.75 takes the value's
 * length for -1, and answers by itself. */
bool gate_is_in_lone_quote(const struct gate *gate);

/* How many bytes may be read at a time, so that no more than GATE_AHEAD_MAX of them lie behind the request they belong to: what
 * is read ahead takes of the pool in which that request's answer gets its head. At least GATE_AHEAD_MAX. */
size_t gate_allowance(const struct gate *gate);

/* Whether the request of this number, whose line was read, has come whole and without fault. */
bool gate_is_behind(const struct gate *gate, uint64_t request);

/* How to end the request at fault. `passed` is what gate_feed returned, and is made less where that makes the end shorter. */
struct gate_ending gate_ending(const struct gate *gate, size_t *passed);

/* Which parts of the request at fault came whole: 0 none, 1 the method, 2 the target, 3 the whole request line. */
int gate_line_parts(const struct gate *gate);

/* Whether its head came whole. */
bool gate_is_behind_head(const struct gate *gate);

/* Notes that the request of this number is at hand and that this gate has not seen it. */
void gate_bypassed(struct gate *gate, uint64_t request);

/* Notes that the request under way has taken too long; gate_ending then ends it, with nothing passed. */
void gate_time_out(struct gate *gate);

/* The defect that a fault is to the handler, and the words for it, with the byte and its place. */
enum front_defect gate_fault_defect(enum gate_fault fault);
void gate_fault_describe(const struct gate *gate, char *text, size_t size);

#endif
