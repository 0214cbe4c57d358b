/* COUNTERSIGN_* variables and --set: both address a key of a section by one text. Every address that exists is made from
 * the table and the sections that are there, and compared. Owns nothing; one thread. */
#include "overrides.h"

#include "nearest.h"
#include "value.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

static const char prefix[] = "COUNTERSIGN_";
/* Variables that are no settings. */
static const char *const own_variables[] = {
    "COUNTERSIGN_CONFIG", /* names the file; read by config_load */
    "COUNTERSIGN_PAGER",  /* for long output; read by the commands that show the record */
};

enum style { STYLE_VARIABLE, STYLE_DOTTED };

enum { ADDRESS_MAX = 128 }; /* bytes: the prefix, a kind, a section's name and a key */

/* COUNTERSIGN_LISTENER_BOT_LISTEN, listener.bot.listen; without the section's name where `name` is "". */
static const char *write_address(char *text, enum style style, const char *kind, const char *name, const char *key)
{
    const char *join = style == STYLE_VARIABLE ? "_" : ".";
    (void)snprintf(text, ADDRESS_MAX, "%s%s%s%s%s%s", style == STYLE_VARIABLE ? prefix : "", kind, join, name,
                   name[0] == '\0' ? "" : join, key); /* fits: see ADDRESS_MAX */
    for (char *at = text; style == STYLE_VARIABLE && *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - ('a' - 'A'));
        else if (*at == '-')
            *at = '_';
    }
    return text;
}

struct search {
    struct slice text;
    enum style style;
    struct config_section *section; /* what it addresses; NULL: nothing so far */
    size_t key;
    struct config_section *other; /* a second thing that it addresses */
    size_t other_key;
    struct config_nearest nearest;
};

static void consider(struct search *search, struct config_section *section, size_t key, const char *name)
{
    const struct config_kind_row *row = &config_kinds[section->kind];
    char address[ADDRESS_MAX];
    (void)write_address(address, search->style, row->name, name, row->keys[key].name); /* returns its argument */
    config_nearest_offer(&search->nearest, address);
    if (!slice_equal_text(search->text, address))
        return;
    if (search->section == NULL) {
        search->section = section;
        search->key = key;
    } else if (search->section != section || search->key != key) {
        search->other = section;
        search->other_key = key;
    }
}

/* A section is addressed by its name; the first of its kind also without. */
static void search_address(struct search *search, struct config_draft *draft, enum style style, struct slice text)
{
    *search = (struct search){ .text = text, .style = style };
    config_nearest_begin(&search->nearest, text);
    for (size_t i = 0; i < draft->section_count; i++) {
        struct config_section *section = &draft->sections[i];
        bool first = config_draft_find(draft, section->kind, NULL) == section;
        for (size_t key = 0; key < config_kinds[section->kind].key_count; key++) {
            if (first)
                consider(search, section, key, "");
            if (section->name[0] != '\0')
                consider(search, section, key, section->name);
        }
    }
}

static void complain_ambiguous(struct config_draft *draft, const struct config_place *place,
                               const struct search *search)
{
    char title[CONFIG_TITLE_MAX];
    char other_title[CONFIG_TITLE_MAX];
    config_problem_add(&draft->problems, place, "could mean both %s %s and %s %s; set it in the file instead",
                       config_section_title(title, search->section),
                       config_kinds[search->section->kind].keys[search->key].name,
                       config_section_title(other_title, search->other),
                       config_kinds[search->other->kind].keys[search->other_key].name);
}

/* False where the address is none. */
static bool apply(struct config_draft *draft, const struct search *search, struct slice value,
                  const struct config_place *place)
{
    if (search->section == NULL)
        return false;
    if (search->other != NULL)
        complain_ambiguous(draft, place, search);
    else
        config_draft_set(draft, search->section, search->key, value, place);
    return true;
}

static bool is_own_variable(struct slice name)
{
    bool is_own = false;
    for (size_t i = 0; i < ARRAY_LENGTH(own_variables); i++)
        is_own = is_own || slice_equal_text(name, own_variables[i]);
    return is_own;
}

/* The next COUNTERSIGN_* variable that may be a setting, from *index on. */
static bool next_variable(const struct config_draft *draft, size_t *index, struct slice *name, struct slice *value)
{
    for (; draft->environment != NULL && draft->environment[*index] != NULL; (*index)++) {
        struct slice entry = slice_text(draft->environment[*index]);
        size_t end = slice_find(entry, '=');
        if (!slice_starts_with(entry, prefix) || is_own_variable(slice_first(entry, end)))
            continue;
        *name = slice_first(entry, end);
        *value = slice_from(entry, end + 1);
        (*index)++;
        return true;
    }
    return false;
}

static struct config_place variable_place(struct slice name, size_t number)
{
    return (struct config_place){ .origin = CONFIG_ORIGIN_ENVIRONMENT, .number = number, .name = name };
}

void config_overrides_environment(struct config_draft *draft)
{
    struct slice name = slice_of(NULL, 0);
    struct slice value = slice_of(NULL, 0);
    for (size_t index = 0; next_variable(draft, &index, &name, &value);) {
        const struct config_place place = variable_place(name, index);
        struct search search;
        search_address(&search, draft, STYLE_VARIABLE, name);
        (void)apply(draft, &search, value, &place); /* config_overrides_check_environment deals with the unknown */
    }
}

/* Whether a key of this section says that its secret is in this variable. */
static bool names_variable(const struct config_section *section, struct slice name)
{
    const struct config_kind_row *row = &config_kinds[section->kind];
    for (size_t key = 0; key < row->key_count; key++) {
        bool is_source = config_key_is_source(&row->keys[key]);
        const char *source = is_source ? config_value_text(&section->values, &row->keys[key]) : NULL;
        if (source != NULL && slice_starts_with(slice_text(source), "env:") &&
            slice_equal_text(name, source + strlen("env:")))
            return true;
    }
    return false;
}

/* Whether some account's secret or listener's token comes from this variable: then it is no setting, whatever its name. */
static bool is_secret_variable(const struct config_draft *draft, struct slice name)
{
    bool is_named = false;
    for (size_t i = 0; i < draft->section_count; i++)
        is_named = is_named || names_variable(&draft->sections[i], name);
    return is_named;
}

static void complain_unknown(struct config_draft *draft, const struct config_place *place, const struct search *search,
                             const char *what)
{
    struct buffer line;
    buffer_init(&line, CONFIG_PROBLEM_LENGTH_MAX / 2);
    (void)buffer_append_text(&line, what); /* what fits is shown */
    config_nearest_append(&line, &search->nearest);
    if (search->nearest.match[0] == '\0')
        (void)buffer_append_text(&line, "; `countersign config keys` lists them"); /* likewise */
    config_problem_add(&draft->problems, place, "%s", buffer_text(&line));
    buffer_free(&line);
}

void config_overrides_check_environment(struct config_draft *draft)
{
    struct slice name = slice_of(NULL, 0);
    struct slice value = slice_of(NULL, 0);
    for (size_t index = 0; next_variable(draft, &index, &name, &value);) {
        const struct config_place place = variable_place(name, index);
        struct search search;
        search_address(&search, draft, STYLE_VARIABLE, name);
        if (search.section != NULL || is_secret_variable(draft, name))
            continue;
        for (size_t i = 0; i < ARRAY_LENGTH(own_variables); i++)
            config_nearest_offer(&search.nearest, own_variables[i]);
        complain_unknown(draft, &place, &search, "no setting has this name");
    }
}

/* "listener.bott.listen": kind and key are known, the section is not there. */
static bool complain_missing_section(struct config_draft *draft, const struct config_place *place, const char *address)
{
    struct slice rest = slice_text(address);
    struct slice parts[3] = { { 0 } };
    size_t count = 0;
    while (count < ARRAY_LENGTH(parts) && slice_next_part(&rest, '.', &parts[count]))
        count++;
    enum config_kind kind = config_kind_find(parts[0]);
    if (count != 3 || rest.data != NULL || kind == CONFIG_KIND_COUNT || !config_kinds[kind].named ||
        parts[1].length > CONFIG_NAME_MAX || config_key_find(kind, parts[2]) == config_kinds[kind].key_count ||
        config_draft_find(draft, kind, &parts[1]) != NULL)
        return false;
    config_words_missing_section(draft, place, address, kind, parts[1]);
    return true;
}

static void apply_setting(struct config_draft *draft, const struct config_setting *setting, size_t number)
{
    const struct config_place place = { .origin = CONFIG_ORIGIN_FLAG,
                                        .number = number,
                                        .name = slice_text(setting->flag) };
    struct search search;
    search_address(&search, draft, STYLE_DOTTED, slice_text(setting->key));
    if (apply(draft, &search, slice_text(setting->value), &place) ||
        complain_missing_section(draft, &place, setting->key))
        return;
    struct buffer what;
    buffer_init(&what, CONFIG_PROBLEM_LENGTH_MAX / 2);
    config_quote(&what, slice_text(setting->key));
    (void)buffer_append_text(&what, " is no setting"); /* fits: config_quote is bounded */
    complain_unknown(draft, &place, &search, buffer_text(&what));
    buffer_free(&what);
}

void config_overrides_settings(struct config_draft *draft, const struct config_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        apply_setting(draft, &settings[i], i + 1);
}
