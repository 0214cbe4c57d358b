/* A connection's bytes as an answer, behind four bytes that say how: whether it answers a HEAD, the pieces and where its owner
 * stops. Held: what is told is the input, each byte once and in order; in pieces it is told as it is whole; a body has its
 * length, and chunks are what a reader line by line (RFC 9112 §7.1) makes of them. */
#include "upstream/answer_reader.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS = 4, FIELDS_MAX = 32 };

struct tale {
    struct slice input;
    struct slice piece; /* a copy of the input's next bytes */
    bool to_head;
    size_t limit; /* bytes that may be told before the owner stops */

    char *kinds; /* one for each byte that was told; 'e' for a head's last */
    size_t told;
    size_t head_begins, body_begins, body_length;
    uint64_t length;
    enum answer_framing framing;
    bool has_stopped;

    enum answer_progress progress;
    size_t used;
    bool may_end;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static bool take(struct tale *tale, char kind, size_t count)
{
    require(!tale->has_stopped && count > 0 && count <= tale->input.length - tale->told);
    memset(tale->kinds + tale->told, kind, count);
    tale->told += count;
    tale->has_stopped = tale->told > tale->limit;
    return !tale->has_stopped;
}

/* Within the piece, at the place that is next. */
static void require_next(const struct tale *tale, struct slice bytes)
{
    require(bytes.length > 0 && bytes.data >= tale->piece.data);
    require(bytes.length <= tale->piece.length - (size_t)(bytes.data - tale->piece.data));
    require(bytes.data - tale->piece.data + (ptrdiff_t)tale->used == (ptrdiff_t)tale->told);
    require(memcmp(bytes.data, tale->input.data + tale->told, bytes.length) == 0);
}

static bool take_head(void *context, struct slice bytes)
{
    require_next(context, bytes);
    return take(context, 'h', bytes.length);
}

static enum answer_framing end_head(void *context, uint64_t *length)
{
    struct tale *tale = context;
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice head = slice_of(tale->input.data + tale->head_begins, tale->told - tale->head_begins);
    int status = 0;
    require(!tale->has_stopped && head.length > 0 && head.data[head.length - 1] == '\n');
    if (!http_parse_response_head(&status, &fields, FIELDS_MAX, head))
        status = 0;
    tale->framing = answer_framing_of(&tale->length, status, fields, tale->to_head);
    tale->kinds[tale->told - 1] = 'e';
    if (tale->framing == ANSWER_INTERIM)
        tale->head_begins = tale->told;
    tale->body_begins = tale->told;
    require(!answer_keeps_connection(head, status, fields, tale->framing) || tale->framing != ANSWER_TO_THE_END);
    *length = tale->length;
    return tale->framing;
}

static bool take_body(void *context, struct slice bytes)
{
    struct tale *tale = context;
    require_next(tale, bytes);
    tale->body_length += bytes.length;
    return take(tale, 'b', bytes.length);
}

static bool take_coding(void *context, size_t count)
{
    return take(context, 'c', count);
}

static const struct answer_owner owner = {
    .head_bytes = take_head, .head_end = end_head, .body_bytes = take_body, .coding_bytes = take_coding
};

/* A copy, so that a byte read beyond it is seen. */
static void take_piece(struct tale *tale, struct answer_reader *reader, size_t length)
{
    char *copy = malloc(length + (length == 0));
    size_t used = SIZE_MAX;
    require(copy != NULL);
    if (length > 0)
        memcpy(copy, tale->input.data + tale->used, length);
    tale->piece = slice_of(copy, length);
    tale->progress = answer_reader_take(reader, &owner, tale, tale->piece, &used);
    free(copy);
    require(used <= length && (tale->progress != ANSWER_MORE || used == length));
    tale->used += used;
    require(tale->told == tale->used);
}

/* Pieces of 0 to `most` bytes; one where it is 0. */
static void read_in_pieces(struct tale *tale, unsigned seed, unsigned most)
{
    struct answer_reader reader;
    answer_reader_start(&reader);
    tale->kinds = malloc(tale->input.length + 1);
    require(tale->kinds != NULL);
    tale->progress = ANSWER_MORE;
    while (tale->progress == ANSWER_MORE && tale->used < tale->input.length) {
        size_t left = tale->input.length - tale->used;
        seed = seed * 1664525U + 1013904223U;
        size_t length = most == 0 ? left : (seed >> 16) % (most + 1);
        take_piece(tale, &reader, length < left ? length : left);
    }
    tale->may_end = answer_reader_may_end(&reader);
    require((tale->progress == ANSWER_STOPPED) == tale->has_stopped);
}

static bool is_digit(char byte)
{
    return byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
}

/* A chunk's line without its CR LF. */
static bool size_of(struct slice line, uint64_t *size)
{
    size_t digits = 0;
    for (*size = 0; digits < line.length && is_digit(line.data[digits]); digits++) {
        const char text[] = { line.data[digits], '\0' };
        *size = *size * 16 + strtoul(text, NULL, 16);
    }
    struct slice behind = slice_trim_blanks(slice_from(line, digits));
    return digits > 0 && digits <= 16 && (digits == line.length || slice_starts_with(behind, ";"));
}

/* ANSWER_MORE where the line is not whole, whatever it has. */
static enum answer_progress cut_line(struct slice *rest, struct slice *line)
{
    size_t end = slice_find(*rest, '\n');
    *line = slice_first(*rest, end == 0 ? 0 : end - 1);
    if (end == rest->length)
        return ANSWER_MORE;
    if (end == 0 || slice_find(*rest, '\r') != end - 1)
        return ANSWER_BAD_CODING;
    *rest = slice_from(*rest, end + 1);
    return ANSWER_WHOLE;
}

static enum answer_progress cut_trailers(struct slice *rest)
{
    struct slice line;
    enum answer_progress progress;
    while ((progress = cut_line(rest, &line)) == ANSWER_WHOLE) {
        if (line.length == 0)
            return ANSWER_WHOLE;
        if (line.data[0] == ' ' || line.data[0] == '\t')
            return ANSWER_BAD_CODING;
    }
    return progress;
}

static enum answer_progress cut_chunks(struct slice *rest, size_t *body_length)
{
    struct slice line;
    enum answer_progress progress;
    while ((progress = cut_line(rest, &line)) == ANSWER_WHOLE) {
        uint64_t size;
        if (!size_of(line, &size))
            return ANSWER_BAD_CODING;
        if (size == 0)
            return cut_trailers(rest);
        if (rest->length < 2 || rest->length - 2 < size)
            return ANSWER_MORE;
        *body_length += (size_t)size;
        *rest = slice_from(*rest, (size_t)size);
        if (!slice_starts_with(*rest, "\r\n"))
            return ANSWER_BAD_CODING;
        *rest = slice_from(*rest, 2);
    }
    return progress;
}

static void check_chunks(const struct tale *tale)
{
    struct slice rest = slice_from(tale->input, tale->body_begins);
    size_t body_length = 0;
    enum answer_progress progress = cut_chunks(&rest, &body_length);
    require(progress == tale->progress || (progress == ANSWER_MORE && tale->progress == ANSWER_BAD_CODING));
    require(progress != ANSWER_WHOLE ||
            (body_length == tale->body_length && tale->input.length - rest.length == tale->used));
    require(tale->body_length >= body_length);
}

static void check_body(const struct tale *tale)
{
    size_t behind = tale->input.length - tale->body_begins;
    require(tale->may_end == (tale->body_begins > 0 && tale->framing == ANSWER_TO_THE_END));
    if (tale->body_begins == 0 || tale->framing == ANSWER_INTERIM) {
        require(tale->progress != ANSWER_WHOLE && tale->progress != ANSWER_BAD_CODING);
    } else if (tale->framing == ANSWER_LENGTH) {
        require(tale->progress == (behind < tale->length ? ANSWER_MORE : ANSWER_WHOLE));
        require(tale->body_length == (behind < tale->length ? behind : tale->length));
    } else if (tale->framing == ANSWER_CHUNKED) {
        check_chunks(tale);
    } else {
        require(tale->body_length == (tale->framing == ANSWER_TO_THE_END ? behind : 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < OPTIONS)
        return 0;
    const struct tale fresh = { .input = slice_of(data + OPTIONS, size - OPTIONS),
                                .to_head = (data[0] & 1) != 0,
                                .limit = SIZE_MAX };
    struct tale whole = fresh, pieces = fresh, stopped = fresh, stopped_early = fresh;
    read_in_pieces(&whole, 0, 0);
    check_body(&whole);
    read_in_pieces(&pieces, data[1], data[2] % 64 + 1);
    require(pieces.progress == whole.progress && pieces.used == whole.used && pieces.may_end == whole.may_end);
    require(memcmp(pieces.kinds, whole.kinds, whole.used) == 0 && pieces.body_length == whole.body_length);

    stopped.limit = stopped_early.limit = 2 * (size_t)data[3];
    read_in_pieces(&stopped, 0, 0);
    read_in_pieces(&stopped_early, data[1], data[2] % 64 + 1);
    require(stopped.has_stopped == (whole.used > stopped.limit) && stopped.has_stopped == stopped_early.has_stopped);
    require(stopped_early.used <= stopped.used && stopped.used <= whole.used);
    const struct tale *const tales[] = { &whole, &pieces, &stopped, &stopped_early };
    for (size_t i = 0; i < ARRAY_LENGTH(tales); i++)
        free(tales[i]->kinds);
    return 0;
}
