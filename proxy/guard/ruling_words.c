/* What a refusal says: who refused, why, and which line would let it pass. Pure; any thread. */
#include "countersign/ruling.h"

#include "countersign/compiler.h"

#include <stdio.h>

enum { SHOWN_PATH_MAX = 160, WHO_MAX = 512 };

/* The path for a rule that lets it pass: as the client wrote it, unless a rule cannot say it so. */
static struct slice path_for_rule(const struct endpoint_path *path, struct slice written)
{
    struct slice plain = endpoint_path_plain(path), as_sent = http_target_path(written);
    bool is_same = path->count == 1 && as_sent.length == plain.length;
    return slice_first(is_same ? as_sent : plain, SHOWN_PATH_MAX);
}

static void write_rule_name(char *text, const struct rule *rule, const char *listener)
{
    (void)snprintf(text, WHO_MAX, "rule \"%s %s\" of listener %s%s%s%s", rule_verdict_name(rule->verdict), rule->text,
                   listener, rule->place[0] == '\0' ? "" : " (", rule->place,
                   rule->place[0] == '\0' ? "" : ")"); /* cut is fine, here and below */
}

static void write_by_rule(char *text, size_t size, const struct ruling *ruling, const char *listener,
                          struct slice method, struct slice path)
{
    char who[WHO_MAX];
    write_rule_name(who, ruling->rule, listener);
    (void)snprintf(text, size,
                   "%s does not let %.*s %.*s pass; if it is meant to, take that line away or put `allow = %.*s %.*s` "
                   "before it",
                   who, SLICE_ARGUMENTS(method), SLICE_ARGUMENTS(path), SLICE_ARGUMENTS(method), SLICE_ARGUMENTS(path));
}

static void write_by_policy(char *text, size_t size, const struct ruling *ruling, const struct ruling_rules *rules,
                            const char *listener, struct slice method, struct slice path)
{
    char but[WHO_MAX] = "";
    if (ruling->reason == RULING_BY_UNNAMED_FUNDS) {
        char who[WHO_MAX];
        write_rule_name(who, ruling->rule, listener);
        (void)snprintf(but, sizeof(but), " (%.*s matches, but does not name it)", WHO_MAX - 64, who);
    }
    (void)snprintf(text, size,
                   "%s, and policy %s of listener %s (%s) does not let that pass%s; if it is meant to, add `allow = "
                   "%.*s %.*s` to [listener %s]",
                   endpoint_class_meaning(ruling->endpoint_class), policy_name(rules->policy), listener,
                   policy_summary(rules->policy), but, SLICE_ARGUMENTS(method), SLICE_ARGUMENTS(path), listener);
}

/* Where the path is fine as it is most likely meant, and refused as it may be read as well. */
static void write_by_oddity(char *text, size_t size, const struct ruling *ruling, const struct ruling_rules *rules,
                            const char *listener, const struct endpoint_path *path)
{
    char who[WHO_MAX];
    if (ruling->reason == RULING_BY_RULE)
        write_rule_name(who, ruling->rule, listener);
    else
        (void)snprintf(who, sizeof(who), "policy %s of listener %s", policy_name(rules->policy), listener);
    struct slice reading = slice_first(endpoint_path_reading(path, ruling->reading), SHOWN_PATH_MAX);
    struct slice plain = slice_first(endpoint_path_plain(path), SHOWN_PATH_MAX);
    (void)snprintf(text, size,
                   "its path can be read as %.*s, and %s does not let that pass; send it as %.*s: single slashes, none "
                   "at the end, no parameter, no suffix",
                   SLICE_ARGUMENTS(reading), who, SLICE_ARGUMENTS(plain));
}

const char *ruling_write_refusal(char *text, size_t size, const struct ruling *ruling, const struct ruling_rules *rules,
                                 const char *listener, struct slice method, struct slice written)
{
    struct endpoint_path path;
    struct slice shown = slice_first(method, 16);
    endpoint_path_read(&path, written);
    if (ruling->reason == RULING_BY_DOUBTFUL_PATH)
        (void)snprintf(text, size,
                       "%s, and policy %s or a rule of listener %s could decide otherwise for the one than for the "
                       "other; send the path as it is documented: plain characters, single slashes",
                       endpoint_class_meaning(ENDPOINT_DOUBTFUL), policy_name(rules->policy), listener);
    else if (ruling->reason == RULING_BY_REWRITING_FIELD)
        (void)snprintf(text, size,
                       "its header field %.*s names another path or method than the request line to some servers, and "
                       "policy %s or a rule of listener %s could decide otherwise for that; send it without the field",
                       SLICE_ARGUMENTS(slice_first(ruling->field, 32)), policy_name(rules->policy), listener);
    else if (path.count > 1 && ruling->reading != 1)
        write_by_oddity(text, size, ruling, rules, listener, &path);
    else if (ruling->reason == RULING_BY_RULE)
        write_by_rule(text, size, ruling, listener, shown, path_for_rule(&path, written));
    else
        write_by_policy(text, size, ruling, rules, listener, shown, path_for_rule(&path, written));
    return text;
}
