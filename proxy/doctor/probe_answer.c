/* What an answer is: the exchange's, or a page of somebody who stands between. Pure. */
#include "countersign/envelope.h"
#include "countersign/json_scan.h"
#include "countersign/probes.h"

#include <string.h>

enum { LOOKED_AT = 4096 /* bytes of a page, for its title */ };

/* Cut at a character's beginning, should it be UTF-8. */
static void copy_words(char *words, struct slice text)
{
    size_t length = text.length;
    if (length >= PROBE_WORDS_MAX) {
        length = PROBE_WORDS_MAX - 1;
        while (length > 0 && ((unsigned char)text.data[length] & 0xC0) == 0x80)
            length--;
    }
    if (length > 0)
        memcpy(words, text.data, length);
    words[length] = '\0';
}

static bool is_json(struct slice body)
{
    struct json_scan scan;
    enum json_token token;
    json_scan_init(&scan, body);
    do {
        token = json_scan_next(&scan, NULL);
    } while (token != JSON_END && token != JSON_INVALID);
    return token == JSON_END;
}

/* Offset of `word`, in any case, or text.length. */
static size_t find_word(struct slice text, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= text.length; i++) {
        if (slice_equal_text_caseless(slice_of(text.data + i, length), word))
            return i;
    }
    return text.length;
}

static bool is_html(const struct probe_response *response)
{
    const struct http_field *type = http_field_find(response->fields, "Content-Type");
    bool says_so = type != NULL && slice_equal_text_caseless(slice_first(type->value, 9), "text/html");
    struct slice start = slice_first(response->body, LOOKED_AT);
    return says_so || find_word(start, "<html") < start.length || find_word(start, "<!doctype html") < start.length;
}

static struct slice title_of(struct slice page)
{
    struct slice rest = slice_from(slice_first(page, LOOKED_AT), find_word(slice_first(page, LOOKED_AT), "<title"));
    if (rest.length == 0 || slice_find(rest, '>') == rest.length)
        return slice_of(NULL, 0);
    rest = slice_from(rest, slice_find(rest, '>') + 1);
    return slice_trim_blanks(slice_first(rest, slice_find(rest, '<')));
}

static bool is_redirect(int status)
{
    return status >= 300 && status <= 399 && status != 304;
}

static void read_redirect(struct probe_answer *answer, const struct probe_response *response)
{
    const struct http_field *place = http_field_find(response->fields, "Location");
    answer->reply = PROBE_REDIRECT;
    copy_words(answer->words, place == NULL ? slice_of(NULL, 0) : place->value);
}

static void read_envelope(struct probe_answer *answer, const struct probe_response *response)
{
    const struct envelope_answer asked = { .method = response->method,
                                           .target = response->target,
                                           .is_public = response->is_public,
                                           .status = response->status,
                                           .body = response->body };
    struct envelope envelope;
    struct buffer message;
    buffer_init(&message, ENVELOPE_MAX);
    envelope_read(&envelope, &message, &asked);
    answer->reply = PROBE_JSON;
    answer->is_success = envelope.verdict == ENVELOPE_OK;
    size_t length = envelope.code_length < PROBE_CODE_MAX ? envelope.code_length : PROBE_CODE_MAX - 1;
    memcpy(answer->code, envelope.code, length);
    answer->code[length] = '\0';
    copy_words(answer->words, buffer_slice(&message));
    buffer_free(&message);
}

void probe_answer_read(struct probe_answer *answer, const struct probe_response *response)
{
    answer->status = response->status;
    answer->is_success = false;
    answer->code[0] = '\0';
    if (is_redirect(response->status)) {
        read_redirect(answer, response);
    } else if (is_json(response->body)) {
        read_envelope(answer, response);
    } else if (is_html(response)) {
        answer->reply = PROBE_HTML;
        copy_words(answer->words, title_of(response->body));
    } else {
        answer->reply = PROBE_OTHER;
        answer->words[0] = '\0';
    }
}
