/* Values by type: the table of parsers, the number types' parsers, and how values stand in a section's struct. Pure; any
 * thread. */
#include "value.h"

#include "nearest.h"
#include "number.h"
#include "problems.h"
#include "rules.h"

#include <stdlib.h>
#include <string.h>

bool config_refuse(const struct config_parse *parse, const char *meant)
{
    struct buffer *out = parse->complaint;
    (void)buffer_append_text(out, "expected "); /* the caller of the parser checks `failed`, here and below */
    config_key_append_expected(out, parse->key);
    (void)buffer_append_text(out, ", not ");
    config_quote(out, slice_text(parse->text));
    if (meant != NULL && meant[0] != '\0')
        (void)buffer_append_format(out, "; did you mean `%s`?", meant);
    return false;
}

static bool parse_number(struct config_value *value, const struct config_parse *parse)
{
    const struct config_key *key = parse->key;
    int64_t number = 0;
    if (config_number_parse(&number, key->type, slice_text(parse->text)) && number >= key->minimum &&
        number <= key->maximum) {
        value->number = number;
        return true;
    }
    struct buffer meant;
    buffer_init(&meant, CONFIG_VALUE_MAX);
    config_number_append_meant(&meant, key->type, slice_text(parse->text));
    bool fits = config_number_parse(&number, key->type, buffer_slice(&meant)) && number >= key->minimum &&
                number <= key->maximum;
    (void)config_refuse(parse, fits ? buffer_text(&meant) : NULL); /* always false, as we are */
    buffer_free(&meant);
    return false;
}

static bool parse_bool(struct config_value *value, const struct config_parse *parse)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = { { "yes", true },    { "no", false }, { "true", true },
                  { "false", false }, { "on", true },  { "off", false } };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(parse->text, words[i].word) == 0) {
            value->number = words[i].value;
            return true;
        }
    }
    struct config_nearest nearest;
    config_nearest_begin(&nearest, slice_text(parse->text));
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        config_nearest_offer(&nearest, words[i].word);
    return config_refuse(parse, nearest.match);
}

static bool parse_choice(struct config_value *value, const struct config_parse *parse)
{
    struct config_nearest nearest;
    config_nearest_begin(&nearest, slice_text(parse->text));
    for (size_t i = 0; parse->key->choices[i] != NULL; i++) {
        if (strcmp(parse->text, parse->key->choices[i]) == 0) {
            value->number = (int64_t)i;
            return true;
        }
        config_nearest_offer(&nearest, parse->key->choices[i]);
    }
    return config_refuse(parse, nearest.match);
}

bool config_value_copy(struct config_value *value, const struct config_parse *parse, const char *text)
{
    value->text = strdup(text);
    if (value->text != NULL)
        return true;
    (void)buffer_append_text(parse->complaint, "out of memory"); /* the caller checks `failed` */
    return false;
}

bool config_value_parse(struct config_value *value, const struct config_parse *parse)
{
    static bool (*const parsers[])(struct config_value *, const struct config_parse *) = {
        [CONFIG_TYPE_NAME] = config_parse_name,
        [CONFIG_TYPE_PATH] = config_parse_path,
        [CONFIG_TYPE_BOOL] = parse_bool,
        [CONFIG_TYPE_INTEGER] = parse_number,
        [CONFIG_TYPE_SIZE] = parse_number,
        [CONFIG_TYPE_DURATION] = parse_number,
        [CONFIG_TYPE_CHOICE] = parse_choice,
        [CONFIG_TYPE_URL] = config_parse_url,
        [CONFIG_TYPE_ENDPOINT] = config_parse_endpoint,
        [CONFIG_TYPE_ADDRESS] = config_parse_address,
        [CONFIG_TYPE_PROXY] = config_parse_proxy,
        [CONFIG_TYPE_SECRET] = config_parse_secret,
        [CONFIG_TYPE_TOKEN] = config_parse_token,
        [CONFIG_TYPE_PHRASE] = config_parse_passphrase,
        [CONFIG_TYPE_HOSTS] = config_parse_hosts,
        [CONFIG_TYPE_PEER] = config_parse_peer,
        [CONFIG_TYPE_AMOUNT] = config_parse_amount,
        [CONFIG_TYPE_SYMBOLS] = config_parse_symbols,
        [CONFIG_TYPE_SIDES] = config_parse_sides,
        [CONFIG_TYPE_RATE] = config_parse_rate,
    };
    *value = (struct config_value){ .number = 0 };
    if (parse->text[0] == '\0' && parse->key->optional)
        return config_value_copy(value, parse, "");
    return parsers[parse->key->type](value, parse);
}

static int64_t *number_at(void *section, const struct config_key *key)
{
    return (int64_t *)(void *)((char *)section + key->offset);
}

static char **text_at(void *section, const struct config_key *key)
{
    return (char **)(void *)((char *)section + key->offset);
}

void config_value_store(void *section, const struct config_key *key, struct config_value *value)
{
    if (config_key_is_number(key)) {
        *number_at(section, key) = value->number;
        return;
    }
    free(*text_at(section, key));
    *text_at(section, key) = value->text;
    value->text = NULL;
}

void config_value_clear(void *section, const struct config_key *key)
{
    if (config_key_is_number(key))
        return;
    if (key->type == CONFIG_TYPE_RULE) {
        config_rules_clear(section, key);
        return;
    }
    free(*text_at(section, key));
    *text_at(section, key) = NULL;
}

int64_t config_value_number(const void *section, const struct config_key *key)
{
    return *(const int64_t *)(const void *)((const char *)section + key->offset);
}

const char *config_value_text(const void *section, const struct config_key *key)
{
    return *(char *const *)(const void *)((const char *)section + key->offset);
}

void config_value_append(struct buffer *out, const struct config_key *key, const void *section)
{
    /* The caller checks `failed`. */
    if (!config_key_is_number(key))
        (void)buffer_append_text(out, config_value_text(section, key));
    else if (key->type == CONFIG_TYPE_BOOL)
        (void)buffer_append_text(out, config_value_number(section, key) != 0 ? "yes" : "no");
    else if (key->type == CONFIG_TYPE_CHOICE)
        (void)buffer_append_text(out, key->choices[config_value_number(section, key)]);
    else
        config_number_append(out, key->type, config_value_number(section, key));
}
