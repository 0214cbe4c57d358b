/* The search for what was signed: its state. Private to recipe.c and recipe_search.c. */
#ifndef COUNTERSIGN_DOCTOR_RECIPE_SEARCH_H
#define COUNTERSIGN_DOCTOR_RECIPE_SEARCH_H

#include "recipe_private.h"

/* What one recipe alone makes of the request. */
struct recipe_variant {
    struct buffer payload; /* of recipes that shape the payload */
    struct recipe_key key; /* of the others */
    bool applies;
    bool differs; /* from the right way */
    bool has_digest;
    unsigned char digest[RECIPE_DIGEST_MAX]; /* signed with this recipe alone */
};

struct recipe_search {
    struct recipe_finding *finding;
    const struct recipe_request *request;
    const struct recipe_keys *keys;
    struct recipe_source source;
    struct recipe_mac *mac;
    struct recipe_reading readings[RECIPE_READINGS_MAX];
    size_t reading_count;
    struct recipe_variant right;
    struct recipe_variant *variants; /* one for each row of the table */
    struct recipe_variant pair;      /* of the pair at hand */
    size_t variant_max;              /* bytes of a payload that is tried */
    size_t work_left;                /* bytes that may still be tried */
    bool is_spent;                   /* a try was larger than that */
    bool is_found;
};

/* Tries each recipe alone, then, where `with_pairs`, all pairs. False on failure. */
MUST_CHECK bool recipe_search_alone(struct recipe_search *search, bool keep_payloads, struct error *error);
MUST_CHECK bool recipe_search_pairs(struct recipe_search *search, struct error *error);

/* The right way: whether it gives the signature. */
MUST_CHECK bool recipe_search_right(struct recipe_search *search, bool *is_right, struct error *error);

#endif
