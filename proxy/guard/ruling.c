/* Whether a request may pass. Pure; any thread. */
#include "countersign/ruling.h"

#include "endpoints.h"

static bool has_deny(const struct ruling_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].verdict == RULE_DENY)
            return true;
    }
    return false;
}

/* Judges one reading as if it had come alone. */
static void judge(struct ruling *ruling, const struct ruling_rules *rules, struct request_methods methods,
                  struct slice path)
{
    enum endpoint_class endpoint_class = endpoint_find(methods.exact, path).endpoint_class;
    bool must_be_named = endpoint_class == ENDPOINT_FUNDS && rules->policy != POLICY_ALL;
    ruling->endpoint_class = endpoint_class;
    ruling->reason = RULING_BY_POLICY;
    ruling->rule = NULL;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (!rule_matches(rule, methods, path))
            continue;
        if (rule->verdict == RULE_ALLOW && must_be_named && !rule->names_funds) {
            ruling->reason = RULING_BY_UNNAMED_FUNDS;
            ruling->rule = rule;
            continue;
        }
        ruling->passes = rule->verdict == RULE_ALLOW;
        ruling->reason = RULING_BY_RULE;
        ruling->rule = rule;
        return;
    }
    ruling->passes = policy_allows(rules->policy, endpoint_class);
}

static struct slice find_rewriting_field(struct http_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        if (rule_field_rewrites(fields.items[i].name))
            return fields.items[i].name;
    }
    return slice_of(NULL, 0);
}

void ruling_make(struct ruling *ruling, const struct ruling_rules *rules, struct slice method,
                 const struct endpoint_path *path, struct http_fields fields)
{
    struct request_methods methods = request_methods(method);
    enum endpoint_class strictest = path->count == 0 ? ENDPOINT_DOUBTFUL : ENDPOINT_PUBLIC;
    *ruling = (struct ruling){ .passes = true, .reason = RULING_BY_POLICY };
    /* The last that is refused is told: where there are several, not the one with the oddity. */
    for (size_t i = 0; i < path->count; i++) {
        struct ruling one = { .reading = i };
        judge(&one, rules, methods, endpoint_path_reading(path, i));
        strictest = endpoint_class_stricter(strictest, one.endpoint_class);
        if (!one.passes || ruling->passes)
            *ruling = one;
    }
    ruling->endpoint_class = strictest;
    if (!ruling->passes || (rules->policy == POLICY_ALL && !has_deny(rules)))
        return;
    ruling->field = find_rewriting_field(fields);
    if (path->count > 0 && ruling->field.length == 0)
        return;
    ruling->passes = false;
    ruling->rule = NULL;
    ruling->reason = path->count == 0 ? RULING_BY_DOUBTFUL_PATH : RULING_BY_REWRITING_FIELD;
}

bool ruling_is_by_rule(const struct ruling *ruling, const struct ruling_rules *rules)
{
    bool is_doubt = ruling->reason == RULING_BY_DOUBTFUL_PATH || ruling->reason == RULING_BY_REWRITING_FIELD;
    return ruling->reason == RULING_BY_RULE || (is_doubt && policy_allows(rules->policy, ENDPOINT_DOUBTFUL));
}
