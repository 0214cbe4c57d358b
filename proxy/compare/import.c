/* Imported files: what kind they are, and the memory of what was read. Pure; any thread. */
#include "import_private.h"

#include "countersign/compiler.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS_AT_FIRST = 16, QUOTED_WORD_MAX = 24 /* bytes */ };
_Static_assert((int)QUOTED_WORD_MAX < (int)IMPORT_QUOTE_MAX, "it fits with its NUL");

struct import_block {
    struct import_block *next;
    char *data;
    size_t length;
};

static const struct {
    enum import_format format;
    const char *name; /* for people */
    const char *word; /* on a command line */
    bool (*read)(struct import *import, struct slice bytes, struct error *error);
} formats[] = {
    { IMPORT_HAR, "HAR", "har", import_read_har },
    { IMPORT_HTTP, "http", "http", import_read_http },
    { IMPORT_CURL, "curl", "curl", import_read_curl },
};

const char *import_format_name(enum import_format format)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (formats[i].format == format)
            return formats[i].name;
    }
    return "";
}

bool import_format_parse(enum import_format *format, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (slice_equal_text(name, formats[i].word)) {
            *format = formats[i].format;
            return true;
        }
    }
    return false;
}

bool import_out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

bool import_keep_buffer(struct import *import, struct slice *kept, struct buffer *buffer, struct error *error)
{
    *kept = slice_of(NULL, 0);
    if (buffer->failed)
        return import_out_of_memory(error);
    if (buffer->length == 0)
        return true;
    struct import_block *block = malloc(sizeof(*block));
    if (block == NULL)
        return import_out_of_memory(error);
    block->data = buffer_take(buffer, &block->length);
    block->next = import->blocks;
    import->blocks = block;
    *kept = slice_of(block->data, block->length);
    return true;
}

bool import_keep(struct import *import, struct slice *kept, struct slice bytes, struct error *error)
{
    struct buffer copy;
    buffer_init(&copy, bytes.length);
    buffer_append_slice(&copy, bytes);
    bool done = import_keep_buffer(import, kept, &copy, error);
    buffer_free(&copy);
    return done;
}

bool import_owns(const struct import *import, struct slice slice)
{
    for (const struct import_block *block = import->blocks; block != NULL; block = block->next) {
        if (slice.length > 0 && slice.data >= block->data && slice.data < block->data + block->length)
            return slice.length <= block->length - (size_t)(slice.data - block->data);
    }
    return slice.length == 0;
}

static bool make_room(struct import *import, struct error *error)
{
    if (import->count < import->capacity)
        return true;
    if (import->count == IMPORT_RECORDS_MAX)
        return error_set(error, ERROR_LIMIT, "more than %d exchanges in one file: split it", IMPORT_RECORDS_MAX);
    size_t capacity = import->capacity == 0 ? RECORDS_AT_FIRST : 2 * import->capacity;
    struct record *records = realloc(import->records, capacity * sizeof(*records));
    if (records == NULL)
        return import_out_of_memory(error);
    import->records = records;
    import->capacity = capacity;
    return true;
}

struct record *import_add(struct import *import, struct error *error)
{
    if (!make_room(import, error))
        return NULL;
    struct record *record = &import->records[import->count++];
    if (import->progress != NULL)
        import->progress->tell(import->progress->context, import->count, 0);
    *record = (struct record){ .client_uid = -1, .attempts = 1 };
    return record;
}

/* "KEY", "API_KEY", "no-keepalive": keys and secrets have digits, are longer, or mix the cases. */
static bool is_plain_word(struct slice bytes)
{
    bool has_upper = false, has_lower = false;
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.data[i];
        has_upper = has_upper || (byte >= 'A' && byte <= 'Z');
        has_lower = has_lower || (byte >= 'a' && byte <= 'z');
        if (!(byte >= 'A' && byte <= 'Z') && !(byte >= 'a' && byte <= 'z') && byte != '_' && byte != '-')
            return false;
    }
    return bytes.length <= QUOTED_WORD_MAX && !(has_upper && has_lower);
}

const char *import_quote(char *text, struct slice bytes)
{
    bool is_letter = bytes.length == 1 && bytes.data[0] > ' ' && bytes.data[0] < 0x7f;
    struct slice shown =
        is_letter || is_plain_word(bytes) ? bytes : SLICE_LITERAL("(not shown, as it may be a secret)");
    memcpy(text, shown.data, shown.length);
    text[shown.length] = '\0';
    return text;
}

size_t import_line_number(struct slice text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < text.length; i++)
        line += text.data[i] == '\n';
    return line;
}

bool import_next_line(struct slice *rest, struct slice *line)
{
    if (rest->length == 0)
        return false;
    size_t end = slice_find(*rest, '\n');
    *line = slice_first(*rest, end);
    if (line->length > 0 && end < rest->length && line->data[end - 1] == '\r')
        line->length--;
    *rest = slice_from(*rest, end + 1);
    return true;
}

/* Editors on Windows begin a file with it (U+FEFF in UTF-8). */
static struct slice without_byte_order_mark(struct slice bytes)
{
    return slice_starts_with(bytes, "\xEF\xBB\xBF") ? slice_from(bytes, 3) : bytes;
}

static struct slice without_leading_blanks(struct slice bytes)
{
    while (bytes.length > 0 && (bytes.data[0] == ' ' || (bytes.data[0] >= '\t' && bytes.data[0] <= '\r')))
        bytes = slice_from(bytes, 1);
    return bytes;
}

static bool begins_as_curl(struct slice text)
{
    struct slice line = { NULL, 0 }, word = { NULL, 0 };
    if (slice_starts_with(text, "$ ")) /* a prompt, as documentation has it */
        text = without_leading_blanks(slice_from(text, 1));
    if (!import_next_line(&text, &line) || !slice_next_part(&line, ' ', &word))
        return false;
    return slice_equal_text(word, "curl") || slice_equal_text(word, "curl.exe") ||
           (word.length > 5 && slice_equal_text(slice_from(word, word.length - 5), "/curl"));
}

/* "GET /...", "POST https://...", "PURGE /x HTTP/1.1" */
static bool begins_as_request(struct slice text)
{
    struct slice line = { NULL, 0 }, method = { NULL, 0 }, target = { NULL, 0 };
    if (!import_next_line(&text, &line) || !slice_next_part(&line, ' ', &method) || line.data == NULL)
        return false;
    line = slice_trim_blanks(line);
    target = slice_first(line, slice_find(line, ' '));
    bool has_version = slice_starts_with(slice_trim_blanks(slice_from(line, target.length)), "HTTP/");
    if (has_version ? !http_method_is_valid(method) : !import_method_is_known(method))
        return false;
    return slice_starts_with(target, "/") || slice_starts_with(target, "http://") ||
           slice_starts_with(target, "https://");
}

/* From the first line that tells the kind of file: remarks begin with '#' in shells and in .http alike, but ### does not. */
static struct slice without_remarks(struct slice text)
{
    struct slice line;
    text = without_leading_blanks(text);
    while (slice_starts_with(text, "#") && !slice_starts_with(text, "###") && import_next_line(&text, &line))
        text = without_leading_blanks(text);
    return text;
}

static enum import_format guess(struct slice bytes)
{
    static const char *const http_marks[] = { "###", "//", "@", "http://", "https://", "HTTP/" };
    struct slice whole = without_leading_blanks(bytes), text = without_remarks(whole);
    if (slice_starts_with(whole, "{"))
        return IMPORT_HAR;
    if (begins_as_curl(text))
        return IMPORT_CURL;
    for (size_t i = 0; i < ARRAY_LENGTH(http_marks); i++) {
        if (slice_starts_with(text, http_marks[i]))
            return IMPORT_HTTP;
    }
    if (begins_as_request(text))
        return IMPORT_HTTP;
    return slice_starts_with(whole, "#!") ? IMPORT_CURL : IMPORT_GUESS; /* a script: which command is wrong is said */
}

/* Quotes nothing: who names the wrong file names that of a secret. */
static bool unknown_kind(struct slice bytes, struct error *error)
{
    struct slice text = without_remarks(bytes);
    if (text.length == 0)
        return error_set(error, ERROR_INPUT, "nothing is in it but remarks (#)");
    return error_set(error, ERROR_INPUT,
                     "line %zu (of %zu bytes, not shown, as it may be a secret) begins no HAR ({), no curl command "
                     "(curl) and no .http file (a request line or ###; without HTTP/1.1 at its end with " IMPORT_METHODS
                     ")",
                     import_line_number(bytes, bytes.length - text.length), slice_find(text, '\n'));
}

static bool read_as(struct import *import, struct slice bytes, struct error *error)
{
    if (without_leading_blanks(bytes).length == 0)
        return error_set(error, ERROR_INPUT, "nothing is in it but blanks");
    if (import->format == IMPORT_GUESS)
        import->format = guess(bytes);
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (formats[i].format == import->format)
            return formats[i].read(import, bytes, error);
    }
    return unknown_kind(bytes, error);
}

bool import_read(struct import **import, struct slice bytes, enum import_format format,
                 const struct import_progress *progress, struct error *error)
{
    *import = NULL;
    struct import *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return import_out_of_memory(error);
    made->format = format;
    made->progress = progress;
    if (!read_as(made, without_byte_order_mark(bytes), error)) {
        import_free(made);
        return false;
    }
    made->progress = NULL; /* the caller's no longer */
    *import = made;
    return true;
}

void import_free(struct import *import)
{
    if (import == NULL)
        return;
    while (import->blocks != NULL) {
        struct import_block *block = import->blocks;
        import->blocks = block->next;
        free(block->data);
        free(block);
    }
    free(import->records);
    free(import);
}
