/* Problems about names. A name is shown only where it looks like one: what stands before a "=" may be a secret that ends
 * in "=", pasted on a line of its own. */
#include "words.h"

#include "nearest.h"
#include "value.h"

enum { NAME_SHOWN_MAX = 24 }; /* characters; keys in the wild are 32 */

enum { LINE_MAX_LENGTH = CONFIG_PROBLEM_LENGTH_MAX / 2 };

static void append_name(struct buffer *out, struct slice name)
{
    /* The caller checks `failed`. */
    if (config_name_valid(name) && name.length <= NAME_SHOWN_MAX)
        (void)buffer_append_format(out, "\"%.*s\"", SLICE_ARGUMENTS(name));
    else
        (void)buffer_append_format(out, "what stands there (%zu bytes, not shown)", name.length);
}

/* Adds the line, of which what fits is shown, and frees it. */
static void add(struct config_problems *problems, const struct config_place *place, struct buffer *line)
{
    config_problem_add(problems, place, "%s", buffer_text(line));
    buffer_free(line);
}

enum config_kind config_words_unknown_kind(struct config_problems *problems, const struct config_place *place,
                                           struct slice kind)
{
    struct buffer line;
    struct config_nearest nearest;
    buffer_init(&line, LINE_MAX_LENGTH);
    config_nearest_begin(&nearest, kind);
    for (size_t i = 0; i < CONFIG_KIND_COUNT; i++)
        config_nearest_offer(&nearest, config_kinds[i].name);
    (void)buffer_append_text(&line, "unknown section: "); /* add() shows what fits, here and below */
    append_name(&line, kind);
    config_nearest_append(&line, &nearest);
    for (size_t i = 0; nearest.match[0] == '\0' && i < CONFIG_KIND_COUNT; i++)
        (void)buffer_append_format(&line, config_kinds[i].named ? "%s[%s NAME]" : "%s[%s]",
                                   i == 0 ? "; there are " : ", ", config_kinds[i].name);
    add(problems, place, &line);
    return config_kind_find(slice_text(nearest.match));
}

/* Appends "; it is a key of [proxy]" where another kind has it. */
static bool append_owner(struct buffer *out, struct slice key)
{
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        if (config_key_find(kind, key) == config_kinds[kind].key_count)
            continue;
        (void)buffer_append_format(out,
                                   config_kinds[kind].named ? "; it is a key of [%s NAME]" : "; it is a key of [%s]",
                                   config_kinds[kind].name); /* the caller checks `failed` */
        return true;
    }
    return false;
}

void config_words_unknown_key(struct config_problems *problems, const struct config_place *place,
                              const struct config_section *section, struct slice key)
{
    struct buffer line;
    struct config_nearest nearest;
    char title[CONFIG_TITLE_MAX];
    buffer_init(&line, LINE_MAX_LENGTH);
    config_nearest_begin(&nearest, key);
    for (size_t i = 0; i < config_kinds[section->kind].key_count; i++)
        config_nearest_offer(&nearest, config_kinds[section->kind].keys[i].name);
    (void)buffer_append_format(&line, "%s unknown key: ", config_section_title(title, section)); /* as above */
    append_name(&line, key);
    if (!append_owner(&line, key))
        config_nearest_append(&line, &nearest);
    add(problems, place, &line);
}

void config_words_outside(struct config_problems *problems, const struct config_place *place, struct slice key)
{
    struct buffer line;
    buffer_init(&line, LINE_MAX_LENGTH);
    append_name(&line, key);
    (void)buffer_append_text(&line, " stands before any [section]"); /* as above */
    (void)append_owner(&line, key);                                  /* whether there is one makes no difference here */
    add(problems, place, &line);
}

void config_words_missing_section(struct config_draft *draft, const struct config_place *place, const char *where,
                                  enum config_kind kind, struct slice name)
{
    struct buffer line;
    struct config_nearest nearest;
    buffer_init(&line, LINE_MAX_LENGTH);
    config_nearest_begin(&nearest, name);
    for (size_t i = 0; i < draft->section_count; i++) {
        if (draft->sections[i].kind == kind)
            config_nearest_offer(&nearest, draft->sections[i].name);
    }
    (void)buffer_append_format(&line, "%s: there is no [%s %.*s]; ", where, config_kinds[kind].name,
                               SLICE_ARGUMENTS(name)); /* as above */
    config_draft_append_names(&line, draft, kind);
    config_nearest_append(&line, &nearest);
    add(&draft->problems, place, &line);
}
