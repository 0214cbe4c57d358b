/* What a signature's text can stand for: digests in hex, in base64, as raw bytes. Pure. */
#include "recipe_private.h"

#include "countersign/base64.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"

#include <string.h>

enum { SIGNATURE_TEXT_MAX = 1024 /* bytes; the longest form there is takes 256 */ };

struct readings {
    struct recipe_reading *items;
    size_t count;
};

static bool is_digest_length(size_t length)
{
    for (unsigned digest = 0; digest < DIGEST_COUNT; digest++) {
        if (recipe_digest_length((enum recipe_digest)digest) == length)
            return true;
    }
    return false;
}

static void add(struct readings *readings, struct slice digest, enum recipe_output output)
{
    if (!is_digest_length(digest.length) || readings->count == RECIPE_READINGS_MAX)
        return;
    struct recipe_reading *reading = &readings->items[readings->count++];
    reading->length = digest.length;
    reading->output = output;
    memcpy(reading->digest, digest.data, digest.length);
}

static bool has_upper(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] >= 'A' && text.data[i] <= 'F')
            return true;
    }
    return false;
}

/* Adds what a hex text stands for. */
static void add_hex(struct readings *readings, struct slice text, enum recipe_output output)
{
    unsigned char digest[RECIPE_DIGEST_MAX];
    if (text.length % 2 == 0 && text.length <= 2 * sizeof(digest) && hex_decode(digest, text.data, text.length / 2))
        add(readings, slice_of(digest, text.length / 2), output);
}

static void add_hex_of_hex(struct readings *readings, struct slice text)
{
    unsigned char inner[2 * RECIPE_DIGEST_MAX];
    if (text.length % 2 == 0 && text.length <= 2 * sizeof(inner) && hex_decode(inner, text.data, text.length / 2))
        add_hex(readings, slice_of(inner, text.length / 2), OUTPUT_HEX_OF_HEX);
}

/* The alphabet of RFC 4648 §4 for that of §5, and the padding put back. Returns whether anything was changed. */
static bool to_plain_base64(struct buffer *plain, struct slice text)
{
    bool is_changed = text.length % 4 != 0;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        is_changed = is_changed || byte == '-' || byte == '_';
        buffer_append_byte(plain, byte == '-' ? '+' : byte == '_' ? '/' : byte);
    }
    while (plain->length % 4 != 0 && !plain->failed)
        buffer_append_byte(plain, '=');
    return is_changed;
}

static void add_base64(struct readings *readings, struct slice text)
{
    struct buffer plain, bytes;
    buffer_init(&plain, SIGNATURE_TEXT_MAX + 4);
    buffer_init(&bytes, SIGNATURE_TEXT_MAX);
    bool is_for_urls = to_plain_base64(&plain, text);
    if (!plain.failed && base64_decode(&bytes, buffer_slice(&plain))) {
        add(readings, buffer_slice(&bytes), is_for_urls ? OUTPUT_BASE64_URL : OUTPUT_BASE64);
        add_hex(readings, buffer_slice(&bytes), OUTPUT_BASE64_OF_HEX);
    }
    buffer_free(&plain);
    buffer_free(&bytes);
}

/* UTF-8 of characters below U+0100 as one byte each; false where it is none of that, or longer than any digest. */
static bool narrow(unsigned char *bytes, size_t *count, struct slice text)
{
    *count = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x80) {
            bool is_pair = (byte == 0xC2 || byte == 0xC3) && i + 1 < text.length &&
                           ((unsigned char)text.data[i + 1] & 0xC0) == 0x80;
            if (!is_pair)
                return false;
            byte = (unsigned char)((byte & 3) << 6 | ((unsigned char)text.data[++i] & 0x3F));
        }
        if (*count == RECIPE_DIGEST_MAX)
            return false;
        bytes[(*count)++] = byte;
    }
    return true;
}

/* Bytes as they are, where not all of them are text: as text they are read in other ways. */
static void add_bytes(struct readings *readings, struct slice text)
{
    unsigned char bytes[RECIPE_DIGEST_MAX];
    size_t count;
    bool is_text = true;
    for (size_t i = 0; i < text.length; i++)
        is_text = is_text && text.data[i] >= 0x20 && text.data[i] < 0x7F;
    if (is_text)
        return;
    add(readings, text, OUTPUT_RAW);
    if (narrow(bytes, &count, text))
        add(readings, slice_of(bytes, count), OUTPUT_RAW);
}

static void add_percent_encoded(struct readings *readings, struct slice text)
{
    struct buffer bytes;
    buffer_init(&bytes, SIGNATURE_TEXT_MAX);
    if (slice_find(text, '%') < text.length && http_append_percent_decoded(&bytes, text))
        add(readings, buffer_slice(&bytes), OUTPUT_RAW);
    buffer_free(&bytes);
}

/* "..." or '...', with Python's b before it or without. */
static void add_quoted(struct readings *readings, struct slice text)
{
    if (slice_starts_with(text, "b"))
        text = slice_from(text, 1);
    if (text.length < 2 || (text.data[0] != '"' && text.data[0] != '\'') || text.data[text.length - 1] != text.data[0])
        return;
    add_hex(readings, slice_of(text.data + 1, text.length - 2), OUTPUT_QUOTED);
}

size_t recipe_readings(struct recipe_reading items[RECIPE_READINGS_MAX], struct slice signature)
{
    struct readings readings = { .items = items };
    if (signature.length > SIGNATURE_TEXT_MAX)
        return 0;
    add_hex(&readings, signature, has_upper(signature) ? OUTPUT_UPPER : OUTPUT_HEX);
    add_hex_of_hex(&readings, signature);
    add_quoted(&readings, signature);
    add_percent_encoded(&readings, signature);
    add_base64(&readings, signature);
    add_bytes(&readings, signature);
    return readings.count;
}
