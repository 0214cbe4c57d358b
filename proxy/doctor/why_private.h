/* What the files of the search for what sets failures apart share. Private to this room. */
#ifndef COUNTERSIGN_DOCTOR_WHY_PRIVATE_H
#define COUNTERSIGN_DOCTOR_WHY_PRIVATE_H

#include "countersign/http_message.h"
#include "countersign/json_scan.h"
#include "countersign/policy.h"
#include "countersign/why.h"

enum {
    WHY_FIELDS_MAX = 48,                            /* names of header fields of a side that are looked at */
    WHY_FIXED_MAX = 40,                             /* features that are no field's presence */
    WHY_CELLS = WHY_FIXED_MAX + 2 * WHY_FIELDS_MAX, /* of one exchange */
    WHY_VALUES_MAX = 64,                            /* values of a feature that are told apart */
    WHY_TEXT_MAX = 120,                             /* bytes of a value's text; a longer one is cut */
    WHY_CODES_MAX = 64,                             /* codes that are told apart */
    WHY_MEMORY_MAX = 1 << 20                        /* bytes of all texts: room for each */
};

/* A cell holds the number of the feature's value. */
enum { WHY_UNKNOWN = 0, WHY_OTHER = 1 /* beyond WHY_VALUES_MAX */, WHY_FIRST_VALUE = 2 };
enum { WHY_PRESENT = WHY_FIRST_VALUE, WHY_ABSENT };

/* --- one exchange, taken apart (why_look.c, why_body.c, why_time.c) --- */

enum why_form {
    WHY_BODY_NONE,
    WHY_BODY_EMPTY_OBJECT,
    WHY_BODY_COMPACT,
    WHY_BODY_SPACED,
    WHY_BODY_INDENTED,
    WHY_BODY_OTHERWISE,
    WHY_BODY_NOT_JSON,
    WHY_FORM_COUNT
};

enum why_member_name {
    WHY_TIMESTAMP,
    WHY_ORDER_TYPE,
    WHY_SIDE,
    WHY_SYMBOL,
    WHY_PRICE,
    WHY_QUANTITY,
    WHY_AMOUNT,
    WHY_MEMBER_COUNT
};

struct why_member {
    bool is_there;
    bool is_mixed;  /* there are several, and they differ */
    bool has_kinds; /* and not all are of one kind */
    enum json_token kind;
    struct slice value; /* as written, without quotes; the first's */
};

struct why_body {
    enum why_form form;
    struct why_member members[WHY_MEMBER_COUNT];
};

void why_body_read(struct why_body *body, struct slice bytes);

struct why_look {
    const struct record *record;
    struct http_field items[3][HTTP_FIELDS_MAX];
    struct http_fields came; /* of the client's request */
    struct http_fields left; /* of what left. Where nothing did, the client's would be no match for it: it lacks what
                              * this program adds */
    bool has_came, has_left; /* and it could be read */
    struct slice path;
    struct slice query;
    enum endpoint_class endpoint_class;
    bool is_signed;         /* by whomever */
    int64_t expires_ms;     /* 0: not known */
    int64_t answer_date_ms; /* of the answer's Date; 0: none */
    struct why_body body;
};

void why_look_at(struct why_look *look, const struct record *record);

/* The field's value in what left; empty where it is not there. */
struct slice why_left_value(const struct why_look *look, const char *name);

/* --- features (why_features.c, why_time.c, why_advice.c) --- */

struct why_feature {
    struct why_name name;
    bool (*write)(struct buffer *out, const struct why_look *look); /* its value; false: not known of this exchange */
};

/* In the order in which they are named where several split the exchanges alike: what is likelier a cause comes first. */
extern const struct why_feature why_features[];
extern const size_t why_feature_count; /* at most WHY_FIXED_MAX */

enum { WHY_ENDPOINT = 0 }; /* its place among them */

bool why_write_clock_offset(struct buffer *out, const struct why_look *look);
bool why_write_timestamp_distance(struct buffer *out, const struct why_look *look);
bool why_write_window_age(struct buffer *out, const struct why_look *look);
bool why_write_signature_age(struct buffer *out, const struct why_look *look);
bool why_write_hour(struct buffer *out, const struct why_look *look);

/* What to do about a fact; `value` is what sets the failures apart, on public endpoints or on private ones. NULL where
 * nothing is known. */
const char *why_advice(struct why_name name, struct slice value, bool is_public);

/* --- what is kept (why.c, why_values.c) --- */

/* Texts that are told apart, numbered from WHY_FIRST_VALUE on. */
struct why_values {
    size_t count;
    struct slice texts[WHY_VALUES_MAX];
};

/* The names of header fields of a side. */
struct why_field_names {
    size_t count;
    struct slice names[WHY_FIELDS_MAX];    /* as first seen */
    struct slice texts[WHY_FIELDS_MAX][2]; /* with it, without it */
};

struct why_code {
    struct slice text;
    struct slice message;
    bool is_public;
    uint32_t count;
};

struct why_row {
    int64_t id;
    unsigned char code;           /* 0: it went well; else that of why->codes[code - 1] */
    unsigned char endpoint_class; /* enum endpoint_class */
    bool is_sent;                 /* something left; else nobody knows how it would have been signed */
    bool is_signed;
    unsigned char cells[WHY_CELLS];
};

struct why {
    struct why_failures wanted;
    struct why_row *rows; /* as they came */
    size_t count;
    size_t capacity;
    struct why_code codes[WHY_CODES_MAX];
    size_t code_count;
    struct why_values values[WHY_FIXED_MAX];
    struct why_field_names came, left;
    uint32_t successes, failures, left_out;
    uint32_t uncoded;     /* failures beyond WHY_CODES_MAX */
    struct buffer memory; /* what all texts point into: reserved once, so that nothing in it moves */
    struct buffer text;   /* scratch, as is the next */
    struct why_look look;
};

/* Keeps the text, cut to WHY_TEXT_MAX. */
struct slice why_keep(struct why *why, struct slice text);

unsigned char why_value_number(struct why *why, struct why_values *values, struct slice text);
void why_note_fields(struct why *why, struct why_field_names *names, unsigned char *cells, struct http_fields fields,
                     bool is_read);

/* The feature's name, and the text of one of its values. */
struct why_name why_name_of(const struct why *why, size_t feature);
struct slice why_text_of(const struct why *why, size_t feature, unsigned char value);

/* --- statistics (why_fisher.c): numbers alone --- */

/* A table of two by two: of `failures` exchanges `a` have the value, of `successes` `b`. */
struct why_table {
    uint32_t a, failures, b, successes;
};

/* Fisher's exact test, two-sided: how likely a table as unlikely as this one is, its margins given. */
double why_fisher(struct why_table table);

/* The least that the test can give with these margins. */
double why_fisher_least(struct why_table table);

/* Of each so many exchanges that a perfect split, one among `splits` that are tried, is no chance. */
uint32_t why_needed(uint32_t splits);

/* --- a comparison (why_split.c, why_compare.c, why_pair.c) --- */

/* The rows to compare: numbers into why->rows, the failures' first. */
struct why_sample {
    const struct why *why;
    const uint32_t *rows;
    uint32_t failures, successes;
};

/* What one value of one feature does. */
struct why_split {
    size_t feature;
    unsigned char value;
    struct why_table table;
    uint64_t key[2]; /* equal for those that divide the same exchanges in the same way */
    double probability;
    double least;  /* what `probability` could be at best */
    double effect; /* as in struct why_fact */
};

/* How many have a value. */
struct why_tally {
    uint32_t failures, successes;
    uint64_t mark; /* a sum over these exchanges that no others have (but for chance: one in 2^64) */
};

struct why_tallies {
    struct why_tally of[WHY_CELLS][WHY_FIRST_VALUE + WHY_VALUES_MAX];
};

struct why_splits {
    struct why_tallies *tallies;
    struct why_split *items; /* all, strongest first */
    size_t count;
    uint32_t distinct;
    uint32_t tried; /* by how many the probabilities are to be multiplied */
};

MUST_CHECK bool why_splits_find(struct why_splits *splits, const struct why_sample *sample);
void why_splits_free(struct why_splits *splits);

/* False: out of memory. */
MUST_CHECK bool why_compare(struct why_comparison *comparison, const struct why_sample *sample);

/* The failure and the success that differ least; with a split, of those only that it divides. */
void why_pair(int64_t pair[2], const struct why_sample *sample, const struct why_split *split);

#endif
