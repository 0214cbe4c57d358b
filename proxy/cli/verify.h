/* What the parts of `countersign verify` share: a request that is judged, the judgement, and how both are shown. Private to
 * this room. */
#ifndef COUNTERSIGN_CLI_VERIFY_H
#define COUNTERSIGN_CLI_VERIFY_H

#include "terminal.h"

#include "countersign/recipe.h"

enum { VERIFY_OUTPUT_MAX = 256 << 20 }; /* bytes of what is printed of one request */

struct verify_case {
    const char *name; /* "exchange 17", "file.har#2"; bytes from outside; NULL for fields on the command line */
    const char *view; /* "as the client sent it"; NULL where there is one alone */
    const char *account;
    const char
        *other_account; /* with whose secret the signature is right, where it is wrong with the account's; or NULL */
    struct recipe_request request;
    struct slice exchange_host; /* where it went to, if its client sent it to a proxy; empty: there */
    struct slice api_key_sent;  /* X-CS-APIKEY as sent, or masked; empty: not known */
    struct recipe_finding finding;
    unsigned oddities;   /* recipe_oddities */
    bool is_another_key; /* X-CS-APIKEY is not the account's */
    bool is_secret_sent; /* X-CS-APIKEY is the account's secret */
    uint64_t window;     /* that of X-CS-EXPIRES */
};

/* What was sent of what is signed: query, then body. */
void verify_append_payload(struct buffer *out, const struct verify_case *judged);

/* The offset of the first byte in which two texts differ. */
size_t verify_first_difference(struct slice a, struct slice b);

/* The verdict in a sentence, with its full stop. Without bytes from outside. */
void verify_append_sentence(struct buffer *out, const struct verify_case *judged);

/* Calls `visit` with each thing that is seen without a key, a clause without a full stop. */
void verify_each_warning(const struct verify_case *judged, void (*visit)(void *context, const char *warning),
                         void *context);

/* For people: the sentence first. The buffer's `failed` tells of failures, here and below. */
void verify_append_text(struct buffer *out, const struct terminal *terminal, const struct verify_case *judged);

/* One JSON object and a line feed. */
void verify_append_json(struct buffer *out, const struct verify_case *judged);

/* The table of recipes, for people or one JSON object a line. */
void verify_append_list(struct buffer *out, const struct terminal *terminal, bool json);

/* A verdict for scripts: "right", "found", "none", "no-key", "no-fields", "no-window". */
const char *verify_verdict_name(enum recipe_verdict verdict);

#endif
