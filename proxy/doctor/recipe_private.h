/* What the files of the recipes share. Private to these. */
#ifndef COUNTERSIGN_DOCTOR_RECIPE_PRIVATE_H
#define COUNTERSIGN_DOCTOR_RECIPE_PRIVATE_H

#include "countersign/json_scan.h"
#include "countersign/recipe.h"

/* The ways to go wrong: values within their dimension; 0 is the right way everywhere. */
enum recipe_body {
    BODY_AS_SENT,
    BODY_LEFT_OUT,
    BODY_BRACES,
    BODY_NULL,
    BODY_QUOTES,
    BODY_NONE,
    BODY_UNDEFINED,
    BODY_OBJECT,
    BODY_FORM,
    BODY_PYTHON_TEXT,
    BODY_JAVA_TEXT,
    BODY_TWICE
};
enum recipe_spacing { SPACING_AS_SENT, SPACING_COMPACT, SPACING_PYTHON, SPACING_INDENT_2, SPACING_INDENT_4 };
enum recipe_order { ORDER_AS_SENT, ORDER_SORTED };
enum recipe_escapes { ESCAPES_AS_SENT, ESCAPES_ASCII, ESCAPES_UTF8, ESCAPES_SLASHES };
enum recipe_numbers { NUMBERS_AS_SENT, NUMBERS_PYTHON, NUMBERS_JAVASCRIPT, NUMBERS_JAVA, NUMBERS_QUOTED, NUMBERS_BARE };
enum recipe_ending { ENDING_AS_SENT, ENDING_NEWLINE, ENDING_CRLF, ENDING_BOM, ENDING_TRIMMED };
enum recipe_query { QUERY_AS_SENT, QUERY_LEFT_OUT, QUERY_MARK, QUERY_JSON_PYTHON, QUERY_JSON_COMPACT };
enum recipe_query_order { QUERY_ORDER_AS_SENT, QUERY_SORTED };
enum recipe_query_coding {
    QUERY_CODING_AS_SENT,
    QUERY_DECODED,
    QUERY_DECODED_KEEPS_PLUS,
    QUERY_BLANK_AS_PLUS,
    QUERY_PLUS_AS_BLANK,
    QUERY_HEX_LOWER,
    QUERY_HEX_UPPER,
    QUERY_URLENCODE,
    QUERY_ENCODE_COMPONENT
};
enum recipe_joiner { JOINER_NONE, JOINER_AMPERSAND, JOINER_NEWLINE, JOINER_BODY_FIRST };
enum recipe_prefix {
    PREFIX_NONE,
    PREFIX_PATH,
    PREFIX_TARGET,
    PREFIX_PATH_BELOW_API,
    PREFIX_METHOD,
    PREFIX_METHOD_TARGET,
    PREFIX_HOST,
    PREFIX_URL,
    PREFIX_EXPIRES,
    PREFIX_EXPIRES_METHOD_TARGET,
    PREFIX_EXPIRES_BEHIND,
    PREFIX_KEY,
    PREFIX_COUNT
};
enum recipe_window_form {
    WINDOW_RIGHT,
    WINDOW_OF_SECONDS,
    WINDOW_OF_MICROSECONDS,
    WINDOW_UNDIVIDED,
    WINDOW_ROUNDED,
    WINDOW_FLOAT,
    WINDOW_NOT_FLOORED,
    WINDOW_OF_TIMESTAMP,
    WINDOW_BEFORE,
    WINDOW_AFTER,
    WINDOW_AWAY,
    WINDOW_BY_1000, /* the divisors: a table in recipe_window.c */
    WINDOW_BY_3000,
    WINDOW_BY_5000,
    WINDOW_BY_10000,
    WINDOW_BY_15000,
    WINDOW_BY_20000,
    WINDOW_BY_60000,
    WINDOW_BY_300000,
    WINDOW_BY_3600000,
    WINDOW_FORM_COUNT
};
enum recipe_secret {
    SECRET_RIGHT,
    SECRET_BLANK_BEHIND,
    SECRET_BLANK_BEFORE,
    SECRET_NEWLINE,
    SECRET_CRLF,
    SECRET_TAB,
    SECRET_BOM,
    SECRET_QUOTED,
    SECRET_SINGLE_QUOTED,
    SECRET_BYTES_TEXT,
    SECRET_HEX_DECODED,
    SECRET_HEX_ENCODED,
    SECRET_BASE64_DECODED,
    SECRET_BASE64_ENCODED,
    SECRET_UPPER,
    SECRET_LOWER,
    SECRET_FIRST_MISSING,
    SECRET_LAST_MISSING,
    SECRET_IS_API_KEY,
    SECRET_EMPTY,
    SECRET_NONE,
    SECRET_UNDEFINED,
    SECRET_NULL
};
enum recipe_intermediate { INTERMEDIATE_HEX, INTERMEDIATE_RAW, INTERMEDIATE_UPPER, INTERMEDIATE_BASE64 };
enum recipe_steps { STEPS_TWO, STEPS_ONE, STEPS_FIRST_SWAPPED, STEPS_SECOND_SWAPPED, STEPS_BOTH_SWAPPED };
enum recipe_digest { DIGEST_SHA256, DIGEST_SHA512, DIGEST_SHA1, DIGEST_COUNT };
enum recipe_output {
    OUTPUT_HEX,
    OUTPUT_UPPER,
    OUTPUT_BASE64,
    OUTPUT_BASE64_URL,
    OUTPUT_RAW,
    OUTPUT_BASE64_OF_HEX,
    OUTPUT_HEX_OF_HEX,
    OUTPUT_QUOTED
};

/* One way through all dimensions. */
struct recipe_choice {
    unsigned value[RECIPE_DIMENSION_COUNT];
};

extern const struct recipe recipe_table[];
extern const size_t recipe_table_count;

/* The fixes (recipe_fix.c). */
extern const struct recipe_fix recipe_fix_body, recipe_fix_empty_body, recipe_fix_json, recipe_fix_query,
    recipe_fix_joiner, recipe_fix_prefix, recipe_fix_window, recipe_fix_expires, recipe_fix_secret_read,
    recipe_fix_secret_text, recipe_fix_intermediate, recipe_fix_steps, recipe_fix_digest, recipe_fix_output;

/* --- JSON (recipe_json.c, recipe_json_write.c, recipe_number.c) --- */

enum { RECIPE_JSON_NODES_MAX = 65536, RECIPE_LANGUAGES = NUMBERS_JAVA - NUMBERS_PYTHON + 1 };

struct recipe_node {
    enum json_token kind;
    struct slice name;                      /* as written, with quotes; empty where it is no member */
    struct slice plain;                     /* the name with escapes resolved, to sort by */
    struct slice text;                      /* a scalar as written */
    struct slice printed[RECIPE_LANGUAGES]; /* a number as each language prints it: made once, for all pairs */
    struct recipe_node *first, *next;
    struct recipe_node *sorted_first, *sorted_next;
};

struct recipe_json {
    struct recipe_node *nodes; /* the first is the whole; NULL where the text is no JSON */
    size_t count;
    struct buffer names;
    struct buffer numbers;
    enum recipe_spacing spacing; /* the body's own; compact where it has none of these */
};

/* Reads it; without nodes where it is no JSON, or a bound was reached. False: out of memory. Free in any case. */
MUST_CHECK bool recipe_json_read(struct recipe_json *json, struct slice text);
void recipe_json_free(struct recipe_json *json);

/* Appends the JSON as the choice's SPACING, ORDER, ESCAPES and NUMBERS say, in the syntax of the choice's BODY. */
void recipe_json_append(struct buffer *out, const struct recipe_json *json, const struct recipe_choice *choice);

/* Appends a string's text as JSON with the escapes that are needed: of Python's json.dumps where `ascii`. False where it is
 * no UTF-8. */
bool recipe_json_append_string(struct buffer *out, struct slice text, bool ascii);

/* Appends the number as a language prints it that read it as a double where it does; as written where it cannot. */
void recipe_number_append(struct buffer *out, struct slice number, enum recipe_numbers form);

/* Whether the text is one JSON number and nothing else. */
bool recipe_is_number(struct slice text);

/* As Python prints a double. */
void recipe_double_append_python(struct buffer *out, double value);

/* --- the payload (recipe_query.c, recipe_payload.c) --- */

/* Appends the query as the choice says; false where that cannot be done. */
bool recipe_query_append(struct buffer *out, struct slice query, const struct recipe_choice *choice);

struct recipe_source {
    const struct recipe_request *request;
    uint64_t expires; /* as the field says */
    bool has_timestamp;
    uint64_t timestamp; /* the body's own, ms */
    struct recipe_json json;
};

/* The body without the white space and byte order mark around it. */
struct slice recipe_body_trim(struct slice body);

/* Appends what is signed; false where the choice does not apply to this request. */
bool recipe_payload_append(struct buffer *out, const struct recipe_source *source, const struct recipe_choice *choice);

/* Whether the dimension shapes the payload; the others shape key and output. */
bool recipe_shapes_payload(enum recipe_dimension dimension);

/* --- the window (recipe_window.c) --- */

/* Writes the text of the window; `away` counts windows for WINDOW_AWAY. False where the form does not apply. */
bool recipe_window_text(char text[RECIPE_WINDOW_TEXT_MAX], const struct recipe_source *source,
                        enum recipe_window_form form, int64_t away);

/* --- keys and digests (recipe_key.c) --- */

enum { RECIPE_DIGEST_MAX = 64 /* bytes */, RECIPE_KEY_MAX = 8192 /* bytes of a key, a secret in base64 */ };

struct recipe_mac; /* HMAC with each digest */

MUST_CHECK bool recipe_mac_create(struct recipe_mac **mac, struct error *error);
void recipe_mac_free(struct recipe_mac *mac);
size_t recipe_digest_length(enum recipe_digest digest);
MUST_CHECK bool recipe_hmac(unsigned char *out, struct recipe_mac *mac, enum recipe_digest digest, struct slice key,
                            struct slice message, struct error *error);

/* What the payload is signed with. */
struct recipe_key {
    struct buffer bytes; /* wiped with recipe_key_end */
    bool is_swapped;     /* the payload is the HMAC's key, and these bytes its message */
    enum recipe_digest digest;
    bool applies; /* false: it cannot be made from what there is */
};

/* Makes the key of a choice. False on failure; key->applies tells whether there is one. */
MUST_CHECK bool recipe_key_make(struct recipe_key *key, struct recipe_mac *mac, const struct recipe_source *source,
                                const struct recipe_keys *keys, const struct recipe_choice *choice, int64_t away,
                                struct error *error);
void recipe_key_end(struct recipe_key *key);
bool recipe_key_equal(const struct recipe_key *a, const struct recipe_key *b);

/* Appends the secret in a form; false where that cannot be made. */
bool recipe_secret_append(struct buffer *out, const struct recipe_keys *keys, struct slice api_key,
                          enum recipe_secret form);

/* --- the signature's form (recipe_output.c) --- */

enum { RECIPE_READINGS_MAX = 6 };

/* A digest that the signature's text may stand for. */
struct recipe_reading {
    unsigned char digest[RECIPE_DIGEST_MAX];
    size_t length;
    enum recipe_output output;
};

/* Reads the text in every form that it can have; returns how many. */
size_t recipe_readings(struct recipe_reading items[RECIPE_READINGS_MAX], struct slice signature);

#endif
