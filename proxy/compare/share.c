/* A record in tokens: which fact is rewritten by which rule. Owns its share's memory; one thread. */
#include "countersign/share.h"

#include "share_private.h"

#include "countersign/compiler.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 32, DECODED_MAX = 256 << 20 };

/* The bytes grow, and move, while a record is rewritten: slices are set at the end. */
struct part {
    struct slice *slice;
    size_t begin;
    size_t end;
};

struct rewriting {
    struct share *share;
    struct part parts[PARTS_MAX];
    size_t count;
};

bool share_create(struct share **share, struct error *error)
{
    struct share *made = calloc(1, sizeof(*made));
    *share = made;
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    buffer_init(&made->texts, SHARE_TEXT_MAX);
    buffer_init(&made->bytes, SHARE_RECORD_MAX);
    buffer_init(&made->decoded, DECODED_MAX);
    buffer_init(&made->plain, SHARE_RECORD_MAX);
    return true;
}

void share_free(struct share *share)
{
    if (share == NULL)
        return;
    free(share->slots);
    buffer_free(&share->texts);
    buffer_free(&share->bytes);
    buffer_free(&share->decoded);
    buffer_free(&share->plain);
    free(share);
}

static void begin_part(struct rewriting *work, struct slice *slice)
{
    work->parts[work->count] = (struct part){ .slice = slice, .begin = work->share->bytes.length };
}

static void end_part(struct rewriting *work)
{
    work->parts[work->count++].end = work->share->bytes.length;
}

static void append_label(struct buffer *out, struct share *share, struct slice text)
{
    share_append_token(out, share, SHARE_LABEL, text);
}

static void append_key(struct buffer *out, struct share *share, struct slice text)
{
    share_append_token(out, share, SHARE_KEY, text);
}

static void append_code(struct buffer *out, struct share *share, struct slice text)
{
    if (share_stays(share, SHARE_WORD, text))
        buffer_append_slice(out, text);
    else
        share_append_token(out, share, SHARE_VALUE, text);
}

static void append_form(struct buffer *out, struct share *share, struct slice text, share_form *form)
{
    if (form(share, text))
        buffer_append_slice(out, text);
    else
        share_append_token(out, share, SHARE_VALUE, text);
}

static void append_error(struct buffer *out, struct share *share, struct slice text)
{
    append_form(out, share, text, share_is_error);
}

static void append_tls_version(struct buffer *out, struct share *share, struct slice text)
{
    append_form(out, share, text, share_is_tls_version);
}

static void append_cipher(struct buffer *out, struct share *share, struct slice text)
{
    append_form(out, share, text, share_is_cipher);
}

static void append_http_version(struct buffer *out, struct share *share, struct slice text)
{
    append_form(out, share, text, share_is_http_version);
}

/* What is no text stays: outcome, status, times, ports. */
static const struct {
    size_t offset;
    void (*append)(struct buffer *out, struct share *share, struct slice text);
} texts[] = {
    { offsetof(struct record, listener), append_label },
    { offsetof(struct record, account), append_label },
    { offsetof(struct record, api_key_masked), append_key },
    { offsetof(struct record, client_address), share_append_endpoint },
    { offsetof(struct record, connection.local_address), share_append_endpoint },
    { offsetof(struct record, connection.remote_address), share_append_endpoint },
    { offsetof(struct record, connection.tls_version), append_tls_version },
    { offsetof(struct record, connection.tls_cipher), append_cipher },
    { offsetof(struct record, connection.http_version), append_http_version },
    { offsetof(struct record, error_name), append_error },
    { offsetof(struct record, method), share_append_method },
    { offsetof(struct record, target), share_append_target },
    { offsetof(struct record, error_message), share_append_text },
    { offsetof(struct record, api_code), append_code },
    { offsetof(struct record, api_message), share_append_text },
};

static void rewrite_texts(struct rewriting *work, struct record *shared)
{
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct slice *slice = (struct slice *)(void *)((char *)shared + texts[i].offset);
        begin_part(work, slice);
        if (slice->length > 0)
            texts[i].append(&work->share->bytes, work->share, *slice);
        end_part(work);
    }
}

static struct slice coding_of(struct slice head)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice method, target;
    int status;
    const struct http_field *coding = NULL;
    if (http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, head) ||
        http_parse_request_head(&method, &target, &fields, HTTP_FIELDS_MAX, head))
        coding = http_field_find(fields, "Content-Encoding");
    return coding != NULL ? coding->value : slice_of(NULL, 0);
}

static bool rewrite_view(struct rewriting *work, struct record_message *message)
{
    struct share *share = work->share;
    struct slice coding = coding_of(message->head);
    begin_part(work, &message->head);
    if (!share_append_head(&share->bytes, share, message->head))
        return false;
    end_part(work);
    begin_part(work, &message->body);
    if (!share_append_body(&share->bytes, share, coding, message->body))
        return false;
    end_part(work);
    return true;
}

static void rewrite_signing(struct share *share, struct record *shared)
{
    enum share_kind seen_as;
    char hash[2 * sizeof(shared->payload_sha256)], number[sizeof(shared->signature) + 1];
    if (!shared->is_signed)
        return;
    hex_encode(hash, shared->payload_sha256, sizeof(shared->payload_sha256));
    uint64_t digest = share_number(share, SHARE_DIGEST, slice_of(hash, sizeof(hash)), &seen_as);
    memset(shared->payload_sha256, 0, sizeof(shared->payload_sha256));
    for (size_t i = sizeof(shared->payload_sha256); digest > 0; digest >>= 8)
        shared->payload_sha256[--i] = (unsigned char)digest;
    struct slice signature = slice_of(shared->signature, sizeof(shared->signature));
    (void)snprintf(number, sizeof(number), "%0*llu", (int)sizeof(shared->signature), /* fits */
                   (unsigned long long)share_number(share, SHARE_SIGNATURE, signature, &seen_as));
    memcpy(shared->signature, number, sizeof(shared->signature));
}

static void rewrite_uid(struct share *share, struct record *shared)
{
    char text[32];
    enum share_kind seen_as;
    if (shared->client_uid < 0)
        return;
    int length = snprintf(text, sizeof(text), "uid %lld", (long long)shared->client_uid); /* fits */
    shared->client_uid = (int64_t)share_number(share, SHARE_VALUE, slice_of(text, (size_t)length), &seen_as);
}

static bool rewrite(struct rewriting *work, struct record *shared)
{
    work->count = 0;
    buffer_reset(&work->share->bytes);
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) {
        if (!rewrite_view(work, &shared->views[i]))
            return false;
    }
    rewrite_texts(work, shared);
    rewrite_signing(work->share, shared);
    rewrite_uid(work->share, shared);
    return !work->share->failed && !work->share->bytes.failed;
}

/* Until nothing is learned any more: a message or a path may hold a word before the member does that tells what it is. The
 * first pass leaves out messages, the second learns what they alone hold, and the third has nothing left to learn. */
static bool rewrite_knowingly(struct rewriting *work, struct record *shared, const struct record *record)
{
    size_t known;
    *shared = *record;
    work->share->learns = true;
    bool done = rewrite(work, shared);
    work->share->learns = false;
    do {
        *shared = *record;
        known = work->share->count;
        done = done && rewrite(work, shared);
    } while (done && work->share->count != known);
    return done;
}

bool share_record(struct record *shared, struct share *share, const struct record *record, struct error *error)
{
    struct rewriting work = { .share = share };
    if (!rewrite_knowingly(&work, shared, record)) {
        *shared = (struct record){ .client_uid = -1 };
        return error_set(error, ERROR_LIMIT, "too much to keep equal things equal: share fewer exchanges at once");
    }
    for (size_t i = 0; i < work.count; i++) {
        const struct part *part = &work.parts[i];
        *part->slice = slice_of(share->bytes.data + part->begin, part->end - part->begin);
    }
    return true;
}
