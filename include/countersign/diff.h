/* Two exchanges side by side, or two views of one: every difference as a finding with a weight, and a verdict. Pure: all
 * of it is handed in; any thread.
 *
 * What is compared. Of two exchanges: the requests as they left for the exchange (as the client sent them where one of
 * the two never left), what was signed, the answers as they came back (as the client got them where one of the two never
 * came), what became of them, the network's facts, and how long it took. With a view chosen for each side: these two
 * messages alone, and for requests what is signed.
 *
 * Alike means: no REAL finding, and no COSMETIC one in the request or in what is signed, because a signature covers
 * white space, key order and the form of numbers as bytes, and a server may look at the order and case of fields. What
 * must differ (EXPECTED) and what is only told (INFO) never counts, nor does another way to write the same answer.
 *
 * Masked values (redaction.h) are compared as far as they are shown.
 *
 * Work is bounded: each step is linear, or n log n over names. What goes beyond a bound below is compared by bytes
 * alone, or counted without being listed, and a LIMIT finding says so. */
#ifndef COUNTERSIGN_DIFF_H
#define COUNTERSIGN_DIFF_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/record.h"

enum {
    DIFF_LISTED_MAX = 200,         /* findings listed of one section and weight; more are counted */
    DIFF_JSON_MAX = 8 << 20,       /* bytes of a body, decoded, that is compared by its values */
    DIFF_JSON_VALUES_MAX = 400000, /* values in such a body */
    DIFF_SUBJECT_MAX = 256,        /* bytes of a path; a longer one is cut in its middle */
    DIFF_PARAMETERS_MAX = 10000    /* parameters of a query that are told apart */
};

enum diff_weight {
    DIFF_REAL,     /* another value */
    DIFF_COSMETIC, /* the same value written otherwise: case, order, white space, number form, escapes */
    DIFF_EXPECTED, /* must differ: times, ids, signatures, what countersign itself sets */
    DIFF_INFO,     /* told, never a difference: consequences of other findings, timings, bounds that were reached */
    DIFF_WEIGHT_COUNT
};

enum diff_section { DIFF_REQUEST, DIFF_SIGNED, DIFF_ANSWER, DIFF_NETWORK, DIFF_TIMING, DIFF_SECTION_COUNT };

/* Where in its section a finding is. The subject is named in brackets. */
enum diff_part {
    DIFF_PART_MESSAGE,   /* a whole message that one side does not have */
    DIFF_PART_LINE,      /* the first line ("method", "path", "version", "status", "reason") */
    DIFF_PART_PARAMETER, /* of the query (its name) */
    DIFF_PART_FIELD,     /* of the head (its name) */
    DIFF_PART_JSON,      /* of the body (its path: "$.orders[2].ordPrice") */
    DIFF_PART_BODY,      /* the body's bytes */
    DIFF_PART_PAYLOAD,   /* what is signed ("query", "body", "payload", "SHA-256", "account", "signature") */
    DIFF_PART_OUTCOME,   /* what became of it ("outcome", "code", "message", "error") */
    DIFF_PART_FACT,      /* of the network ("IP family", "local address", ...) */
    DIFF_PART_DURATION,  /* what was waited for; numbers are microseconds, -1 where it did not happen */
    DIFF_PART_COUNT
};

enum diff_change {
    DIFF_MISSING,     /* on side 0 alone */
    DIFF_ADDED,       /* on side 1 alone */
    DIFF_VALUE,       /* another value */
    DIFF_TYPE,        /* another type of JSON value */
    DIFF_MOVED,       /* another place among the fields or parameters that both have; numbers are the places, from 1 */
    DIFF_KEY_ORDER,   /* the members of a JSON object in another order */
    DIFF_CASE,        /* a name in other letters' case */
    DIFF_SPACE,       /* white space between JSON values; numbers are its bytes */
    DIFF_NUMBER_FORM, /* the same number, digit by digit, written otherwise: 1.0 and 1 */
    DIFF_ESCAPES,     /* the same string with other escapes */
    DIFF_BYTES,       /* other bytes: numbers are the lengths, offset is the first that differs */
    DIFF_SAME,        /* not a difference: told because it matters that it is none; numbers are lengths */
    DIFF_LIMIT,       /* a bound was reached, or bytes could not be read as what they claim to be; note says which */
    DIFF_CHANGE_COUNT
};

struct diff_finding {
    enum diff_section section;
    enum diff_part part;
    enum diff_change change;
    enum diff_weight weight;
    struct slice subject;   /* bytes from outside */
    bool has[2];            /* whether a side has a value */
    struct slice values[2]; /* as written; bytes from outside, of any length. A whole body for DIFF_BYTES */
    int64_t numbers[2];
    size_t offset;
    const char *note; /* why this weight, or what else is to be known: words without a capital or full stop; or NULL */
};

struct diff_side {
    const struct record *record; /* borrowed: it outlives the diff */
    bool has_view;               /* one message alone instead of the whole exchange */
    enum record_view view;
};

struct diff {
    struct diff_side sides[2];
    enum record_view requests[2]; /* the views that were compared; RECORD_VIEW_COUNT where there was none */
    enum record_view answers[2];
    struct diff_finding *findings; /* by section; within one in the order of the messages */
    size_t count;
    size_t counts[DIFF_SECTION_COUNT][DIFF_WEIGHT_COUNT]; /* all, also those beyond DIFF_LISTED_MAX */
    size_t unlisted;                                      /* of these, how many are not among the findings */
    bool is_limited;                                      /* a bound was reached: there is a DIFF_LIMIT finding */
    struct diff_memory *memory;                           /* private: what findings point into */
};

/* Compares. Both sides have a view or neither; both views are requests, or both answers: ERROR_USAGE otherwise, and
 * ERROR_MEMORY where memory is out. Free with diff_free; the records' bytes must live as long. */
MUST_CHECK bool diff_create(struct diff **diff, const struct diff_side sides[2], struct error *error);
void diff_free(struct diff *diff);

bool diff_is_alike(const struct diff *diff);

/* Appends the verdict: one sentence, without a full stop's line end. Names in it are bytes from outside. */
void diff_append_verdict(struct buffer *out, const struct diff *diff);

/* Appends the names of what was found in a section, as the verdict does: what matters most first, each once, at most
 * `maximum` ("$.clOrdId, X-CS-SIGN and 2 more"). Names are bytes from outside. */
void diff_append_names(struct buffer *out, const struct diff *diff, enum diff_section section, enum diff_weight weight,
                       size_t maximum);

/* Words for scripts: "real", "request", "field", "key-order". */
const char *diff_weight_name(enum diff_weight weight);
const char *diff_section_name(enum diff_section section);
const char *diff_part_name(enum diff_part part);
const char *diff_change_name(enum diff_change change);

#endif
