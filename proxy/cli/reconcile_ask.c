/* Questions of `countersign reconcile`: GETs of class read, one after the other, through the running proxy, which signs,
 * judges and records them as a bot's. None is repeated. Owns its buffers. One thread. */
#include "reconcile.h"

#include "replay_send.h"
#include "replay_token.h"

#include "countersign/clock.h"
#include "countersign/content.h"
#include "countersign/envelope.h"
#include "countersign/http_message.h"
#include "countersign/json_scan.h"
#include "countersign/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEAD_MAX = 65536, MESSAGE_MAX = 65536, SHOWN_MAX = 400 /* bytes of a message */ };

static const int64_t answer_timeout_us = INT64_C(60) * 1000000; /* longer than an upstream's usual timeout */

void reconcile_asker_init(struct reconcile_asker *asker, const struct log_options *options)
{
    *asker = (struct reconcile_asker){ .options = options };
    buffer_init(&asker->answer, REPLAY_ANSWER_MAX);
    buffer_init(&asker->decoded, ENVELOPE_MAX);
}

void reconcile_asker_end(struct reconcile_asker *asker)
{
    buffer_free(&asker->answer);
    buffer_free(&asker->decoded);
}

/* --- whom to ask --- */

/* The authority of "https://HOST[:PORT]". */
static struct slice authority_of(const char *url)
{
    struct slice text = slice_text(url);
    const char *mark = strstr(url, "://");
    return mark == NULL ? text : slice_from(text, (size_t)(mark - url) + strlen("://"));
}

/* Another account, or another exchange, would not know the order, and its "not found" would be a lie. */
static bool check_listener(const struct running_listener *listener, const struct reconcile_request *request,
                           struct error *error)
{
    if (strcmp(listener->mode, "sign") != 0)
        return error_set(error, ERROR_INPUT,
                         "listener %s is in mode %s and cannot ask: name one that signs for the same account with "
                         "--listener",
                         listener->name, listener->mode);
    if (request->account[0] != '\0' && strcmp(listener->account, request->account) != 0)
        return error_set(error, ERROR_INPUT,
                         "listener %s signs for account %s, and this was sent for account %s, whose orders it does not "
                         "see",
                         listener->name, listener->account, request->account);
    if (request->host[0] != '\0' && !slice_equal_text_caseless(authority_of(listener->upstream), request->host))
        return error_set(error, ERROR_INPUT, "listener %s leads to %s, and this was sent to %s", listener->name,
                         listener->upstream, request->host);
    return true;
}

bool reconcile_asker_aim(struct reconcile_asker *asker, const struct log_run *run,
                         const struct reconcile_request *request, struct error *error)
{
    const char *name = run->options->by != NULL ? run->options->by : request->listener;
    char *folder = log_store_folder(run, error);
    bool done = folder != NULL && running_find(&asker->listener, folder, name[0] != '\0' ? name : NULL, NULL, error) &&
                check_listener(&asker->listener, request, error) &&
                endpoint_parse(&asker->endpoint, asker->listener.address, error);
    free(folder);
    return done;
}

/* --- the question --- */

static bool is_unreserved(char byte) /* RFC 3986 §2.3 */
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

void reconcile_target(struct buffer *target, const char *path, const struct reconcile_pair *pairs)
{
    char mark = '?';
    buffer_reset(target);
    (void)buffer_append_text(target, path); /* `failed` is checked when it is asked, here and below */
    for (; pairs->name != NULL; pairs++) {
        if (pairs->value[0] == '\0')
            continue;
        (void)buffer_append_format(target, "%c%s=", mark, pairs->name);
        mark = '&';
        for (const char *byte = pairs->value; *byte != '\0'; byte++)
            (void)buffer_append_format(target, is_unreserved(*byte) ? "%c" : "%%%02X", (unsigned char)*byte);
    }
}

/* Its Host is a name that every listener takes. */
static bool make_head(struct buffer *head, const struct reconcile_asker *asker, struct slice target,
                      struct error *error)
{
    struct buffer plain;
    buffer_init(&plain, HEAD_MAX);
    (void)buffer_append_text(&plain, "GET "); /* `failed` is checked below */
    (void)buffer_append_slice(&plain, target);
    (void)buffer_append_text(&plain, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    bool done = !plain.failed
                    ? replay_token_add(head, buffer_slice(&plain), asker->options, asker->listener.name, error)
                    : error_set(error, ERROR_LIMIT, "the question is longer than %d bytes", HEAD_MAX);
    buffer_free(&plain);
    return done;
}

/* --- the answer --- */

static enum reconcile_answer fail(struct reconcile_asker *asker, const char *format, ...) PRINTF_LIKE(2, 3);

static enum reconcile_answer fail(struct reconcile_asker *asker, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(asker->problem, sizeof(asker->problem), format, arguments); /* cut, it is still one */
    va_end(arguments);
    return RECONCILE_ANSWER_FAILED;
}

/* The body as it was before its content coding; one that cannot be decoded stays as it came, and is then no JSON. */
static struct slice decoded_body(struct reconcile_asker *asker, struct slice coding, struct slice body)
{
    buffer_reset(&asker->decoded);
    return content_decode(&asker->decoded, coding, body) == CONTENT_DECODED ? buffer_slice(&asker->decoded) : body;
}

static enum reconcile_answer read_envelope(struct reconcile_asker *asker, const struct envelope_answer *answer,
                                           struct slice own_error)
{
    struct envelope envelope;
    struct buffer message;
    buffer_init(&message, MESSAGE_MAX);
    envelope_read(&envelope, &message, answer);
    struct slice code = slice_of(envelope.code, envelope.code_length),
                 text = slice_first(buffer_slice(&message), SHOWN_MAX);
    enum reconcile_answer result = RECONCILE_ANSWER_OK;
    if (own_error.length > 0)
        result = fail(asker, "%.*s (%.*s)", SLICE_ARGUMENTS(text), SLICE_ARGUMENTS(own_error));
    else if (envelope.verdict == ENVELOPE_API_ERROR && slice_equal_text(code, "3103"))
        result = RECONCILE_ANSWER_NO_ORDER;
    else if (envelope.verdict != ENVELOPE_OK && code.length > 0)
        result =
            fail(asker, "code %.*s \"%.*s\", HTTP %d", SLICE_ARGUMENTS(code), SLICE_ARGUMENTS(text), answer->status);
    else if (envelope.verdict != ENVELOPE_OK)
        result = fail(asker, "HTTP %d, and no code that can be read", answer->status);
    buffer_free(&message);
    if (result == RECONCILE_ANSWER_OK &&
        !json_member(decoded_body(asker, answer->coding, answer->body), "data", &asker->data, NULL))
        result = fail(asker, "an answer without data");
    return result;
}

static struct slice value_of(struct http_fields fields, const char *name)
{
    const struct http_field *field = http_field_find(fields, name);
    return field == NULL ? slice_of(NULL, 0) : field->value;
}

static enum reconcile_answer read_answer(struct reconcile_asker *asker, struct slice target, size_t head_length)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice bytes = buffer_slice(&asker->answer);
    int status = 0;
    if (!http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, slice_first(bytes, head_length)) ||
        http_field_find(fields, "Countersign-Exchange") == NULL)
        return fail(asker, "what answers at %s is no countersign", asker->listener.address);
    const struct envelope_answer answer = {
        .method = SLICE_LITERAL("GET"),
        .target = target,
        .status = status,
        .coding = value_of(fields, "Content-Encoding"),
        .body = slice_from(bytes, head_length),
    };
    return read_envelope(asker, &answer, value_of(fields, "Countersign-Error"));
}

static void keep_pace(struct reconcile_asker *asker)
{
    int64_t left_us = asker->next_us - clock_monotonic_us();
    const struct timespec left = { .tv_nsec = left_us * 1000 };
    _Static_assert(RECONCILE_GAP_US < 1000000, "less than a second");
    if (left_us > 0)
        (void)nanosleep(&left, NULL); /* one that a signal cuts short is a call that comes earlier */
}

enum reconcile_answer reconcile_ask(struct reconcile_asker *asker, struct slice target)
{
    struct error error = { .kind = ERROR_NONE };
    struct buffer head;
    size_t head_length = 0;
    bool sent;
    if (endpoint_classify(SLICE_LITERAL("GET"), target) != ENDPOINT_READ)
        return fail(asker, "this is not known to only look, so it is not asked");
    keep_pace(asker);
    buffer_reset(&asker->answer);
    buffer_init(&head, HEAD_MAX);
    bool done = make_head(&head, asker, target, &error) &&
                replay_send(&asker->answer, &head_length, &sent, &asker->endpoint, buffer_slice(&head),
                            slice_of(NULL, 0), answer_timeout_us, &error);
    buffer_wipe(&head); /* a token may stand in it */
    asker->next_us = clock_monotonic_us() + RECONCILE_GAP_US;
    return done ? read_answer(asker, target, head_length) : fail(asker, "%s", error.message);
}
