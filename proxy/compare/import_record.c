/* The facts of an imported exchange that its messages tell: whose key, when signed, how it ended. Pure; any thread. */
#include "import_private.h"

#include "countersign/envelope.h"
#include "countersign/policy.h"
#include "countersign/redaction.h"
#include "countersign/scheme.h"

#include <string.h>

static const struct slice nothing = { NULL, 0 };

/* One message's head taken apart. */
struct head {
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields;
    struct slice method;
    struct slice target;
    int status;
};

void import_set_request(struct record *record, struct record_message message)
{
    record->views[RECORD_CLIENT_REQUEST] = message;
    record->views[RECORD_UPSTREAM_REQUEST] = message;
}

void import_set_response(struct record *record, struct record_message message)
{
    record->views[RECORD_UPSTREAM_RESPONSE] = message;
    record->views[RECORD_CLIENT_RESPONSE] = message;
}

static struct slice field_value(const struct head *head, const char *name)
{
    const struct http_field *field = http_field_find(head->fields, name);
    return field == NULL ? nothing : field->value;
}

/* The view that tells more of how it was; the other where there is none. */
static const struct record_message *choose(const struct record *record, enum record_view first, enum record_view second)
{
    return record->views[first].head.length > 0 ? &record->views[first] : &record->views[second];
}

/* Equal heads are masked once and share their memory. */
bool import_mask_heads(struct import *import, struct record *record, struct error *error)
{
    struct slice before = nothing, after = nothing;
    for (int view = 0; view < RECORD_VIEW_COUNT; view++) {
        struct slice *head = &record->views[view].head;
        if (head->length == 0)
            continue;
        if (head->data != before.data) {
            struct buffer masked;
            buffer_init(&masked, head->length);
            (void)redaction_append_head(&masked, *head); /* a failure is in the buffer, and keep_buffer says so */
            before = *head;
            bool done = import_keep_buffer(import, &after, &masked, error);
            buffer_free(&masked);
            if (!done)
                return false;
        }
        *head = after;
    }
    return true;
}

static bool read_request(struct head *head, struct record *record, const char *what, struct error *error)
{
    const struct record_message *request = choose(record, RECORD_UPSTREAM_REQUEST, RECORD_CLIENT_REQUEST);
    head->fields = (struct http_fields){ .items = head->items };
    if (request->head.length > IMPORT_HEAD_MAX)
        return error_set(error, ERROR_LIMIT, "%s: the request's head is larger than %d bytes", what, IMPORT_HEAD_MAX);
    if (!http_parse_request_head(&head->method, &head->target, &head->fields, HTTP_FIELDS_MAX, request->head) ||
        !http_method_is_valid(head->method) || head->target.length == 0)
        return error_set(error, ERROR_INPUT,
                         "%s: the request's head is none: a request line, then at most %d fields `Name: value`", what,
                         HTTP_FIELDS_MAX);
    record->method = head->method;
    record->target = head->target;
    record->payload_length = http_target_query(head->target).length + request->body.length;
    return scheme_payload_sha256(record->payload_sha256, http_target_query(head->target), request->body, error);
}

/* The client's own signature: who made the example signed it, not this program. */
static void take_signature(struct record *record, const struct head *head)
{
    struct slice signature = field_value(head, SCHEME_FIELD_SIGN);
    uint64_t expires;
    if (slice_to_u64(field_value(head, SCHEME_FIELD_EXPIRES), &expires) && expires <= INT64_MAX) {
        record->expires_ms = (int64_t)expires;
        record->window = scheme_window(record->expires_ms);
    }
    if (signature.length == sizeof(record->signature))
        memcpy(record->signature, signature.data, signature.length);
    record->api_key_masked = field_value(head, SCHEME_FIELD_APIKEY); /* the head is masked already */
}

/* What this proxy said of an exchange that went through it. False where it said nothing. */
static bool take_own_verdict(struct record *record, const struct head *answer)
{
    struct slice rest = field_value(answer, "Countersign-Outcome"), word = nothing;
    if (rest.length == 0 || !slice_next_part(&rest, ' ', &word) || !record_outcome_parse(&record->outcome, word) ||
        record->outcome == RECORD_IN_FLIGHT)
        return false;
    record->error_name = field_value(answer, "Countersign-Error");
    return true;
}

static bool take_envelope(struct import *import, struct record *record, const struct head *answer, struct slice body,
                          struct error *error)
{
    static const enum record_outcome outcomes[ENVELOPE_VERDICT_COUNT] = {
        [ENVELOPE_OK] = RECORD_OK,
        [ENVELOPE_API_ERROR] = RECORD_API_ERROR,
        [ENVELOPE_HTTP_ERROR] = RECORD_HTTP_ERROR,
        [ENVELOPE_NO_CODE] = RECORD_UNKNOWN,
    };
    const struct envelope_answer asked = {
        .method = record->method,
        .target = record->target,
        .is_public = endpoint_classify(record->method, record->target) == ENDPOINT_PUBLIC,
        .status = answer->status,
        .coding = field_value(answer, "Content-Encoding"),
        .body = body,
    };
    struct envelope envelope;
    struct buffer message;
    buffer_init(&message, ENVELOPE_MAX);
    envelope_read(&envelope, &message, &asked);
    bool has_verdict = take_own_verdict(record, answer);
    if (!has_verdict)
        record->outcome = outcomes[envelope.verdict];
    if (!has_verdict && envelope.verdict == ENVELOPE_NO_CODE) {
        record->error_name = SLICE_LITERAL("no-code");
        if (record->error_message.length == 0)
            record->error_message = SLICE_LITERAL("the answer has no `code` that can be read");
    }
    message.failed = false; /* a message that is too long is left out, as in exchanges of our own */
    bool done = import_keep(import, &record->api_code, slice_of(envelope.code, envelope.code_length), error) &&
                (!envelope.has_message || import_keep_buffer(import, &record->api_message, &message, error));
    buffer_free(&message);
    return done;
}

static bool read_answer(struct import *import, struct head *head, struct record *record, const char *what,
                        struct error *error)
{
    const struct record_message *answer = choose(record, RECORD_CLIENT_RESPONSE, RECORD_UPSTREAM_RESPONSE);
    if (answer->head.length == 0) {
        record->outcome = RECORD_UNKNOWN;
        if (record->error_message.length == 0)
            record->error_message = SLICE_LITERAL("imported without an answer");
        return true;
    }
    head->fields = (struct http_fields){ .items = head->items };
    if (answer->head.length > IMPORT_HEAD_MAX)
        return error_set(error, ERROR_LIMIT, "%s: the answer's head is larger than %d bytes", what, IMPORT_HEAD_MAX);
    if (!http_parse_response_head(&head->status, &head->fields, HTTP_FIELDS_MAX, answer->head))
        return error_set(error, ERROR_INPUT,
                         "%s: the answer's head is none: a status line `HTTP/1.1 200 OK`, then at most %d fields "
                         "`Name: value`",
                         what, HTTP_FIELDS_MAX);
    record->status = head->status;
    return take_envelope(import, record, head, answer->body, error);
}

bool import_finish(struct import *import, struct record *record, const char *what, struct error *error)
{
    struct head head;
    if (!import_mask_heads(import, record, error) || !read_request(&head, record, what, error))
        return false;
    take_signature(record, &head);
    return read_answer(import, &head, record, what, error);
}
