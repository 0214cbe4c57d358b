/* A signature's steps, for people and for machines. Neither the secret nor the window's key is handed to this file. */
#include "sign.h"

#include "countersign/clock.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"
#include "countersign/json_write.h"
#include "countersign/secret.h"
#include "terminal.h"

#include <string.h>

enum { SIGN_SHOWN_PAYLOAD = 200, SIGN_SHOWN_TARGET = 1024 }; /* bytes */

static void append_api_key(struct buffer *out, struct slice api_key, bool show_key)
{
    char *room = buffer_reserve(out, api_key.length);
    if (room == NULL)
        return; /* out->failed is set */
    if (show_key)
        memcpy(room, api_key.data, api_key.length);
    else
        secret_mask(room, api_key);
    buffer_commit(out, api_key.length);
}

static void append_sha256(struct buffer *out, const struct sign_result *result)
{
    char text[2 * SCHEME_SHA256_LENGTH];
    hex_encode(text, result->payload_sha256, sizeof(result->payload_sha256));
    buffer_append(out, text, sizeof(text));
}

static void append_payload_start(struct buffer *out, const struct sign_request *request)
{
    struct buffer start;
    buffer_init(&start, SIGN_SHOWN_PAYLOAD);
    struct slice query = slice_first(http_target_query(request->target), SIGN_SHOWN_PAYLOAD);
    buffer_append_slice(&start, query);
    buffer_append_slice(&start, slice_first(request->body, SIGN_SHOWN_PAYLOAD - query.length));
    terminal_append_escaped(out, buffer_slice(&start), TERMINAL_ONE_LINE);
    out->failed = out->failed || start.failed;
    buffer_free(&start);
}

static void append_payload(struct buffer *out, const struct sign_request *request, const struct sign_result *result)
{
    buffer_append_format(out, "payload    %zu bytes, query then body, SHA-256 ", result->payload_length);
    append_sha256(out, result);
    if (result->payload_length > 0) {
        buffer_append_text(out, "\n           ");
        append_payload_start(out, request);
    }
    if (result->payload_length > SIGN_SHOWN_PAYLOAD)
        buffer_append_format(out, " ... (%zu bytes more)", result->payload_length - SIGN_SHOWN_PAYLOAD);
    buffer_append_byte(out, '\n');
}

static void append_headers(struct buffer *out, const struct sign_result *result, bool show_key)
{
    buffer_append_text(out, "\n" SCHEME_FIELD_APIKEY ": ");
    append_api_key(out, result->api_key, show_key);
    buffer_append_format(out, "\n" SCHEME_FIELD_SIGN ": %.*s\n", SCHEME_SIGNATURE_LENGTH, result->signature);
    buffer_append_format(out, SCHEME_FIELD_EXPIRES ": %lld\n", (long long)result->expires_ms);
}

void sign_append_hint(struct buffer *out)
{
    buffer_append_text(out, "\nThe API key is masked: --show-key shows it, --curl gives a command to send this.\n");
}

void sign_append_steps(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                       bool show_key)
{
    char time[CLOCK_TEXT_MAX];
    buffer_append_format(out, "account    %s\nrequest    ", request->account);
    buffer_append_slice(out, request->method);
    buffer_append_byte(out, ' ');
    terminal_append_escaped(out, slice_first(request->target, SIGN_SHOWN_TARGET), TERMINAL_ONE_LINE);
    buffer_append_text(out, request->target.length > SIGN_SHOWN_TARGET ? " ...\n" : "\n");
    if (request->body_added)
        buffer_append_text(out, "body       {} is sent, as the proxy does for a POST without a body\n");
    append_payload(out, request, result);
    buffer_append_format(out, "expires    %lld ms, %s\n", (long long)result->expires_ms,
                         clock_format_utc(time, result->expires_ms * 1000));
    buffer_append_format(out, "window     %llu = floor(%lld / %d)\n", (unsigned long long)result->window,
                         (long long)result->expires_ms, SCHEME_WINDOW_MS);
    buffer_append_format(out, "window key hex(HMAC-SHA256(secret, \"%llu\")), not shown\n",
                         (unsigned long long)result->window);
    buffer_append_format(out, "signature  %.*s = hex(HMAC-SHA256(window key, payload))\n", SCHEME_SIGNATURE_LENGTH,
                         result->signature);
    append_headers(out, result, show_key);
}

void sign_append_json(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                      bool show_key)
{
    buffer_append_format(out, "{\"account\":\"%s\",\"method\":", request->account); /* letters, digits, - and _ */
    json_append_string(out, request->method);
    buffer_append_text(out, ",\"target\":");
    json_append_string(out, request->target);
    buffer_append_format(out, ",\"body_added\":%s,\"payload_length\":%zu,\"payload_sha256\":\"",
                         request->body_added ? "true" : "false", result->payload_length);
    append_sha256(out, result);
    buffer_append_format(out, "\",\"expires_ms\":%lld,\"window\":%llu,\"signature\":\"%.*s\"",
                         (long long)result->expires_ms, (unsigned long long)result->window, SCHEME_SIGNATURE_LENGTH,
                         result->signature);
    buffer_append_text(out, ",\"headers\":{\"" SCHEME_FIELD_APIKEY "\":");
    struct buffer api_key;
    buffer_init(&api_key, result->api_key.length);
    append_api_key(&api_key, result->api_key, show_key);
    json_append_string(out, buffer_slice(&api_key));
    out->failed = out->failed || api_key.failed;
    buffer_free(&api_key);
    buffer_append_format(out, ",\"" SCHEME_FIELD_SIGN "\":\"%.*s\",\"" SCHEME_FIELD_EXPIRES "\":\"%lld\"}}\n",
                         SCHEME_SIGNATURE_LENGTH, result->signature, (long long)result->expires_ms);
}
