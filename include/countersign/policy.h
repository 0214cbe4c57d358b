/* What may pass: the exchange's endpoints by class, and the policies over them. Pure.
 * Source of the classes: the exchange's API documentation. */
#ifndef COUNTERSIGN_POLICY_H
#define COUNTERSIGN_POLICY_H

#include "countersign/slice.h"

enum endpoint_class {
    ENDPOINT_PUBLIC,  /* needs no key */
    ENDPOINT_READ,    /* looks */
    ENDPOINT_TRADE,   /* places and cancels orders */
    ENDPOINT_FUNDS,   /* moves money */
    ENDPOINT_UNKNOWN, /* not in the table: treated as private; passes under `trade` and `all` */
    ENDPOINT_DOUBTFUL /* a path that can be read in two ways (encoded slashes, dot segments, control bytes, ...):
                         passes under `all` alone */
};

const char *endpoint_class_name(enum endpoint_class endpoint_class);

/* What such a request does, for a sentence: "this moves funds". */
const char *endpoint_class_meaning(enum endpoint_class endpoint_class);

/* The class of a request target's path for this method: of its readings (endpoint_path.h) the strictest; where they are in
 * doubt, DOUBTFUL. */
enum endpoint_class endpoint_classify(struct slice method, struct slice target);

/* A documented endpoint, or a family of them. */
struct api_endpoint {
    const char *method;
    const char *path; /* as documented, with /api; `*` and `**` as in rules (rule.h): what differs from call to call */
    const char *what; /* a few words */
    enum endpoint_class endpoint_class;
};

/* The documented endpoints by class, one by one from 0; NULL behind the last. */
const struct api_endpoint *endpoint_known(size_t index);

enum policy { POLICY_TRADE, POLICY_READ_ONLY, POLICY_ALL };

const char *policy_name(enum policy policy);

/* One line for people: what this policy lets pass. */
const char *policy_summary(enum policy policy);

bool policy_allows(enum policy policy, enum endpoint_class endpoint_class);

#endif
