/* A listener's rules while the configuration is put together. Owns the draft's rules; one thread. */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char separator[] = " | ";

/* Who is asked before whom: what wins over another source comes first. Variables have no order of their own, so what they
 * deny comes before what they allow. */
static unsigned rank(const struct config_rule *rule)
{
    bool is_allow = rule->rule.verdict == RULE_ALLOW;
    if (rule->place.origin == CONFIG_ORIGIN_FLAG)
        return 0;
    if (rule->place.origin == CONFIG_ORIGIN_ENVIRONMENT)
        return is_allow ? 2 : 1;
    return 3;
}

/* "countersign.ini:12", "environment COUNTERSIGN_...", "--set" */
static void note_place(struct rule *rule, const struct config_place *place)
{
    struct slice name = place->name;
    for (size_t slash = 0; (slash = slice_find(name, '/')) < name.length && place->origin == CONFIG_ORIGIN_FILE;)
        name = slice_from(name, slash + 1);
    const struct config_place shown = { .origin = place->origin, .number = place->number, .name = name };
    struct buffer text;
    buffer_init(&text, CONFIG_PROBLEM_LENGTH_MAX);
    config_place_append(&text, &shown);
    int length = (int)text.length - 2; /* without its ": " */
    (void)snprintf(rule->place, sizeof(rule->place), "%.*s", length > 0 ? length : 0,
                   buffer_text(&text)); /* may be cut */
    buffer_free(&text);
}

static bool insert(struct config_section *section, const struct config_rule *rule)
{
    struct config_rule *grown = reallocarray(section->rules, section->rule_count + 1, sizeof(*grown));
    if (grown == NULL)
        return false;
    section->rules = grown;
    size_t at = section->rule_count++;
    for (; at > 0 && rank(&grown[at - 1]) > rank(rule); at--)
        grown[at] = grown[at - 1];
    grown[at] = *rule;
    return true;
}

static void add_one(struct config_draft *draft, struct config_section *section, size_t key, struct slice text,
                    const struct config_place *place)
{
    const char *name = config_kinds[section->kind].keys[key].name;
    struct config_rule rule = { .place = *place };
    struct buffer complaint;
    char title[CONFIG_TITLE_MAX];
    enum rule_verdict verdict = strcmp(name, rule_verdict_name(RULE_ALLOW)) == 0 ? RULE_ALLOW : RULE_DENY;
    buffer_init(&complaint, CONFIG_PROBLEM_LENGTH_MAX / 2);
    bool done = rule_parse(&rule.rule, verdict, text, &complaint);
    note_place(&rule.rule, place);
    if (done && section->rule_count == RULES_MAX)
        (void)buffer_append_format(&complaint, "more than %d rules", (int)RULES_MAX);
    else if (done && !insert(section, &rule))
        (void)buffer_append_text(&complaint, "out of memory");
    if (complaint.length > 0) {
        (void)buffer_append_text(&complaint, "; it is "); /* what fits is shown, here and above */
        config_quote(&complaint, text);
        config_problem_add(&draft->problems, place, "%s %s: %s", config_section_title(title, section), name,
                           buffer_text(&complaint));
    }
    buffer_free(&complaint);
}

void config_rules_add(struct config_draft *draft, struct config_section *section, size_t key, struct slice text,
                      const struct config_place *place)
{
    const char *next;
    section->slots[key].set = true; /* what is wrong with a rule is no value left out */
    while (text.length > 0 && (next = memmem(text.data, text.length, separator, sizeof(separator) - 1)) != NULL) {
        size_t length = (size_t)(next - text.data);
        add_one(draft, section, key, slice_first(text, length), place);
        text = slice_from(text, length + sizeof(separator) - 1);
    }
    add_one(draft, section, key, text, place);
}

/* --- the end --- */

/* Between sources there is no complaint: a variable that denies everything is meant to. */
static void check_shadow(struct config_draft *draft, const struct config_section *section, size_t index)
{
    const struct config_rule *later = &section->rules[index];
    char title[CONFIG_TITLE_MAX];
    for (size_t i = 0; i < index; i++) {
        const struct config_rule *earlier = &section->rules[i];
        if (rank(earlier) != rank(later) || !rule_covers(&earlier->rule, &later->rule))
            continue;
        config_problem_add(&draft->problems, &later->place,
                           "%s %s: \"%s\" never decides: \"%s %s\" (%s) comes first and matches all of it; %s",
                           config_section_title(title, section), rule_verdict_name(later->rule.verdict),
                           later->rule.text, rule_verdict_name(earlier->rule.verdict), earlier->rule.text,
                           earlier->rule.place,
                           earlier->rule.verdict == later->rule.verdict ? "leave it out" : "put it before that one");
        return;
    }
}

void config_rules_finish(struct config_draft *draft, struct config_section *section)
{
    struct config_rules *made = &section->values.listener.rules;
    for (size_t i = 0; i < section->rule_count; i++)
        check_shadow(draft, section, i);
    made->items = calloc(section->rule_count + 1, sizeof(*made->items)); /* never an empty one */
    if (made->items == NULL)
        config_problem_add(&draft->problems, &section->place, "out of memory for the rules");
    for (size_t i = 0; made->items != NULL && i < section->rule_count; i++)
        made->items[made->count++] = section->rules[i].rule;
    free(section->rules);
    section->rules = NULL;
    section->rule_count = 0;
}

const struct config_rules *config_rules_of(const void *section, const struct config_key *key)
{
    return (const struct config_rules *)(const void *)((const char *)section + key->offset);
}

void config_rules_clear(void *section, const struct config_key *key)
{
    struct config_rules *rules = (struct config_rules *)(void *)((char *)section + key->offset);
    free(rules->items);
    *rules = (struct config_rules){ .items = NULL };
}
