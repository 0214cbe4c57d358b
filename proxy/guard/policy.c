/* Endpoint classes and policies over them. Pure; any thread. */
#include "countersign/policy.h"

#include "endpoints.h"
#include "methods.h"

#include "countersign/compiler.h"
#include "countersign/endpoint_path.h"

static const struct {
    const char *name;
    const char *summary;
    bool allows[ENDPOINT_DOUBTFUL + 1];
} policies[] = {
    [POLICY_TRADE] = { "trade",
                       "reads and orders pass, moving funds is refused",
                       { [ENDPOINT_PUBLIC] = true,
                         [ENDPOINT_READ] = true,
                         [ENDPOINT_TRADE] = true,
                         [ENDPOINT_UNKNOWN] = true } },
    [POLICY_READ_ONLY] = { "read-only",
                           "reads pass, everything else is refused",
                           { [ENDPOINT_PUBLIC] = true, [ENDPOINT_READ] = true } },
    [POLICY_ALL] = { "all",
                     "everything passes, moving funds included",
                     { [ENDPOINT_PUBLIC] = true,
                       [ENDPOINT_READ] = true,
                       [ENDPOINT_TRADE] = true,
                       [ENDPOINT_FUNDS] = true,
                       [ENDPOINT_UNKNOWN] = true,
                       [ENDPOINT_DOUBTFUL] = true } },
};

const char *endpoint_class_name(enum endpoint_class endpoint_class)
{
    static const char *const names[] = { "public", "read", "trade", "funds", "unknown", "doubtful" };
    return (size_t)endpoint_class < ARRAY_LENGTH(names) ? names[endpoint_class] : "unknown";
}

const char *endpoint_class_meaning(enum endpoint_class endpoint_class)
{
    static const char *const meanings[] = {
        [ENDPOINT_PUBLIC] = "this is public",
        [ENDPOINT_READ] = "this reads the account",
        [ENDPOINT_TRADE] = "this places or cancels orders",
        [ENDPOINT_FUNDS] = "this moves funds, or may",
        [ENDPOINT_UNKNOWN] = "this endpoint is not a documented one",
        [ENDPOINT_DOUBTFUL] = "this path can be read in two ways (an encoded slash, a dot segment, odd bytes)",
    };
    return (size_t)endpoint_class < ARRAY_LENGTH(meanings) ? meanings[endpoint_class] : "this is of no known class";
}

const char *policy_name(enum policy policy)
{
    return policies[policy].name;
}

const char *policy_summary(enum policy policy)
{
    return policies[policy].summary;
}

bool policy_allows(enum policy policy, enum endpoint_class endpoint_class)
{
    return policies[policy].allows[endpoint_class];
}

enum endpoint_class endpoint_classify(struct slice method, struct slice target)
{
    struct endpoint_path path;
    unsigned methods = method_find(method);
    endpoint_path_read(&path, target);
    if (path.count == 0)
        return ENDPOINT_DOUBTFUL;
    enum endpoint_class strictest = ENDPOINT_PUBLIC;
    for (size_t i = 0; i < path.count; i++)
        strictest =
            endpoint_class_stricter(strictest, endpoint_find(methods, endpoint_path_reading(&path, i)).endpoint_class);
    return strictest;
}
