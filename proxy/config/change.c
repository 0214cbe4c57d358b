/* A configuration read a second time, and what is another in it. Pure; any thread. */
#include "load.h"
#include "rules.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

enum { CHANGE_TEXT_MAX = 1 << 20 };

bool config_load_again(struct config **config, const struct config *held, char *const *environment, struct slice text,
                       struct buffer *report, struct error *error)
{
    const struct config_sources sources = { .file = held->file != NULL ? held->file : "",
                                            .environment = environment,
                                            .settings = held->settings,
                                            .setting_count = held->setting_count };
    return config_load_text(config, &sources, text, report, error);
}

static void append_value(struct buffer *out, const struct config_key *key, const void *section)
{
    if (key->type != CONFIG_TYPE_RULE) {
        config_value_append(out, key, section);
        return;
    }
    const struct config_rules *rules = config_rules_of(section, key);
    for (size_t i = 0; i < rules->count; i++)
        (void)buffer_append_format(out, "%s%s %s", i == 0 ? "" : " | ", rule_verdict_name(rules->items[i].verdict),
                                   rules->items[i].text); /* the caller looks at `failed` */
}

struct visit {
    void (*visit)(void *context, const struct config_change *change);
    void *context;
};

static bool compare_key(const struct visit *visit, const char *title, const struct config_key *key, const void *held,
                        const void *fresh)
{
    struct buffer was, now;
    buffer_init(&was, CHANGE_TEXT_MAX);
    buffer_init(&now, CHANGE_TEXT_MAX);
    append_value(&was, key, held);
    append_value(&now, key, fresh);
    bool done = !was.failed && !now.failed;
    const struct config_change change = { title, key->name, buffer_text(&was), buffer_text(&now) };
    if (done && strcmp(change.was, change.now) != 0)
        visit->visit(visit->context, &change);
    buffer_free(&was);
    buffer_free(&now);
    return done;
}

/* The rules of all keys that hold them are one list: the first such key stands for them. */
static bool is_told_already(const struct config_kind_row *row, size_t key)
{
    return key > 0 && row->keys[key].type == CONFIG_TYPE_RULE && row->keys[key - 1].type == CONFIG_TYPE_RULE;
}

static bool compare_section(const struct visit *visit, enum config_kind kind, const void *held, const void *fresh)
{
    const struct config_kind_row *row = &config_kinds[kind];
    char title[2 * CONFIG_NAME_MAX];
    (void)snprintf(title, sizeof(title), "%s%s%s", row->name, row->named ? " " : "",
                   row->named ? (const char *)fresh : ""); /* fits: a named section's struct begins with its name */
    bool done = true;
    for (size_t i = 0; done && i < row->key_count; i++)
        done = is_told_already(row, i) || compare_key(visit, title, &row->keys[i], held, fresh);
    return done;
}

static bool is_same_section(enum config_kind kind, const void *held, const void *fresh)
{
    return held != NULL && fresh != NULL && (!config_kinds[kind].named || strcmp(held, fresh) == 0);
}

static bool go_through(const struct visit *visit, struct config *held, struct config *fresh, enum config_kind kind,
                       struct error *error)
{
    for (size_t i = 0;; i++) {
        const void *one = config_section_at(held, kind, i), *other = config_section_at(fresh, kind, i);
        if (one == NULL && other == NULL)
            return true;
        if (!is_same_section(kind, one, other))
            return error_set(error, ERROR_CONFIG,
                             "the [%s] sections are not the same, in the same order, as at the start: to add, take out "
                             "or rename one needs a restart",
                             config_kinds[kind].name);
        if (visit->visit != NULL && !compare_section(visit, kind, one, other))
            return error_set(error, ERROR_MEMORY, "out of memory while comparing configurations");
    }
}

bool config_each_change(const struct config *held, const struct config *fresh,
                        void (*visit)(void *context, const struct config_change *change), void *context,
                        struct error *error)
{
    const struct visit visits[] = { { NULL, NULL }, { visit, context } }; /* first whether all sections are there */
    struct config one = *held, other = *fresh;                            /* looked at alone */
    for (size_t round = 0; round < ARRAY_LENGTH(visits); round++) {
        for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
            if (!go_through(&visits[round], &one, &other, kind, error))
                return false;
        }
    }
    return true;
}
