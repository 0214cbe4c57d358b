/* The configuration while it is being put together. Owns the sections' texts until config_load takes them over; one
 * thread. */
#include "draft.h"

#include "paths.h"
#include "rules.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

struct config_section *config_draft_find(struct config_draft *draft, enum config_kind kind, const struct slice *name)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        struct config_section *section = &draft->sections[i];
        if (section->kind == kind && (name == NULL || slice_equal_text(*name, section->name)))
            return section;
    }
    return NULL;
}

size_t config_draft_count(const struct config_draft *draft, enum config_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < draft->section_count; i++)
        count += draft->sections[i].kind == kind;
    return count;
}

struct config_section *config_draft_add(struct config_draft *draft, enum config_kind kind, struct slice name,
                                        const struct config_place *place)
{
    if (draft->section_count == CONFIG_SECTIONS_MAX) {
        config_problem_add(&draft->problems, place, "more than %d sections", (int)CONFIG_SECTIONS_MAX);
        return NULL;
    }
    struct config_section *section = &draft->sections[draft->section_count++];
    *section = (struct config_section){ .kind = kind, .place = *place };
    (void)snprintf(section->name, sizeof(section->name), "%.*s", SLICE_ARGUMENTS(name)); /* valid names fit */
    return section;
}

const char *config_section_title(char *text, const struct config_section *section)
{
    const struct config_kind_row *row = &config_kinds[section->kind];
    (void)snprintf(text, CONFIG_TITLE_MAX, row->named ? "[%s %s]" : "[%s]", row->name, section->name); /* fits */
    return text;
}

const struct config_place *config_draft_place(const struct config_section *section, size_t key)
{
    return section->slots[key].given ? &section->slots[key].place : &section->place;
}

void config_draft_append_names(struct buffer *out, const struct config_draft *draft, enum config_kind kind)
{
    size_t count = config_draft_count(draft, kind);
    const char *separator = count == 1 ? "there is: " : "there are: ";
    for (size_t i = 0; i < draft->section_count; i++) {
        if (draft->sections[i].kind != kind)
            continue;
        (void)buffer_append_format(out, "%s%s", separator, draft->sections[i].name); /* the caller checks `failed` */
        separator = ", ";
    }
}

/* What no value may have, whatever its type: the complaint, or NULL. Says nothing of the value: it may be a secret. */
static const char *unusable(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return "the value holds a control byte";
    }
    if (value.length > CONFIG_VALUE_MAX)
        return "the value is longer than 4096 bytes";
    if (value.length > 0 && (value.data[0] == '"' || value.data[0] == '\''))
        return "the value begins with a quotation mark; values are written without";
    return NULL;
}
_Static_assert(CONFIG_VALUE_MAX == 4096, "the message above says so");

static bool parse_value(struct config_value *value, const struct config_draft *draft, const struct config_key *key,
                        struct slice text, struct buffer *complaint)
{
    const char *reason = unusable(text);
    if (reason != NULL) {
        (void)buffer_append_text(complaint, reason); /* the problem's line is built from what fits */
        return false;
    }
    char copy[CONFIG_VALUE_MAX + 1];
    (void)snprintf(copy, sizeof(copy), "%.*s", SLICE_ARGUMENTS(text)); /* no NUL inside, and it fits: checked above */
    const struct config_parse parse = {
        .key = key, .text = copy, .home = config_environment_get(draft->environment, "HOME"), .complaint = complaint
    };
    return config_value_parse(value, &parse);
}

/* "# two" in "workers = 2 # two" is part of the value, which few expect. */
static void append_comment_hint(struct buffer *complaint, const struct config_key *key, struct slice text)
{
    if (!config_key_is_source(key) && text.length > 0 && memmem(text.data, text.length, " #", 2) != NULL)
        (void)buffer_append_text(complaint, " (a comment behind a value begins with \" ;\")"); /* as above */
}

void config_draft_set(struct config_draft *draft, struct config_section *section, size_t key, struct slice value,
                      const struct config_place *place)
{
    const struct config_key *row = &config_kinds[section->kind].keys[key];
    struct slice text = slice_trim_blanks(value);
    struct config_value parsed;
    struct buffer complaint;
    char title[CONFIG_TITLE_MAX];
    buffer_init(&complaint, CONFIG_PROBLEM_LENGTH_MAX / 2);
    struct config_slot *slot = &section->slots[key];
    slot->place = *place;
    slot->given = place->origin != CONFIG_ORIGIN_DEFAULT;
    if (row->type == CONFIG_TYPE_RULE) {
        config_rules_add(draft, section, key, text, place);
        buffer_free(&complaint);
        return;
    }
    if (parse_value(&parsed, draft, row, text, &complaint)) {
        config_value_store(&section->values, row, &parsed);
        slot->set = true;
    } else {
        append_comment_hint(&complaint, row, text);
        config_problem_add(&draft->problems, place, "%s %s: %s", config_section_title(title, section), row->name,
                           buffer_text(&complaint));
    }
    buffer_free(&complaint);
}

void config_draft_add_built_in(struct config_draft *draft)
{
    static const struct config_place nowhere = { .origin = CONFIG_ORIGIN_DEFAULT };
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        if (config_draft_count(draft, kind) > 0)
            continue;
        /* Cannot be NULL but in a file of CONFIG_SECTIONS_MAX sections, which then has a problem line. */
        (void)config_draft_add(draft, kind, slice_text(config_kinds[kind].built_in_name), &nowhere);
    }
}

/* The state folder's default follows the XDG base directory specification. */
static void fill_key(struct config_draft *draft, struct config_section *section, size_t key)
{
    static const struct config_place nowhere = { .origin = CONFIG_ORIGIN_DEFAULT };
    const struct config_key *row = &config_kinds[section->kind].keys[key];
    bool built_in = section->place.origin == CONFIG_ORIGIN_DEFAULT && row->built_in != NULL;
    const char *text = built_in ? row->built_in : row->fallback;
    if (text[0] == '\0' && !row->optional)
        return; /* a reference, which check.c looks at */
    const char *xdg = config_environment_get(draft->environment, "XDG_STATE_HOME");
    struct buffer state_dir;
    buffer_init(&state_dir, CONFIG_VALUE_MAX);
    if (row->type == CONFIG_TYPE_PATH && section->kind == CONFIG_KIND_PROXY && xdg != NULL && xdg[0] == '/' &&
        buffer_append_format(&state_dir, "%s/countersign", xdg))
        text = buffer_text(&state_dir);
    config_draft_set(draft, section, key, slice_text(text), &nowhere);
    buffer_free(&state_dir);
}

void config_draft_fill(struct config_draft *draft)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        struct config_section *section = &draft->sections[i];
        for (size_t key = 0; key < config_kinds[section->kind].key_count; key++) {
            if (!section->slots[key].set && !section->slots[key].given)
                fill_key(draft, section, key);
        }
    }
}

void config_draft_end(struct config_draft *draft)
{
    for (size_t i = 0; i < draft->section_count; i++) {
        const struct config_kind_row *row = &config_kinds[draft->sections[i].kind];
        for (size_t key = 0; key < row->key_count; key++)
            config_value_clear(&draft->sections[i].values, &row->keys[key]);
    }
    draft->section_count = 0;
    config_problems_end(&draft->problems);
}
