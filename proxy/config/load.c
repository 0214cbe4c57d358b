/* From sources to the checked configuration: read, override, fill, check, hand over. Owns the draft; one thread. */
#include "load.h"

#include "check.h"
#include "file.h"
#include "overrides.h"
#include "paths.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *config_section_at(struct config *config, enum config_kind kind, size_t index)
{
    switch (kind) {
    case CONFIG_KIND_PROXY:
        return index == 0 ? &config->proxy : NULL;
    case CONFIG_KIND_CAPTURE:
        return index == 0 ? &config->capture : NULL;
    case CONFIG_KIND_ACCOUNT:
        return index < config->account_count ? &config->accounts[index] : NULL;
    case CONFIG_KIND_UPSTREAM:
        return index < config->upstream_count ? &config->upstreams[index] : NULL;
    case CONFIG_KIND_LISTENER:
        return index < config->listener_count ? &config->listeners[index] : NULL;
    case CONFIG_KIND_COUNT:
        break;
    }
    return NULL;
}

/* A finished configuration with room for the draft's sections, all empty. */
static struct config *make_config(const struct config_draft *draft)
{
    struct config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return NULL;
    config->account_count = config_draft_count(draft, CONFIG_KIND_ACCOUNT);
    config->upstream_count = config_draft_count(draft, CONFIG_KIND_UPSTREAM);
    config->listener_count = config_draft_count(draft, CONFIG_KIND_LISTENER);
    config->accounts = calloc(config->account_count, sizeof(*config->accounts));
    config->upstreams = calloc(config->upstream_count, sizeof(*config->upstreams));
    config->listeners = calloc(config->listener_count, sizeof(*config->listeners));
    if (draft->file.length > 0)
        config->file = strndup(draft->file.data, draft->file.length);
    if (config->accounts != NULL && config->upstreams != NULL && config->listeners != NULL &&
        (draft->file.length == 0 || config->file != NULL))
        return config;
    config->account_count = config->upstream_count = config->listener_count =
        0; /* config_free looks at what is there */
    config_free(config);
    return NULL;
}

/* Moves the sections' values, in their order, out of the draft. */
static struct config *hand_over(struct config_draft *draft)
{
    struct config *config = make_config(draft);
    size_t next[CONFIG_KIND_COUNT] = { 0 };
    for (size_t i = 0; config != NULL && i < draft->section_count; i++) {
        struct config_section *section = &draft->sections[i];
        void *made = config_section_at(config, section->kind, next[section->kind]++);
        memcpy(made, &section->values, config_kinds[section->kind].size);
        if (config_kinds[section->kind].named) /* the struct begins with it */
            memcpy(made, section->name, sizeof(section->name));
    }
    if (config != NULL)
        draft->section_count = 0;
    return config;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        void *section = NULL;
        for (size_t i = 0; (section = config_section_at(config, kind, i)) != NULL; i++) {
            for (size_t key = 0; key < config_kinds[kind].key_count; key++)
                config_value_clear(section, &config_kinds[kind].keys[key]);
        }
    }
    free(config->accounts);
    free(config->upstreams);
    free(config->listeners);
    free(config->file);
    free(config);
}

static void read_sources(struct config_draft *draft, const struct config_sources *sources, struct slice text)
{
    config_file_parse(draft, text);
    config_draft_add_built_in(draft);
    config_overrides_environment(draft);
    config_overrides_settings(draft, sources->settings, sources->setting_count);
    config_overrides_check_environment(draft);
    config_draft_fill(draft);
    config_check(draft);
}

static bool sum_up(const struct config_draft *draft, struct error *error)
{
    size_t total = draft->problems.total;
    return error_set(error, ERROR_CONFIG, "the configuration has %zu error%s", total, total == 1 ? "" : "s");
}

static struct config_draft *make_draft(const struct config_sources *sources, const char *file, struct error *error)
{
    struct config_draft *draft = calloc(1, sizeof(*draft));
    if (draft == NULL) {
        (void)error_set(error, ERROR_MEMORY, "out of memory while reading the configuration"); /* NULL says it */
        return NULL;
    }
    draft->file = slice_text(file);
    draft->environment = sources->environment;
    return draft;
}

static bool finish(struct config **config, struct config_draft *draft, const struct config_sources *sources,
                   struct buffer *report, struct error *error)
{
    config_problems_write(report, &draft->problems);
    struct config *made = draft->problems.total == 0 ? hand_over(draft) : NULL;
    bool is_wrong = draft->problems.total > 0;
    if (is_wrong)
        (void)sum_up(draft, error); /* always false, as we are */
    else if (made == NULL)
        (void)error_set(error, ERROR_MEMORY, "out of memory while reading the configuration"); /* likewise */
    config_draft_end(draft);
    free(draft);
    if (made != NULL) {
        made->settings = sources->settings;
        made->setting_count = sources->setting_count;
    }
    *config = made;
    return made != NULL;
}

bool config_load_text(struct config **config, const struct config_sources *sources, struct slice text,
                      struct buffer *report, struct error *error)
{
    struct config_draft *draft = make_draft(sources, sources->file, error);
    *config = NULL;
    if (draft == NULL)
        return false;
    read_sources(draft, sources, text);
    return finish(config, draft, sources, report, error);
}

/* The file to read, which the caller frees; NULL for none. False when out of memory: without the file's settings the
 * defaults would be served, which may let more pass. */
static bool choose_file(char **file, const struct config_sources *sources, struct error *error)
{
    const char *variable = config_environment_get(sources->environment, "COUNTERSIGN_CONFIG");
    const char *named = sources->file != NULL ? sources->file : variable;
    bool done = named == NULL ? config_paths_default_file(file, sources->environment) : (*file = strdup(named)) != NULL;
    return done || error_set(error, ERROR_MEMORY, "out of memory while looking for the configuration");
}

bool config_load(struct config **config, const struct config_sources *sources, struct buffer *report,
                 struct error *error)
{
    char *file;
    *config = NULL;
    if (!choose_file(&file, sources, error))
        return false;
    struct config_draft *draft = make_draft(sources, file, error);
    struct buffer text;
    buffer_init(&text, CONFIG_FILE_MAX);
    bool done = false;
    if (draft != NULL) {
        /* What cannot be read is the one problem then: variables and flags would address sections that are not there. */
        if (file == NULL || config_file_read(&text, draft, file))
            read_sources(draft, sources, buffer_slice(&text));
        done = finish(config, draft, sources, report, error);
    }
    buffer_free(&text);
    free(file);
    return done;
}
