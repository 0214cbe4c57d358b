/* The diff's steps, private to these files. One thread a diff. */
#ifndef COUNTERSIGN_COMPARE_DIFF_PRIVATE_H
#define COUNTERSIGN_COMPARE_DIFF_PRIVATE_H

#include "countersign/diff.h"
#include "countersign/http_message.h"

#include <stdint.h>

/* Findings in the making. `failed`: memory is out, nothing more is added. */
struct diff_run {
    struct diff *diff;
    size_t capacity; /* of diff->findings */
    bool failed;
};

/* Adds a finding, or only counts it where DIFF_LISTED_MAX of its section and weight are listed. */
void diff_add(struct diff_run *run, const struct diff_finding *finding);

/* Gives a listed finding another weight, once more is known. */
void diff_reweigh(struct diff_run *run, struct diff_finding *finding, enum diff_weight weight, const char *note);

/* A DIFF_LIMIT finding of weight INFO. */
void diff_add_limit(struct diff_run *run, enum diff_section section, enum diff_part part, const char *note);

/* Bytes that live as long as the diff; the empty slice where memory is out. */
struct slice diff_keep(struct diff_run *run, struct slice bytes);

/* As above, for the memory of a buffer, which is empty then. */
struct slice diff_keep_buffer(struct diff_run *run, struct buffer *buffer);

/* ---- Names matched ---- */

#define DIFF_NO_PARTNER UINT32_MAX

/* Who belongs to whom: partners[side][i] is the index on the other side, or DIFF_NO_PARTNER. Of names that occur more than
 * once on a side (is_repeated) the k-th belongs to the k-th. */
struct diff_matching {
    uint32_t *partners[2];
    uint32_t *places[2]; /* of an item with a partner: its place among these, from 1 */
    bool *is_repeated[2];
    size_t counts[2];
};

/* False where memory is out. Free it with diff_matching_free in either case. */
MUST_CHECK bool diff_match(struct diff_matching *matching, const struct slice *names[2], const size_t counts[2],
                           bool is_caseless);
void diff_matching_free(struct diff_matching *matching);

/* Marks in `is_moved` (counts[0] entries) the least number of side 0's items that would have to move for the common ones to
 * stand in the same order. False where memory is out. */
MUST_CHECK bool diff_find_moved(bool *is_moved, const struct diff_matching *matching);

/* ---- What must differ ---- */

/* Why the value of this field, parameter or JSON member must differ from exchange to exchange, or NULL. */
const char *diff_expected_field(struct slice name, bool is_request);
const char *diff_expected_parameter(struct slice name);
const char *diff_expected_member(struct slice name, bool is_request);

/* Where two values that may differ are of different forms: what is to be said of it; else NULL. */
const char *diff_other_form(struct slice name, struct slice a, struct slice b);

/* Why this field differs between the two views of a request, or of an answer, on either side of this proxy; or NULL. */
const char *diff_expected_between_views(struct http_fields fields, struct slice name, bool is_request);

/* ---- Messages ---- */

struct diff_message {
    const struct record_message *bytes;
    enum record_view view;
    bool is_read;         /* the head is one, and what follows is set */
    struct slice line[3]; /* the first line's parts: method, target, version; version, status, reason */
    struct http_fields fields;
    struct http_field items[HTTP_FIELDS_MAX];
};

void diff_message_read(struct diff_message *message, const struct record *record, enum record_view view);
bool diff_message_is_there(const struct diff_message *message);

void diff_compare_heads(struct diff_run *run, enum diff_section section, const struct diff_message messages[2]);
void diff_compare_bodies(struct diff_run *run, enum diff_section section, const struct diff_message messages[2]);

/* Compares two texts as JSON. False where either is none or a bound is reached (a finding says which, nothing else was
 * added). `found` is how many findings were made. */
bool diff_compare_json(struct diff_run *run, enum diff_section section, const struct slice texts[2], size_t *found);

/* Whether two JSON numbers, as written, are the same decimal. Linear; an exponent beyond 18 digits is never the same. */
bool diff_numbers_equal(struct slice a, struct slice b);
bool diff_is_number(struct slice text);

/* ---- Names ---- */

/* What matters most comes first. */
enum diff_rank {
    DIFF_RANK_SIGNATURE,
    DIFF_RANK_SIGNED, /* values of the query and the body */
    DIFF_RANK_LINE,
    DIFF_RANK_CONTENT_TYPE,
    DIFF_RANK_OTHER,
    DIFF_RANK_LENGTH, /* a consequence, where the bodies differ */
    DIFF_RANK_SELDOM, /* what each client says its own way: it seldom matters */
    DIFF_RANK_COUNT
};
enum { DIFF_RANKS_ALL = (1u << DIFF_RANK_COUNT) - 1 };

/* Findings by rank, each name once. */
struct diff_names {
    const struct diff_finding *items[DIFF_LISTED_MAX * DIFF_SECTION_COUNT];
    size_t count;
};

/* `sections` and `ranks` are sets of bits. */
void diff_names_list(struct diff_names *names, const struct diff *diff, unsigned sections, enum diff_weight weight,
                     unsigned ranks);
size_t diff_count_unlisted(const struct diff *diff, unsigned sections, enum diff_weight weight);

/* "$.ordPrice, Host and 3 more": at most `maximum` of them; `unlisted` are more. */
void diff_names_append(struct buffer *out, const struct diff_names *names, size_t unlisted, size_t maximum);
void diff_append_cut(struct buffer *out, struct slice text, size_t maximum);

/* ---- Facts ---- */

void diff_compare_signed(struct diff_run *run, const struct diff_message requests[2]);
void diff_compare_outcomes(struct diff_run *run);
void diff_tell_outcome(struct diff_run *run, size_t side); /* of that side alone: nothing to compare it with */
void diff_compare_network(struct diff_run *run);
void diff_list_durations(struct diff_run *run);

/* The first offset at which they differ: the shorter one's length where that is a beginning of the other. */
size_t diff_first_difference(struct slice a, struct slice b);

#endif
