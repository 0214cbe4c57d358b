/* The table and a configuration in words. Pure; any thread. */
#include "load.h"
#include "rules.h"
#include "value.h"

#include <string.h>

enum { KEY_COLUMN = 17, RANGE_COLUMN = 28 }; /* characters; the rest of 80 is the default's */

static void append_padded(struct buffer *out, struct buffer *text, int width)
{
    (void)buffer_append_format(out, "%-*s ", width, buffer_text(text)); /* the caller checks `failed`, and below */
    buffer_free(text);
}

static const char *shown_default(const struct config_key *key)
{
    if (key->fallback[0] != '\0')
        return key->fallback;
    return key->optional ? "(empty)" : "(none)";
}

static void describe_key(struct buffer *out, const struct config_key *key)
{
    struct buffer range;
    buffer_init(&range, 256);
    config_key_append_range(&range, key);
    (void)buffer_append_format(out, "  %-*s ", KEY_COLUMN - 2, key->name); /* the caller checks `failed`, and below */
    append_padded(out, &range, RANGE_COLUMN);
    (void)buffer_append_format(out, "%s\n", shown_default(key));
    (void)buffer_append_format(out, "%*s%s\n", KEY_COLUMN + 1, "", key->help);
}

static const char rules_help[] = "METHODS PATH is GET, GET,POST or * and a path with /api, in any case: * is any\n"
                                 "text within a segment, a segment ** any segments or none. Flags' rules come\n"
                                 "before variables', those before the file's; \" | \" parts several in one value.\n";

void config_describe_keys(struct buffer *out)
{
    (void)buffer_append_format(out, "%-*s %-*s %s\n", KEY_COLUMN, "KEY", RANGE_COLUMN, "VALUE", "DEFAULT");
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        const struct config_kind_row *row = &config_kinds[kind];
        (void)buffer_append_format(out, row->named ? "\n[%s NAME]\n" : "\n[%s]\n", row->name);
        for (size_t key = 0; key < row->key_count; key++)
            describe_key(out, &row->keys[key]);
    }
    (void)buffer_append_text(out, "\nSizes are bytes, or KiB, MiB, GiB; durations us, ms, s, m, h. Relative paths\n"
                                  "begin at the working folder, ~ is $HOME. A line that begins with ; or # is a\n"
                                  "comment, and so is what follows \" ;\" behind a value.\n"
                                  "SOURCE is env:NAME, file:PATH, credential:NAME (systemd), command:LINE or\n"
                                  "keystore:NAME (`countersign keys`), never the secret itself; fd:N is an open\n"
                                  "descriptor. ADDRESS is 127.0.0.1:PORT, [::1]:PORT or unix:/path.\n");
    (void)buffer_append_text(out, rules_help);
    (void)buffer_append_text(out, "\n"
                                  "A variable wins over the file, a flag over both; without a section's name they\n"
                                  "mean the first of its kind:\n"
                                  "  COUNTERSIGN_PROXY_WORKERS=2               --set proxy.workers=2\n"
                                  "  COUNTERSIGN_LISTENER_BOT_POLICY=read-only --set listener.bot.policy=read-only\n"
                                  "  COUNTERSIGN_UPSTREAM_IP_FAMILY=ipv4       --set upstream.ip_family=ipv4\n");
}

/* Whether a file can say it: what came from a variable or a flag may be longer, or hold what begins a comment. */
static bool fits_file(const char *key, const char *value)
{
    enum { LINE_ROOM = 197, BETWEEN = 3 }; /* bytes: inih's line, " = " */
    return value[0] != ';' && strstr(value, " ;") == NULL && strstr(value, "\t;") == NULL &&
           strlen(key) + BETWEEN + strlen(value) <= LINE_ROOM;
}

/* What no file can say is a comment. */
static void describe_line(struct buffer *out, const char *key, const char *text, bool is_sayable)
{
    if (!is_sayable)
        (void)buffer_append_text(out, "# not from a file, which could not say it: "); /* as above */
    (void)buffer_append_format(out, text[0] == '\0' ? "%s =%s\n" : "%s = %s\n", key, text);
}

static void describe_value(struct buffer *out, const struct config_key *key, const void *section)
{
    struct buffer value;
    buffer_init(&value, 2 * CONFIG_VALUE_MAX + 16);
    config_value_append(&value, key, section);
    describe_line(out, key->name, buffer_text(&value), fits_file(key->name, buffer_text(&value)));
    buffer_free(&value);
}

/* Whether a file can hold it behind those before it that a file can hold. One that never decides, for a variable's or a flag's comes
 * first, would be refused there (rules.c). */
static bool rule_is_sayable(const struct config_rules *rules, const bool *sayable, size_t index)
{
    const struct rule *rule = &rules->items[index];
    for (size_t i = 0; i < index; i++) {
        if (sayable[i] && rule_covers(&rules->items[i], rule))
            return false;
    }
    return fits_file(rule_verdict_name(rule->verdict), rule->text);
}

/* The rules of all keys that hold them stand together, at the first one's place: their order counts. */
static void describe_rules(struct buffer *out, const struct config_key *key, const struct config_key *previous,
                           const void *section)
{
    const struct config_rules *rules = config_rules_of(section, key);
    bool sayable[RULES_MAX]; /* rules.c takes no more */
    if (previous != NULL && previous->type == CONFIG_TYPE_RULE)
        return;
    if (rules->count == 0)
        (void)buffer_append_text(out, "# no allow or deny rules\n"); /* as above */
    for (size_t i = 0; i < rules->count && i < RULES_MAX; i++) {
        sayable[i] = rule_is_sayable(rules, sayable, i);
        describe_line(out, rule_verdict_name(rules->items[i].verdict), rules->items[i].text, sayable[i]);
    }
}

static void describe_section(struct buffer *out, enum config_kind kind, const void *section)
{
    const struct config_kind_row *row = &config_kinds[kind];
    const char *name = section; /* a named section's struct begins with it */
    if (row->named)
        (void)buffer_append_format(out, "%s[%s %s]\n", "\n", row->name, name); /* the caller checks `failed` */
    else
        (void)buffer_append_format(out, "%s[%s]\n", kind == CONFIG_KIND_PROXY ? "" : "\n", row->name); /* likewise */
    for (size_t i = 0; i < row->key_count; i++) {
        const struct config_key *key = &row->keys[i];
        if (key->type == CONFIG_TYPE_RULE)
            describe_rules(out, key, i == 0 ? NULL : key - 1, section);
        else
            describe_value(out, key, section);
    }
}

/* Goes over the configuration without changing it: config_section_at takes what may be changed. */
static const void *section_of(const struct config *config, enum config_kind kind, size_t index)
{
    struct config view = *config;
    if (kind == CONFIG_KIND_PROXY && index == 0)
        return &config->proxy;
    if (kind == CONFIG_KIND_CAPTURE && index == 0)
        return &config->capture;
    return config_section_at(&view, kind, index);
}

void config_describe(struct buffer *out, const struct config *config)
{
    for (enum config_kind kind = 0; kind < CONFIG_KIND_COUNT; kind++) {
        const void *section = NULL;
        for (size_t i = 0; (section = section_of(config, kind, i)) != NULL; i++)
            describe_section(out, kind, section);
    }
}

void config_each_secret_variable(const struct config *config, void (*visit)(void *context, const char *variable),
                                 void *context)
{
    if (slice_starts_with(slice_text(config->proxy.keystore_passphrase), "env:"))
        visit(context, config->proxy.keystore_passphrase + strlen("env:"));
    for (size_t i = 0; i < config->account_count; i++) {
        const char *const sources[] = { config->accounts[i].api_key, config->accounts[i].api_secret };
        for (size_t j = 0; j < ARRAY_LENGTH(sources); j++) {
            if (slice_starts_with(slice_text(sources[j]), "env:"))
                visit(context, sources[j] + strlen("env:"));
        }
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        if (slice_starts_with(slice_text(config->listeners[i].token), "env:"))
            visit(context, config->listeners[i].token + strlen("env:"));
    }
}
