/* Rules: whether one matches a request, and whether one leaves another nothing to decide. Pure; any thread. */
#include "countersign/rule.h"

#include "endpoints.h"
#include "glob.h"
#include "methods.h"

#include <string.h>

const char *rule_verdict_name(enum rule_verdict verdict)
{
    return verdict == RULE_ALLOW ? "allow" : "deny";
}

struct slice rule_path(const struct rule *rule)
{
    return slice_of(rule->text + rule->path_begin, rule->path_length);
}

bool rule_matches(const struct rule *rule, struct request_methods methods, struct slice path)
{
    unsigned wanted = rule->verdict == RULE_ALLOW ? methods.exact : methods.loose;
    return (rule->methods & wanted) != 0 && glob_matches(rule_path(rule), path);
}

/* A glob as a path that only a glob at least as wide matches: `**` becomes what no `*` takes, and `*` stays a character that
 * no glob has as itself. Returns the length. */
static size_t write_as_path(char *path, struct slice glob)
{
    size_t length = 0;
    for (size_t i = 0; i < glob.length; i++) {
        bool is_any = glob.data[i] == '*' && i + 1 < glob.length && glob.data[i + 1] == '*';
        char byte = glob.data[i];
        path[length++] = is_any ? (char)GLOB_ANY_SEGMENTS : endpoint_lower(byte);
        i += is_any;
    }
    return length;
}

bool rule_covers(const struct rule *earlier, const struct rule *later)
{
    char path[RULE_PATH_MAX];
    struct slice glob = rule_path(later);
    struct slice as_path = slice_of(path, write_as_path(path, glob));
    bool may_be_skipped = earlier->verdict == RULE_ALLOW && !earlier->names_funds;
    bool may_be_funds = slice_find(glob, '*') < glob.length || endpoint_path_is_funds(as_path);
    return (later->methods & ~earlier->methods) == 0 && !(may_be_skipped && may_be_funds) &&
           glob_matches(rule_path(earlier), as_path);
}

void rule_append(struct buffer *out, const struct rule *rule)
{
    (void)buffer_append_format(out, "%s %s", rule_verdict_name(rule->verdict),
                               rule->text); /* the caller checks `failed` */
}

bool rule_field_rewrites(struct slice name)
{
    static const char *const names[] = { "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method",
                                         "X-Method-Override" };
    enum { SHORTEST = 13 };
    if (name.length < SHORTEST || name.data[1] != '-')
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal_text_caseless(name, names[i]))
            return true;
    }
    return false;
}
