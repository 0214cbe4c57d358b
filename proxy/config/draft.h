/* The configuration while it is being put together: sections with, for each key, where its value was given. Private to
 * this room. */
#ifndef COUNTERSIGN_CONFIG_DRAFT_H
#define COUNTERSIGN_CONFIG_DRAFT_H

#include "keys.h"
#include "problems.h"

enum { CONFIG_SECTIONS_MAX = 128 };

struct config_slot {
    struct config_place place; /* where it was last given */
    bool given;                /* by a file, a variable or a flag, rightly or wrongly */
    bool set;                  /* the struct holds a good value */
};

union config_values {
    struct config_proxy proxy;
    struct config_capture capture;
    struct config_account account;
    struct config_upstream upstream;
    struct config_listener listener;
};

struct config_section {
    enum config_kind kind;
    char name[CONFIG_NAME_MAX + 1]; /* "" for kinds without one */
    struct config_place place;      /* of its header; origin DEFAULT for a built-in one */
    union config_values values;
    struct config_slot slots[CONFIG_KEYS_MAX];
    struct config_rule *rules; /* rules.h; owned, moved into the values by config_rules_finish */
    size_t rule_count;
};

struct config_draft {
    struct slice file; /* its name; empty for none */
    char *const *environment;
    struct config_section sections[CONFIG_SECTIONS_MAX];
    size_t section_count;
    struct config_problems problems;
};

/* The section of this kind and name (the first of the kind where name is NULL), or NULL. */
struct config_section *config_draft_find(struct config_draft *draft, enum config_kind kind, const struct slice *name);

size_t config_draft_count(const struct config_draft *draft, enum config_kind kind);

/* Adds a section without any value. NULL, with a problem, where there are too many. */
struct config_section *config_draft_add(struct config_draft *draft, enum config_kind kind, struct slice name,
                                        const struct config_place *place);

/* Reads a value into the section; what is wrong with it becomes a problem. */
void config_draft_set(struct config_draft *draft, struct config_section *section, size_t key, struct slice value,
                      const struct config_place *place);

/* Adds the sections that appear nowhere. */
void config_draft_add_built_in(struct config_draft *draft);

/* Gives every key that was not set its default. */
void config_draft_fill(struct config_draft *draft);

void config_draft_end(struct config_draft *draft);

/* Where the key's value comes from: its own place, or its section's where it is a default. */
const struct config_place *config_draft_place(const struct config_section *section, size_t key);

/* "[listener bot]" into `text` of CONFIG_TITLE_MAX bytes; returns it. */
enum { CONFIG_TITLE_MAX = CONFIG_NAME_MAX + 16 };
const char *config_section_title(char *text, const struct config_section *section);

/* Appends the names of the kind's sections: "there is: spot", "there are: a, b". */
void config_draft_append_names(struct buffer *out, const struct config_draft *draft, enum config_kind kind);

#endif
