/* Parsers of names, paths and secret sources. The working folder is read for relative paths; nothing else. */
#include "value.h"

#include "nearest.h"
#include "paths.h"
#include "problems.h"

#include <stdlib.h>
#include <string.h>

enum { DESCRIPTOR_MAX = 1 << 20 }; /* nr_open's default, proc(5) */

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

bool config_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (!is_letter_or_digit(name.data[i]) && name.data[i] != '-' && name.data[i] != '_')
            return false;
    }
    return name.length > 0 && name.length <= CONFIG_NAME_MAX;
}

bool config_keystore_name_valid(struct slice name)
{
    return config_name_valid(name) && name.length <= CONFIG_KEYSTORE_NAME_MAX;
}

bool config_parse_name(struct config_value *value, const struct config_parse *parse)
{
    if (!config_name_valid(slice_text(parse->text)))
        return config_refuse(parse, NULL);
    return config_value_copy(value, parse, parse->text);
}

bool config_parse_path(struct config_value *value, const struct config_parse *parse)
{
    if (parse->text[0] == '\0')
        return config_refuse(parse, NULL);
    value->text = config_path_absolute(parse->text, parse->home, parse->complaint);
    return value->text != NULL;
}

/* Nothing of what stands there is shown: it may be the secret itself, pasted. */
static bool refuse_secret(const struct config_parse *parse, const char *expected)
{
    /* The caller of the parser checks `failed`. */
    (void)buffer_append_text(parse->complaint, "expected ");
    if (expected != NULL)
        (void)buffer_append_text(parse->complaint, expected);
    else
        config_key_append_expected(parse->complaint, parse->key);
    (void)buffer_append_text(parse->complaint, "; what stands there is not shown, as it may be a secret");
    return false;
}

static bool is_variable_name(const char *name)
{
    bool digit_first = name[0] >= '0' && name[0] <= '9';
    size_t length = 0;
    while (is_letter_or_digit(name[length]) || name[length] == '_')
        length++;
    return length > 0 && name[length] == '\0' && !digit_first;
}

static bool is_file_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_anything(const char *text)
{
    return text[0] != '\0';
}

static bool is_keystore_name(const char *name)
{
    return config_keystore_name_valid(slice_text(name));
}

/* Standard output and standard error are for what is said. */
static bool is_descriptor(const char *number)
{
    uint64_t value;
    return slice_to_u64(slice_text(number), &value) && value <= DESCRIPTOR_MAX && value != 1 && value != 2;
}

static bool is_nothing(const char *rest)
{
    return rest[0] == '\0';
}

struct source_row {
    const char *prefix;
    bool (*is_valid)(const char *rest);
    const char *expected;
};

static const struct source_row secret_sources[] = {
    { "env:", is_variable_name, "the name of a variable (letters, digits and _) after env:" },
    { "file:", is_anything, "a path after file:" },
    { "credential:", is_file_name, "a file's name without a folder after credential:" },
    { "command:", is_anything, "a command after command:" },
    { "keystore:", is_keystore_name, "an entry's name (letters, digits, - and _, at most 24) after keystore:" },
};
_Static_assert(CONFIG_KEYSTORE_NAME_MAX == 24, "the message above says so");

static const struct source_row passphrase_sources[] = {
    { "env:", is_variable_name, "the name of a variable (letters, digits and _) after env:" },
    { "file:", is_anything, "a path after file:" },
    { "credential:", is_file_name, "a file's name without a folder after credential:" },
    { "command:", is_anything, "a command after command:" },
    { "fd:", is_descriptor, "the number of an open descriptor (0, or 3 and above) after fd:" },
    { "prompt", is_nothing, "nothing after prompt" },
};

static bool refuse_secret_prefix(const struct config_parse *parse, const struct source_row *rows, size_t count)
{
    struct slice text = slice_text(parse->text);
    size_t colon = slice_find(text, ':');
    struct config_nearest nearest;
    config_nearest_begin(&nearest, slice_first(text, colon + 1));
    for (size_t i = 0; colon < text.length && i < count; i++)
        config_nearest_offer(&nearest, rows[i].prefix);
    (void)refuse_secret(parse, NULL); /* always false, as we are */
    config_nearest_append(parse->complaint, &nearest);
    return false;
}

/* A file's path is made absolute, so that the source means the same file in every process. */
static bool copy_file_source(struct config_value *value, const struct config_parse *parse, const char *path)
{
    char *absolute = config_path_absolute(path, parse->home, parse->complaint);
    if (absolute == NULL)
        return false;
    struct buffer source;
    buffer_init(&source, 2 * (size_t)CONFIG_VALUE_MAX + sizeof("file:"));
    bool done =
        buffer_append_format(&source, "file:%s", absolute) && config_value_copy(value, parse, buffer_text(&source));
    if (source.failed)
        (void)buffer_append_text(parse->complaint, "the file's path is too long"); /* the caller checks `failed` */
    buffer_free(&source);
    free(absolute);
    return done;
}

static bool parse_source(struct config_value *value, const struct config_parse *parse, const struct source_row *rows,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!slice_starts_with(slice_text(parse->text), rows[i].prefix))
            continue;
        const char *rest = parse->text + strlen(rows[i].prefix);
        if (!rows[i].is_valid(rest))
            return refuse_secret(parse, rows[i].expected);
        if (strcmp(rows[i].prefix, "file:") == 0)
            return copy_file_source(value, parse, rest);
        return config_value_copy(value, parse, parse->text);
    }
    return refuse_secret_prefix(parse, rows, count);
}

bool config_parse_secret(struct config_value *value, const struct config_parse *parse)
{
    return parse_source(value, parse, secret_sources, ARRAY_LENGTH(secret_sources));
}

/* The keystore's row is the last: an entry is an API key and its secret, which no client may have. */
bool config_parse_token(struct config_value *value, const struct config_parse *parse)
{
    return parse_source(value, parse, secret_sources, ARRAY_LENGTH(secret_sources) - 1);
}

bool config_parse_passphrase(struct config_value *value, const struct config_parse *parse)
{
    return parse_source(value, parse, passphrase_sources, ARRAY_LENGTH(passphrase_sources));
}
