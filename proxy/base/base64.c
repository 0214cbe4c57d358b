/* Three bytes to four characters and back. Pure; any thread. */
#include "countersign/base64.h"

enum { GROUP_BYTES = 3, GROUP_TEXT = 4, BITS = 6 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(char *text, struct slice bytes)
{
    uint32_t group = 0;
    for (size_t i = 0; i < GROUP_BYTES; i++)
        group = group << 8 | (i < bytes.length ? (unsigned char)bytes.data[i] : 0);
    for (size_t i = GROUP_TEXT; i-- > 0; group >>= BITS)
        text[i] = alphabet[group & 63];
    for (size_t i = bytes.length + 1; i < GROUP_TEXT; i++)
        text[i] = '=';
}

bool base64_append(struct buffer *out, struct slice bytes)
{
    size_t groups = bytes.length / GROUP_BYTES + (bytes.length % GROUP_BYTES != 0 ? 1 : 0);
    char *text = buffer_reserve(out, groups * GROUP_TEXT);
    if (text == NULL)
        return false;
    for (size_t i = 0; i < groups; i++)
        encode_group(text + i * GROUP_TEXT, slice_first(slice_from(bytes, i * GROUP_BYTES), GROUP_BYTES));
    buffer_commit(out, groups * GROUP_TEXT);
    return true;
}

static int value_of(char character)
{
    size_t place = slice_find(slice_of(alphabet, sizeof(alphabet) - 1), character);
    return place < sizeof(alphabet) - 1 ? (int)place : -1;
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* What has been read of one group. */
struct group {
    uint32_t bits;
    size_t count;   /* characters of the alphabet */
    size_t padding; /* '=' behind them */
};

/* A full group's bytes; false where its padding is wrong. */
static bool append_group(struct buffer *out, const struct group *group)
{
    if (group->padding > 2)
        return false;
    char bytes[GROUP_BYTES] = { (char)(group->bits >> 16), (char)(group->bits >> 8), (char)group->bits };
    return buffer_append(out, bytes, GROUP_BYTES - group->padding);
}

static bool decode(struct buffer *out, struct slice text)
{
    struct group group = { .count = 0 };
    for (size_t i = 0; i < text.length; i++) {
        int value = value_of(text.data[i]);
        if (is_blank(text.data[i]))
            continue;
        bool is_padding = text.data[i] == '=';
        if ((value < 0 && !is_padding) || (group.padding > 0 && !is_padding))
            return false;
        group.bits = group.bits << BITS | (uint32_t)(is_padding ? 0 : value);
        group.padding += is_padding ? 1 : 0;
        if (++group.count < GROUP_TEXT)
            continue;
        if (!append_group(out, &group))
            return false;
        group.bits = 0;
        group.count = 0; /* padding stays: nothing may follow a padded group */
    }
    return group.count == 0;
}

bool base64_decode(struct buffer *out, struct slice text)
{
    size_t before = out->length;
    if (decode(out, text))
        return true;
    out->length = before;
    return false;
}
