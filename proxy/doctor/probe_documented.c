/* What the catalogue of causes has on the code of a refusal, beside what the probes could judge. Pure. */
#include "countersign/catalogue.h"
#include "probe_rank.h"

#include <string.h>

/* Causes that lie in how a client makes its requests: these were made here. */
static const char *const made_here[] = { "signature",      "body-reserialised", "empty-body",
                                         "body-timestamp", "content-type",      "request-format" };

static bool is_made_here(const struct catalogue_cause *cause)
{
    for (size_t i = 0; i < ARRAY_LENGTH(made_here); i++) {
        if (strcmp(cause->id, made_here[i]) == 0)
            return true;
    }
    return false;
}

static bool is_judged(const struct probe_verdict *verdict, const struct catalogue_cause *cause)
{
    for (size_t i = 0; i < verdict->cause_count; i++) {
        if (strcmp(verdict->causes[i].id, cause->id) == 0)
            return true;
    }
    return false;
}

static size_t count_documented(const struct catalogue_entry *entry)
{
    size_t count = 0;
    for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++)
        count += reason->basis == CATALOGUE_DOCUMENTED;
    return count;
}

static void judge(struct probe_cause *made, const struct catalogue_cause *cause, const struct catalogue_entry *entry)
{
    *made = (struct probe_cause){ .id = cause->id };
    if (is_made_here(cause))
        (void)probe_stands(made, PROBE_RULED_OUT,
                           "this request was signed and sent by this program, as documented; what your own code sends "
                           "is for `countersign verify`"); /* it stands, here and below */
    else if (count_documented(entry) == 1)
        (void)probe_stands(made, PROBE_LIKELY, "it is the one cause that is documented for %s", entry->name);
    else
        (void)probe_stands(made, PROBE_POSSIBLE, "it is documented for %s, and no probe can see it", entry->name);
}

void probe_rank_documented(struct probe_verdict *verdict, struct probe_cause_words *words,
                           const struct probe_facts *facts)
{
    struct probe_cause made;
    const struct catalogue_entry *entry = facts->is_refused ? catalogue_of_code(slice_text(facts->right->code)) : NULL;
    if (entry == NULL)
        return;
    bool is_key_accepted = facts->is_accepted || facts->is_accepted_at_their_time;
    verdict->code_means = entry->summary;
    for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
        if (reason->basis != CATALOGUE_DOCUMENTED || is_judged(verdict, reason->cause))
            continue;
        if (is_key_accepted && !is_made_here(reason->cause))
            continue; /* it is about the way, or the time */
        judge(&made, reason->cause, entry);
        probe_rank_insert(verdict, words, &made,
                          (struct probe_cause_words){ reason->cause->text, reason->cause->remedy });
    }
}
