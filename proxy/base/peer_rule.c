/* Which users may ask: text to rule. Pure; any thread. */
#include "countersign/peer.h"

#include "countersign/slice.h"

static bool take_uids(struct peer_rule *rule, struct slice text, struct error *error)
{
    struct slice part;
    uint64_t uid;
    while (slice_next_part(&text, ',', &part)) {
        part = slice_trim_blanks(part);
        if (!slice_to_u64(part, &uid) || uid >= UINT32_MAX) /* (uid_t)-1 is nobody's: chown(2) */
            return error_set(error, ERROR_INPUT, "\"%.*s\" is no user id", SLICE_ARGUMENTS(slice_first(part, 64)));
        if (rule->count == PEER_UIDS_MAX)
            return error_set(error, ERROR_INPUT, "there are more than %d user ids", PEER_UIDS_MAX);
        rule->uids[rule->count++] = (uint32_t)uid;
    }
    return true;
}

bool peer_rule_parse(struct peer_rule *rule, const char *text, uint32_t own_uid, struct error *error)
{
    struct slice whole = slice_text(text);
    struct peer_rule parsed = { .takes_any = slice_equal_text(whole, "any") };
    if (slice_equal_text(whole, "same-user"))
        parsed.uids[parsed.count++] = own_uid;
    else if (!parsed.takes_any && !take_uids(&parsed, whole, error))
        return false;
    *rule = parsed;
    return true;
}

bool peer_rule_takes(const struct peer_rule *rule, int64_t uid)
{
    bool takes = rule->takes_any;
    for (size_t i = 0; i < rule->count; i++)
        takes = takes || (int64_t)rule->uids[i] == uid;
    return takes;
}
