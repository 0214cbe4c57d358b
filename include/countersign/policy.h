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

/* The class of a request target's path for this method. The path is compared as the exchange's router might read it:
 * percent-decoded once, repeated slashes as one, path parameters (";x") cut off, case ignored. Where such a reading is
 * ambiguous ("%2F", "%25", "%00", a dot segment, bytes outside ASCII) and would matter, the class is DOUBTFUL. */
enum endpoint_class endpoint_classify(struct slice method, struct slice target);

enum policy { POLICY_TRADE, POLICY_READ_ONLY, POLICY_ALL };

const char *policy_name(enum policy policy);

/* One line for people: what this policy lets pass. */
const char *policy_summary(enum policy policy);

bool policy_allows(enum policy policy, enum endpoint_class endpoint_class);

#endif
