/* Whether a request may pass: a listener's rules in their order, the first that matches decides; then its policy. Pure; any
 * thread. */
#ifndef COUNTERSIGN_RULING_H
#define COUNTERSIGN_RULING_H

#include "countersign/endpoint_path.h"
#include "countersign/http_message.h"
#include "countersign/policy.h"
#include "countersign/rule.h"

/* What a listener has. Borrowed. */
struct ruling_rules {
    const struct rule *items;
    size_t count;
    enum policy policy;
};

enum ruling_reason {
    RULING_BY_RULE,
    RULING_BY_POLICY,
    RULING_BY_UNNAMED_FUNDS,  /* by the policy; an allow rule matches, but does not name what moves funds */
    RULING_BY_DOUBTFUL_PATH,  /* the path can be read in two ways, and something here could decide otherwise */
    RULING_BY_REWRITING_FIELD /* likewise, because a header field names another path or method */
};

struct ruling {
    bool passes;
    enum ruling_reason reason;
    const struct rule *rule;            /* BY_RULE: which; BY_UNNAMED_FUNDS: the one that does not name it; else NULL */
    enum endpoint_class endpoint_class; /* as endpoint_classify gives it */
    size_t reading;                     /* of the path: the one that decided */
    struct slice field;                 /* the rewriting field's name */
};

/* Decides. Each reading of the path is judged as if it had come alone, and all must pass: so no spelling slips past a deny
 * rule, and none widens an allow rule. A path in doubt, and a request with a field that rewrites path or method, pass where
 * nothing could decide otherwise: policy `all` and no deny rule. Moving funds passes by an allow rule that names it (rule.h),
 * and by policy `all`. No allocation. */
void ruling_make(struct ruling *ruling, const struct ruling_rules *rules, struct slice method,
                 const struct endpoint_path *path, struct http_fields fields);

/* Whether a refusal is a rule's rather than the policy's: also for what is in doubt where the policy alone lets all pass. */
bool ruling_is_by_rule(const struct ruling *ruling, const struct ruling_rules *rules);

enum { RULING_REFUSAL_MAX = 1280 }; /* bytes that ruling_write_refusal needs at most */

/* Writes why it was refused and how to let it pass, for a person: `rule "deny POST /x" of listener bot (bot.ini:12) ...`.
 * `written` is the request's target as it came. Returns `text`. */
const char *ruling_write_refusal(char *text, size_t size, const struct ruling *ruling, const struct ruling_rules *rules,
                                 const char *listener, struct slice method, struct slice written);

#endif
