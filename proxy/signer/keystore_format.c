/* The keystore's layout, read and written: keystore_format.h says what stands where. Pure; every length is looked at before it
 * is believed. */
#include "keystore_format.h"

#include <endian.h>
#include <string.h>

static const char magic[] = "countersign-keys";
static const uint64_t latest_s = UINT64_C(253402300799); /* 9999-12-31T23:59:59Z: what can be printed */

enum {
    VERSION = 1,
    MAGIC_LENGTH = sizeof(magic) - 1,
    VERSION_AT = MAGIC_LENGTH,
    COST_AT = 20,
    SALT_AT = 32,
    COUNT_AT = 92,
    NUMBERS_IN_HEAD = 3 * 8 /* bytes: generation, added, rotated */
};
_Static_assert(SALT_AT + (int)KEYSTORE_SALT == (int)KEYSTORE_HEADER, "the salt ends the header");
_Static_assert(KEYSTORE_HEADER + KEYSTORE_NONCE + KEYSTORE_TAG == COUNT_AT && COUNT_AT + 4 == (int)KEYSTORE_ENTRIES_AT,
               "what stands between header and entries");

/* --- reading --- */

static uint16_t read_u16(struct slice at)
{
    uint16_t number;
    memcpy(&number, at.data, sizeof(number));
    return le16toh(number);
}

static uint32_t read_u32(struct slice at)
{
    uint32_t number;
    memcpy(&number, at.data, sizeof(number));
    return le32toh(number);
}

static uint64_t read_u64(struct slice at)
{
    uint64_t number;
    memcpy(&number, at.data, sizeof(number));
    return le64toh(number);
}

/* Cuts `length` bytes off the front of `rest`; false where there are fewer. */
static bool take(struct slice *part, struct slice *rest, size_t length)
{
    if (rest->length < length)
        return false;
    *part = slice_first(*rest, length);
    *rest = slice_from(*rest, length);
    return true;
}

static struct slice between(struct slice file, size_t from, size_t length)
{
    return slice_first(slice_from(file, from), length);
}

bool keystore_view_frame(struct keystore_view *view, struct slice file, struct error *error)
{
    *view = (struct keystore_view){ .count = 0 };
    if (file.length < VERSION_AT + 4 || memcmp(file.data, magic, MAGIC_LENGTH) != 0)
        return error_set(error, ERROR_INPUT, "it is no keystore of countersign's: its beginning is another");
    uint32_t version = read_u32(between(file, VERSION_AT, 4));
    if (version != VERSION)
        return error_set(error, ERROR_INPUT,
                         "it is of version %u, and this countersign reads version %d: use the newer one", version,
                         VERSION);
    if (file.length < (size_t)KEYSTORE_ENTRIES_AT + KEYSTORE_TAIL)
        return error_set(error, ERROR_INPUT, "it is damaged: it ends after %zu bytes", file.length);
    size_t seal_at = file.length - KEYSTORE_TAIL;
    view->header = slice_first(file, KEYSTORE_HEADER);
    view->salt = between(file, SALT_AT, KEYSTORE_SALT);
    view->header_tag.nonce = between(file, KEYSTORE_HEADER, KEYSTORE_NONCE);
    view->header_tag.sealed = between(file, KEYSTORE_HEADER + KEYSTORE_NONCE, KEYSTORE_TAG);
    view->sealed_bytes = slice_first(file, seal_at);
    view->seal.nonce = between(file, seal_at, KEYSTORE_NONCE);
    view->seal.sealed = between(file, seal_at + KEYSTORE_NONCE, KEYSTORE_TAG);
    view->summed_bytes = slice_first(file, file.length - KEYSTORE_DIGEST);
    view->digest = slice_from(file, file.length - KEYSTORE_DIGEST);
    return true;
}

static bool read_cost(struct keystore_cost *cost, struct slice header)
{
    cost->log2_n = read_u32(between(header, COST_AT, 4));
    cost->r = read_u32(between(header, COST_AT + 4, 4));
    cost->p = read_u32(between(header, COST_AT + 8, 4));
    return cost->log2_n >= KEYSTORE_LOG2_N_LEAST && cost->log2_n <= KEYSTORE_LOG2_N_MOST && cost->r == KEYSTORE_R &&
           cost->p >= 1 && cost->p <= KEYSTORE_P_MOST;
}

static bool read_part(struct keystore_part *part, struct slice *rest, size_t longest)
{
    struct slice number;
    if (!take(&part->nonce, rest, KEYSTORE_NONCE) || !take(&number, rest, sizeof(uint16_t)))
        return false;
    size_t length = read_u16(number);
    return length >= 1 && length <= longest && take(&part->sealed, rest, length + KEYSTORE_TAG);
}

/* Cuts one entry off. */
static bool read_item(struct keystore_item *item, struct slice *rest)
{
    struct slice begin = *rest, length, numbers;
    if (!take(&length, rest, 1) || !take(&item->name, rest, (unsigned char)length.data[0]) ||
        !config_keystore_name_valid(item->name) || !take(&numbers, rest, NUMBERS_IN_HEAD))
        return false;
    item->generation = read_u64(numbers);
    item->added_s = read_u64(slice_from(numbers, 8));
    item->rotated_s = read_u64(slice_from(numbers, 16));
    item->head = slice_first(begin, begin.length - rest->length);
    if (item->generation == 0 || item->added_s > latest_s || item->rotated_s > latest_s ||
        !read_part(&item->parts[KEYSTORE_API_KEY], rest, KEYSTORE_API_KEY_MAX) ||
        !read_part(&item->parts[KEYSTORE_API_SECRET], rest, SECRET_MAX))
        return false;
    item->whole = slice_first(begin, begin.length - rest->length);
    return true;
}

static bool is_taken(const struct keystore_view *view, struct slice name)
{
    for (size_t i = 0; i < view->count; i++) {
        if (slice_equal(view->items[i].name, name))
            return true;
    }
    return false;
}

static bool read_items(struct keystore_view *view)
{
    struct slice rest = slice_from(view->sealed_bytes, KEYSTORE_ENTRIES_AT);
    size_t count = read_u32(between(view->sealed_bytes, COUNT_AT, 4));
    if (count > KEYSTORE_ENTRIES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct keystore_item item;
        if (!read_item(&item, &rest) || is_taken(view, item.name))
            return false;
        view->items[view->count++] = item;
    }
    return rest.length == 0;
}

bool keystore_view_entries(struct keystore_view *view, struct error *error)
{
    if (!read_cost(&view->cost, view->header))
        return error_set(error, ERROR_INPUT,
                         "it asks for another cost of scrypt than this countersign works with (N 2^%d to 2^%d, r %d, "
                         "p 1 to %d): another program wrote it, or somebody changed it",
                         KEYSTORE_LOG2_N_LEAST, KEYSTORE_LOG2_N_MOST, KEYSTORE_R, KEYSTORE_P_MOST);
    if (!read_items(view)) {
        view->count = 0;
        return error_set(error, ERROR_INPUT,
                         "its entries cannot be read: another program wrote it, or somebody changed it");
    }
    return true;
}

const struct keystore_item *keystore_view_find(const struct keystore_view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++) {
        if (slice_equal_text(view->items[i].name, name))
            return &view->items[i];
    }
    return NULL;
}

/* --- writing: the caller looks at `failed` --- */

void keystore_append_u16(struct buffer *out, uint16_t number)
{
    number = htole16(number);
    (void)buffer_append(out, &number, sizeof(number));
}

void keystore_append_u32(struct buffer *out, uint32_t number)
{
    number = htole32(number);
    (void)buffer_append(out, &number, sizeof(number));
}

static void append_u64(struct buffer *out, uint64_t number)
{
    number = htole64(number);
    (void)buffer_append(out, &number, sizeof(number));
}

void keystore_append_header(struct buffer *out, const struct keystore_cost *cost, struct slice salt)
{
    (void)buffer_append_text(out, magic);
    keystore_append_u32(out, VERSION);
    keystore_append_u32(out, cost->log2_n);
    keystore_append_u32(out, cost->r);
    keystore_append_u32(out, cost->p);
    (void)buffer_append_slice(out, salt);
}

void keystore_append_entry_head(struct buffer *out, const struct keystore_entry *entry)
{
    size_t length = strlen(entry->name);
    (void)buffer_append_byte(out, (char)length); /* at most CONFIG_KEYSTORE_NAME_MAX */
    (void)buffer_append(out, entry->name, length);
    append_u64(out, entry->generation);
    append_u64(out, (uint64_t)entry->added_s);
    append_u64(out, (uint64_t)entry->rotated_s);
}
