/* Recipes of wrong signatures: given a request as it was sent and the account's secret (or window keys made from it), says
 * whether its signature is right and, if not, what was signed instead. Pure; any thread, one judgement on one thread.
 *
 * A signature is made along dimensions (which body, which query, what stands between, which window, which form of the
 * secret, ...). For each there is the right way, which the exchange documents (scheme.h), and recipes that go wrong in it.
 * Tried are: the right way, each recipe alone, and each pair of recipes of different dimensions. What gives the very bytes
 * of a simpler way is neither tried nor counted. Where two explanations give the same signature, the simplest wins: alone
 * before pairs, then the table's order.
 *
 * Work is bounded: RECIPE_WORK_MAX bytes are tried at most, hashed or not, bodies are re-written as JSON up to RECIPE_JSON_MAX bytes.
 * Numbers are printed again by doubles in recipes about numbers alone: to guess what was signed, never for what is sent. */
#ifndef COUNTERSIGN_RECIPE_H
#define COUNTERSIGN_RECIPE_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/scheme.h"

enum {
    RECIPE_WORK_MAX =
        512 << 20,             /* bytes tried in one judgement; what is then left is not tried, which is_limited says */
    RECIPE_JSON_MAX = 1 << 20, /* bytes of a body that is written again as JSON */
    RECIPE_WINDOW_TEXT_MAX = 40,  /* bytes of what was signed as the window, with a NUL */
    RECIPE_WINDOWS_AWAY_MAX = 120 /* windows to either side in which a signature is looked for: an hour */
};

enum recipe_dimension {
    RECIPE_BODY,         /* other bytes in place of the body */
    RECIPE_SPACING,      /* the body's JSON: white space */
    RECIPE_ORDER,        /* order of members */
    RECIPE_ESCAPES,      /* escapes in strings */
    RECIPE_NUMBERS,      /* the form of numbers */
    RECIPE_ENDING,       /* what stands around the body */
    RECIPE_QUERY,        /* other bytes in place of the query */
    RECIPE_QUERY_ORDER,  /* order of parameters */
    RECIPE_QUERY_CODING, /* percent-encoding */
    RECIPE_JOINER,       /* what stands between query and body */
    RECIPE_PREFIX,       /* what else was signed with them */
    RECIPE_WINDOW,       /* the text of the window */
    RECIPE_SECRET,       /* the secret's bytes */
    RECIPE_INTERMEDIATE, /* the window key's form */
    RECIPE_STEPS,        /* the steps of HMAC */
    RECIPE_DIGEST,       /* the hash function */
    RECIPE_OUTPUT,       /* the signature's form */
    RECIPE_DIMENSION_COUNT
};

const char *recipe_dimension_name(enum recipe_dimension dimension); /* "query-coding" */

/* A line of code each that does it right. */
struct recipe_fix {
    const char *python;
    const char *javascript;
    const char *java;
};

struct recipe {
    const char *name; /* stable, for scripts: "json-compact" */
    enum recipe_dimension dimension;
    unsigned value;      /* private: which way to go wrong in its dimension, from 1 */
    const char *meaning; /* what was signed instead: a clause without a capital or full stop */
    const struct recipe_fix *fix;
    bool is_alone; /* never tried in pairs */
};

/* The table, in its order. */
size_t recipe_count(void);
const struct recipe *recipe_at(size_t i); /* i < recipe_count() */

/* The request, as it was sent. Slices are borrowed. */
struct recipe_request {
    struct slice method;
    struct slice target; /* path and query */
    struct slice host;   /* empty: not known */
    struct slice scheme; /* of the URL that it was sent to; empty: https */
    struct slice body;
    struct slice expires;   /* X-CS-EXPIRES as sent */
    struct slice signature; /* X-CS-SIGN as sent */
    struct slice api_key;   /* the account's, whole; empty: not known */
};

struct recipe_window_key {
    uint64_t window;
    struct scheme_window_key key;
};

/* What the caller may hold: the secret (the signer, the mock exchange), or window keys alone. Recipes that need more than
 * there is are not tried. */
struct recipe_keys {
    bool has_secret;
    struct slice secret;
    const struct recipe_window_key *window_keys;
    size_t window_key_count;
};

struct recipe_options {
    bool without_pairs; /* each recipe alone: some hundred hashes instead of some thousand */
    size_t work_max;    /* bytes; 0: RECIPE_WORK_MAX */
};

enum recipe_verdict {
    RECIPE_RIGHT,     /* signed as the exchange documents */
    RECIPE_FOUND,     /* signed otherwise: recipes[0 .. recipe_count - 1] say how */
    RECIPE_NONE,      /* none of `tried` recipes gives this signature: another secret, or other bytes */
    RECIPE_NO_KEY,    /* without a secret, and none of the window keys is of the request's window */
    RECIPE_NO_FIELDS, /* no signature, or no X-CS-EXPIRES */
    RECIPE_NO_WINDOW  /* X-CS-EXPIRES is no decimal number of at most 18 digits */
};

/* What is seen without any key. */
enum recipe_oddity {
    RECIPE_ODD_SECONDS = 1 << 0,      /* X-CS-EXPIRES has 9 to 11 digits: seconds */
    RECIPE_ODD_MICROSECONDS = 1 << 1, /* 15 to 17: microseconds */
    RECIPE_ODD_EXPIRES = 1 << 2,      /* it is otherwise no number of 13 digits */
    RECIPE_ODD_SIGNATURE = 1 << 3     /* X-CS-SIGN is not 64 lower-case hex characters */
};
unsigned recipe_oddities(const struct recipe_request *request); /* of what is there; an absent field is none */

enum { RECIPES_TOGETHER_MAX = 2 };

struct recipe_finding {
    enum recipe_verdict verdict;
    const struct recipe *recipes[RECIPES_TOGETHER_MAX]; /* in the table's order */
    size_t recipe_count;
    size_t tried;                        /* recipes and pairs of them; those a signature's form rules out included */
    bool is_limited;                     /* a bound was reached: not everything was tried */
    struct buffer payload;               /* FOUND: the bytes that were signed, an API key in them masked */
    char window[RECIPE_WINDOW_TEXT_MAX]; /* FOUND: what was signed as the window; "" where no window was */
};

/* Judges. `options` may be NULL. ERROR_MEMORY or ERROR_INTERNAL (libcrypto) on failure. Free with recipe_finding_end. */
MUST_CHECK bool recipe_judge(struct recipe_finding *finding, const struct recipe_request *request,
                             const struct recipe_keys *keys, const struct recipe_options *options, struct error *error);

/* Appends what was signed instead, a clause: the meanings of what was found, joined by "; and ". Nothing where nothing was
 * found. */
void recipe_append_meaning(struct buffer *out, const struct recipe_finding *finding);

/* Appends the names of what was found, joined by "+": "json-compact+key-raw". */
void recipe_append_names(struct buffer *out, const struct recipe_finding *finding);

void recipe_finding_end(struct recipe_finding *finding);

#endif
