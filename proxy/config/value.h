/* One value: from text into a section's struct and back, by the key's type. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_VALUE_H
#define COUNTERSIGN_CONFIG_VALUE_H

#include "keys.h"

enum { CONFIG_VALUE_MAX = 4096 }; /* bytes */

struct config_value {
    int64_t number;
    char *text; /* owned; NULL for number types */
};

/* What a parser is handed. */
struct config_parse {
    const struct config_key *key;
    const char *text;         /* trimmed, no control bytes */
    const char *home;         /* $HOME, NULL where unknown */
    struct buffer *complaint; /* gets "expected ..., not ..." on failure; never a secret */
};

MUST_CHECK bool config_value_parse(struct config_value *value, const struct config_parse *parse);

/* Moves the value into the section's struct, freeing what was there. */
void config_value_store(void *section, const struct config_key *key, struct config_value *value);

/* Frees the key's text in the section's struct. */
void config_value_clear(void *section, const struct config_key *key);

/* Appends the value as a file would say it. */
void config_value_append(struct buffer *out, const struct config_key *key, const void *section);

int64_t config_value_number(const void *section, const struct config_key *key);
const char *config_value_text(const void *section, const struct config_key *key); /* NULL where unset */

/* For the parsers: writes "expected ..., not \"text\"" and, where `meant` is not NULL, "; did you mean `meant`?".
 * Always returns false. */
bool config_refuse(const struct config_parse *parse, const char *meant);

/* The parsers of text types. */
bool config_parse_name(struct config_value *value, const struct config_parse *parse);
bool config_parse_path(struct config_value *value, const struct config_parse *parse);
bool config_parse_url(struct config_value *value, const struct config_parse *parse);
bool config_parse_endpoint(struct config_value *value, const struct config_parse *parse);
bool config_parse_address(struct config_value *value, const struct config_parse *parse);
bool config_parse_proxy(struct config_value *value, const struct config_parse *parse);
bool config_parse_hosts(struct config_value *value, const struct config_parse *parse);
bool config_parse_peer(struct config_value *value, const struct config_parse *parse);
bool config_parse_amount(struct config_value *value, const struct config_parse *parse);
bool config_parse_symbols(struct config_value *value, const struct config_parse *parse);
bool config_parse_sides(struct config_value *value, const struct config_parse *parse);
bool config_parse_rate(struct config_value *value, const struct config_parse *parse);
bool config_parse_secret(struct config_value *value, const struct config_parse *parse);
bool config_parse_token(struct config_value *value, const struct config_parse *parse);
bool config_parse_passphrase(struct config_value *value, const struct config_parse *parse);

/* value->text becomes a copy of `text`. */
bool config_value_copy(struct config_value *value, const struct config_parse *parse, const char *text);

/* Whether a section may have this name. */
bool config_name_valid(struct slice name);

#endif
