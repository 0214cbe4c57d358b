/* The exchange's endpoints and their classes, by one reading of a path. Private to this room. Constant; any thread. */
#ifndef COUNTERSIGN_GUARD_ENDPOINTS_H
#define COUNTERSIGN_GUARD_ENDPOINTS_H

#include "countersign/policy.h"

struct endpoint_found {
    enum endpoint_class endpoint_class;
    const struct api_endpoint *endpoint; /* NULL: not a documented one */
};

/* `methods` are bits (methods.h), `path` one reading (endpoint_path.h). */
struct endpoint_found endpoint_find(unsigned methods, struct slice path);

/* Whether funds are moved there, or may be, whatever the method. */
bool endpoint_path_is_funds(struct slice path);

/* Whether the text, in lower case, says that it moves funds. */
bool endpoint_names_funds(struct slice text);

/* Of two readings' classes the one that asks for more. */
enum endpoint_class endpoint_class_stricter(enum endpoint_class a, enum endpoint_class b);

char endpoint_lower(char byte);

#endif
