/* See head_memo.h. */
#include "head_memo.h"

#include <stdlib.h>
#include <string.h>

/* --- texts --- */

static struct slice number_text(char room[DIGITS_MAX], int64_t number)
{
    return number > 0 ? digits_of(room, (uint64_t)number) : slice_of(NULL, 0);
}

/* A head that holds a byte which stands for a hole is kept as it is. */
static struct slice fitting(struct slice text)
{
    return head_template_takes(text) ? text : slice_of(NULL, 0);
}

void head_texts_take(struct head_texts *texts, const struct head_values *values)
{
    *texts = (struct head_texts){ .of[0] = { NULL, 0 } };
    texts->of[SCHEMA_HOLE_TARGET] = fitting(values->target);
    texts->of[SCHEMA_HOLE_SIGNATURE] = fitting(values->signature);
    texts->of[SCHEMA_HOLE_EXPIRES] = number_text(texts->expires, values->expires_ms);
    texts->of[SCHEMA_HOLE_DATE] = values->date;
    texts->of[SCHEMA_HOLE_ID] = number_text(texts->id, values->id);
}

void head_texts_take_length(struct head_texts *texts, size_t length)
{
    texts->of[SCHEMA_HOLE_LENGTH] = digits_of(texts->length, length);
}

/* --- entries --- */

static bool cuts(const char **at, const char *end, struct slice bytes)
{
    if ((size_t)(end - *at) < bytes.length || memcmp(*at, bytes.data, bytes.length) != 0)
        return false;
    *at += bytes.length;
    return true;
}

static bool gives(const struct head_memo_entry *entry, struct slice head, const struct head_texts *texts)
{
    const char *at = head.data, *end = head.data + head.length, *bytes = entry->bytes;
    if (entry->id == 0)
        return false;
    for (size_t i = 0; i < entry->count; i++) {
        const struct head_memo_piece *piece = &entry->pieces[i];
        struct slice text = texts->of[piece->hole];
        if (!cuts(&at, end, slice_of(bytes, piece->length)) ||
            (piece->hole != 0 && (text.length == 0 || !cuts(&at, end, text))))
            return false;
        bytes += piece->length;
    }
    return at == end;
}

bool head_memos_create(struct head_memo **memos, size_t count, struct error *error)
{
    *memos = calloc(count, sizeof(**memos));
    return *memos != NULL || error_set(error, ERROR_MEMORY, "out of memory for the capture store");
}

int64_t head_memo_find(const struct head_memo *memo, struct slice head, const struct head_texts *texts)
{
    for (size_t i = 0; i < HEAD_MEMO_ENTRIES; i++) {
        if (gives(&memo->entries[i], head, texts))
            return memo->entries[i].id;
    }
    return 0;
}

/* False where there are too many. */
static bool add_piece(struct head_memo_entry *entry, size_t length, unsigned char hole)
{
    if (entry->count == HEAD_MEMO_PIECES)
        return false;
    entry->pieces[entry->count++] = (struct head_memo_piece){ .length = (unsigned short)length, .hole = hole };
    return true;
}

static bool take_apart(struct head_memo_entry *entry, struct slice template)
{
    char *out = entry->bytes;
    size_t length = 0;
    for (size_t i = 0; i < template.length; i++) {
        unsigned char byte = (unsigned char)template.data[i];
        if (byte == 0 || byte >= SCHEMA_HOLE_END) {
            *out++ = template.data[i];
            length++;
        } else if (add_piece(entry, length, byte)) {
            length = 0;
        } else {
            return false;
        }
    }
    return add_piece(entry, length, 0);
}

void head_memo_keep(struct head_memo *memo, struct slice template, int64_t id)
{
    struct head_memo_entry *entry = &memo->entries[memo->next];
    if (template.length > HEAD_MEMO_BYTES)
        return;
    entry->count = 0;
    entry->id = take_apart(entry, template) ? id : 0;
    memo->next = (memo->next + 1) % HEAD_MEMO_ENTRIES;
}

void head_memo_forget(struct head_memo *memo)
{
    for (size_t i = 0; i < HEAD_MEMO_ENTRIES; i++)
        memo->entries[i].id = 0;
}
