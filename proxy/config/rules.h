/* A listener's rules while the configuration is put together: keys that may be given many times, by several sources. Private
 * to this room. */
#ifndef COUNTERSIGN_CONFIG_RULES_H
#define COUNTERSIGN_CONFIG_RULES_H

#include "draft.h"

/* A rule and where it was given. */
struct config_rule {
    struct rule rule;
    struct config_place place;
};

/* Reads one value, which may hold several rules with " | " between them, and puts each behind those that are asked before
 * it. What is wrong becomes a problem. */
void config_rules_add(struct config_draft *draft, struct config_section *section, size_t key, struct slice text,
                      const struct config_place *place);

/* Looks for rules that never decide because one before them, from the same kind of source, does, and moves all into the
 * section's values. */
void config_rules_finish(struct config_draft *draft, struct config_section *section);

/* The section's, by a key of type CONFIG_TYPE_RULE. */
const struct config_rules *config_rules_of(const void *section, const struct config_key *key);
void config_rules_clear(void *section, const struct config_key *key);

#endif
