/* Values as numbers: the texts that a feature's values have, and the names of header fields. Owned by struct why; its one
 * thread. */
#include "why_private.h"

#include <string.h>

/* The memory was reserved whole and has room for each text that the bounds allow. */
struct slice why_keep(struct why *why, struct slice text)
{
    size_t begin = why->memory.length;
    text = slice_first(text, WHY_TEXT_MAX);
    if (!buffer_append_slice(&why->memory, text))
        return slice_of(NULL, 0);
    return slice_of(why->memory.data + begin, text.length);
}
_Static_assert(((WHY_FIXED_MAX * WHY_VALUES_MAX) + (2 * 3 * WHY_FIELDS_MAX) + (2 * WHY_CODES_MAX)) * WHY_TEXT_MAX <
                   WHY_MEMORY_MAX,
               "room for each text");

unsigned char why_value_number(struct why *why, struct why_values *values, struct slice text)
{
    text = slice_first(text, WHY_TEXT_MAX);
    for (size_t i = 0; i < values->count; i++) {
        if (slice_equal(values->texts[i], text))
            return (unsigned char)(WHY_FIRST_VALUE + i);
    }
    if (values->count == WHY_VALUES_MAX)
        return WHY_OTHER;
    values->texts[values->count] = why_keep(why, text);
    return (unsigned char)(WHY_FIRST_VALUE + values->count++);
}

/* --- header fields --- */

static struct slice keep_format(struct why *why, const char *before, struct slice name, const char *after)
{
    buffer_reset(&why->text);
    buffer_append_text(&why->text, before);
    buffer_append_slice(&why->text, name);
    buffer_append_text(&why->text, after); /* a text cut short is one, here and above */
    return why_keep(why, buffer_slice(&why->text));
}

/* The name's place; WHY_FIELDS_MAX where there is none left. */
static size_t place_of(struct why *why, struct why_field_names *names, struct slice name)
{
    bool is_clients = names == &why->came;
    name = slice_first(name, WHY_TEXT_MAX / 2);
    for (size_t i = 0; i < names->count; i++) {
        if (slice_equal_caseless(names->names[i], name))
            return i;
    }
    if (names->count == WHY_FIELDS_MAX)
        return WHY_FIELDS_MAX;
    size_t place = names->count++;
    names->names[place] = why_keep(why, name);
    names->texts[place][0] = keep_format(why, "with ", name, is_clients ? " from the client" : "");
    names->texts[place][1] = keep_format(why, "without ", name, is_clients ? " from the client" : "");
    return place;
}

/* Cells of names that come up later are those of fields that were not there. */
void why_note_fields(struct why *why, struct why_field_names *names, unsigned char *cells, struct http_fields fields,
                     bool is_read)
{
    memset(cells, is_read ? WHY_ABSENT : WHY_UNKNOWN, WHY_FIELDS_MAX);
    for (size_t i = 0; is_read && i < fields.count; i++) {
        size_t place = place_of(why, names, fields.items[i].name);
        if (place < WHY_FIELDS_MAX)
            cells[place] = WHY_PRESENT;
    }
}

/* --- names and texts of cells --- */

struct why_name why_name_of(const struct why *why, size_t feature)
{
    static const struct why_name left = { .word = "field", .label = "field" };
    static const struct why_name came = { .word = "client-field", .label = "client's field" };
    if (feature < WHY_FIXED_MAX)
        return why_features[feature].name;
    bool is_left = feature < WHY_FIXED_MAX + WHY_FIELDS_MAX;
    struct why_name name = is_left ? left : came;
    size_t place = feature - WHY_FIXED_MAX - (is_left ? 0 : WHY_FIELDS_MAX);
    name.subject = is_left ? why->left.names[place] : why->came.names[place];
    return name;
}

struct slice why_text_of(const struct why *why, size_t feature, unsigned char value)
{
    if (value < WHY_FIRST_VALUE)
        return slice_text("with another value");
    if (feature < WHY_FIXED_MAX)
        return why->values[feature].texts[value - WHY_FIRST_VALUE];
    bool is_left = feature < WHY_FIXED_MAX + WHY_FIELDS_MAX;
    size_t place = feature - WHY_FIXED_MAX - (is_left ? 0 : WHY_FIELDS_MAX);
    return (is_left ? why->left.texts : why->came.texts)[place][value - WHY_FIRST_VALUE];
}
