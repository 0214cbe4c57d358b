/* See export_fixture.h. */
#include "export_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 64 << 20 };

static const char client_head[] = "POST /api/spot/accountList?ordId=11594964764657880&symbol=BTCUSDT HTTP/1.1\r\n"
                                  "Host: 127.0.0.1:8787\r\n"
                                  "Content-Type: application/json\r\n"
                                  "X-CS-APIKEY: " FIXTURE_KEY "\r\n"
                                  "X-CS-Secret: " FIXTURE_BEARER "\r\n"
                                  "Authorization: Bearer " FIXTURE_BEARER "\r\n"
                                  "Cookie: id=" FIXTURE_COOKIE "\r\n"
                                  "X-Forwarded-For: 198.51.100.77\r\n"
                                  "Content-Length: 81\r\n\r\n";
static const char upstream_head[] = "POST /api/spot/accountList?ordId=11594964764657880&symbol=BTCUSDT HTTP/1.1\r\n"
                                    "Host: api.coinstore.com\r\n"
                                    "Content-Type: application/json\r\n"
                                    "X-CS-APIKEY: " FIXTURE_KEY "\r\n"
                                    "X-CS-SIGN: " FIXTURE_SIGNATURE "\r\n"
                                    "X-CS-EXPIRES: 1770742394290\r\n"
                                    "Content-Length: 81\r\n\r\n";
static const char request_body[] =
    "{\"ordId\": 11594964764657880, \"clOrdId\":\"my-own-bot-77\", \"ordPrice\":\"9.1E-10\", \"x\":1}";
static const char response_head[] = "HTTP/1.1 200 OK\r\n"
                                    "Date: Tue, 10 Feb 2026 16:53:14 GMT\r\n"
                                    "Content-Type: application/json\r\n"
                                    "Set-Cookie: id=" FIXTURE_COOKIE "\r\n\r\n";
static const char response_body[] =
    "{\"code\":1401,\"message\":\"unauthorized: order 11594964764657880 from 203.0.113.9 of my-own-bot-77\",\"data\":["
    "{\"uid\":315,\"accountId\":1134971,\"currency\":\"USDT\",\"balance\":\"13297.94999\",\"typeName\":\"AVAILABLE\"},"
    "{\"uid\":315,\"accountId\":1134971,\"currency\":\"BTC\",\"balance\":13297.94999,\"address\":\"bc1qwhatever\","
    "\"memo\":\"778899\",\"email\":\"jane@example.net\",\"orderIds\":[11594964764657880,\"my-own-bot-77\"]}]}";

struct record fixture_record(void)
{
    const int64_t received_us = 1770742394290123; /* 2026-02-10T16:53:14.290123Z */
    struct record record = {
        .id = 17,
        .listener = SLICE_LITERAL("janes-listener"),
        .account = SLICE_LITERAL("janes-account"),
        .api_key_masked = SLICE_LITERAL("0123************************cdef"),
        .client_address = SLICE_LITERAL("192.0.2.44:50312"),
        .client_uid = 41733,
        .method = SLICE_LITERAL("POST"),
        .target = SLICE_LITERAL("/api/spot/accountList?ordId=11594964764657880&symbol=BTCUSDT"),
        .received_us = received_us,
        .connected_us = received_us + 1031,
        .signed_us = received_us + 1047,
        .sent_us = received_us + 1190,
        .first_byte_us = received_us + 73920,
        .complete_us = received_us + 74010,
        .replied_us = received_us + 74120,
        .delivered = true,
        .is_signed = true,
        .payload_length = 127,
        .expires_ms = 1770742394290,
        .window = 59024746,
        .connection = { .local_address = SLICE_LITERAL("203.0.113.9"),
                        .remote_address = SLICE_LITERAL("2001:db8::1"),
                        .local_port = 40112,
                        .remote_port = 443,
                        .ip_family = 6,
                        .tls_version = SLICE_LITERAL("TLSv1.3"),
                        .http_version = SLICE_LITERAL("HTTP/1.1") },
        .attempts = 1,
        .outcome = RECORD_API_ERROR,
        .status = 200,
        .api_code = SLICE_LITERAL("1401"),
        .api_message = SLICE_LITERAL("unauthorized: order 11594964764657880 from 203.0.113.9 of my-own-bot-77"),
    };
    memcpy(record.signature, FIXTURE_SIGNATURE, sizeof(record.signature));
    memset(record.payload_sha256, 0xab, sizeof(record.payload_sha256));
    record.views[RECORD_CLIENT_REQUEST] = (struct record_message){ slice_text(client_head), slice_text(request_body) };
    record.views[RECORD_UPSTREAM_REQUEST] =
        (struct record_message){ slice_text(upstream_head), slice_text(request_body) };
    record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ slice_text(response_head), slice_text(response_body) };
    record.views[RECORD_CLIENT_RESPONSE] = record.views[RECORD_UPSTREAM_RESPONSE];
    return record;
}

const char *fixture_export(struct buffer *out, const struct export_options *options, const struct record *record)
{
    struct export export;
    struct error error = { .kind = ERROR_NONE };
    buffer_init(out, OUT_MAX);
    bool done = export_begin(&export, options, out, &error) && export_append(&export, out, record, &error) &&
                export_end(&export, out, &error);
    export_free(&export);
    if (!done)
        fail_msg("%s", error.message);
    return buffer_text(out);
}
