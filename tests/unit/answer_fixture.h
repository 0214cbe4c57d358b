/* What the owner of an answer's reader is told, kept: each byte once, in order, as head, body or coding. */
#ifndef COUNTERSIGN_TESTS_ANSWER_FIXTURE_H
#define COUNTERSIGN_TESTS_ANSWER_FIXTURE_H

#include "upstream/answer_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES_MAX = 2048, ALL = BYTES_MAX };

/* What an owner was told. */
struct tale {
    struct slice input;
    bool to_head;
    char stop_kind; /* 'h', 'b' or 'c': told more than stop_behind bytes of it, the owner stops */
    size_t stop_behind;

    char kinds[BYTES_MAX + 1]; /* one for each byte that was told */
    size_t told;
    char head[BYTES_MAX]; /* the last */
    size_t head_length;
    char body[BYTES_MAX];
    size_t body_length;
    size_t head_calls, head_ends, body_calls, coding_calls;
    bool has_stopped;

    enum answer_progress progress;
    size_t used;
    bool may_end;
};

/* `before` are interim heads, `rest` is what is used behind the head, `excess` what is not. */
struct example {
    const char *before, *head, *rest, *excess;
    const char *body;
    bool to_head;
};

static inline bool take(struct tale *tale, char kind, size_t count)
{
    assert_false(tale->has_stopped);
    assert_true(count > 0 && count <= tale->input.length - tale->told);
    memset(tale->kinds + tale->told, kind, count);
    tale->told += count;
    size_t of_kind = 0;
    for (size_t i = 0; i < tale->told; i++)
        of_kind += tale->kinds[i] == kind;
    tale->has_stopped = kind == tale->stop_kind && of_kind > tale->stop_behind;
    return !tale->has_stopped;
}

static inline void assert_next(const struct tale *tale, struct slice bytes)
{
    assert_true(bytes.length <= tale->input.length - tale->told);
    assert_memory_equal(tale->input.data + tale->told, bytes.data, bytes.length);
}

static inline bool take_head(void *context, struct slice bytes)
{
    struct tale *tale = context;
    assert_next(tale, bytes);
    memcpy(tale->head + tale->head_length, bytes.data, bytes.length);
    tale->head_length += bytes.length;
    tale->head_calls++;
    return take(tale, 'h', bytes.length);
}

static inline enum answer_framing frame(struct slice head, bool to_head, uint64_t *length, bool *keeps)
{
    static struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    int status = 0;
    if (!http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, head))
        status = 0;
    enum answer_framing framing = answer_framing_of(length, status, fields, to_head);
    *keeps = answer_keeps_connection(head, status, fields, framing);
    return framing;
}

static inline enum answer_framing end_head(void *context, uint64_t *length)
{
    struct tale *tale = context;
    bool keeps;
    assert_false(tale->has_stopped);
    enum answer_framing framing = frame(slice_of(tale->head, tale->head_length), tale->to_head, length, &keeps);
    tale->head_ends++;
    if (framing == ANSWER_INTERIM)
        tale->head_length = 0;
    return framing;
}

static inline bool take_body(void *context, struct slice bytes)
{
    struct tale *tale = context;
    assert_next(tale, bytes);
    memcpy(tale->body + tale->body_length, bytes.data, bytes.length);
    tale->body_length += bytes.length;
    tale->body_calls++;
    return take(tale, 'b', bytes.length);
}

static inline bool take_coding(void *context, size_t count)
{
    struct tale *tale = context;
    tale->coding_calls++;
    return take(tale, 'c', count);
}

static const struct answer_owner owner = {
    .head_bytes = take_head, .head_end = end_head, .body_bytes = take_body, .coding_bytes = take_coding
};

/* The first piece of `first` bytes, the others of `each`, as memory of their own, in which a sanitizer sees what is read beyond. */
static inline void read_in_pieces(struct tale *tale, size_t first, size_t each)
{
    struct answer_reader reader;
    size_t size = first;
    answer_reader_start(&reader);
    tale->progress = ANSWER_MORE;
    for (struct slice rest = tale->input; rest.length > 0 && tale->progress == ANSWER_MORE; size = each) {
        struct slice part = slice_first(rest, size);
        char *piece = malloc(part.length + (part.length == 0));
        size_t used = SIZE_MAX;
        assert_non_null(piece);
        memcpy(piece, part.data, part.length);
        tale->progress = answer_reader_take(&reader, &owner, tale, slice_of(piece, part.length), &used);
        free(piece);
        assert_true(used <= part.length && (tale->progress != ANSWER_MORE || used == part.length));
        tale->used += used;
        rest = slice_from(rest, part.length);
    }
    tale->may_end = answer_reader_may_end(&reader);
    assert_int_equal(tale->told, tale->used);
}

static const char *or_none(const char *text)
{
    return text == NULL ? "" : text;
}

static inline struct slice join(char *text, const struct example *example)
{
    const char *const parts[] = { example->before, example->head, example->rest, example->excess };
    size_t length = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        size_t more = strlen(or_none(parts[i]));
        assert_true(more < BYTES_MAX - length);
        memcpy(text + length, or_none(parts[i]), more);
        length += more;
    }
    return slice_of(text, length);
}

#endif
