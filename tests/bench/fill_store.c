/* Makes a capture store with as many exchanges as asked for, through the very ring and recorder that the proxy uses, and
 * prints at which rate the recorder kept up. The traffic is a bot's: what the mock exchange answers, in its shapes.
 *
 *   fill_store STATE_DIR EXCHANGES [RATE]     RATE: exchanges a second to offer; 0 or none: as fast as they go in
 */
#include "countersign/capture.h"
#include "countersign/clock.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TEXT_MAX = 1024, RING_SIZE = 64 << 20, REPORT_EVERY = 500000, PAUSE_NS = 200000 };

struct texts {
    char target[TEXT_MAX], client_head[TEXT_MAX], upstream_head[TEXT_MAX], response_head[TEXT_MAX],
        reply_head[TEXT_MAX];
    char request_body[TEXT_MAX], response_body[TEXT_MAX], date[64];
};

/* What a bot asks for, in turn: out of ten, three balances and lists, four orders, two cancels, one book. */
static const struct kind {
    const char *method;
    const char *target; /* with a place for a number where it changes */
    const char *request;
    const char *response;
    bool is_signed;
} kinds[] = {
    { "POST", "/api/trade/order/place",
      "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":\"65000.1\",\"ordQty\":\"0.01\","
      "\"clOrdId\":\"bot-%" PRId64 "\",\"timestamp\":1795546%06" PRId64 "}",
      "{\"code\":\"0\",\"data\":{\"ordId\":11594964%09" PRId64 "}}", true },
    { "GET", "/api/trade/order/active?symbol=BTCUSDT", "", "{\"code\":0,\"data\":[]}", true },
    { "POST", "/api/spot/accountList", "{}",
      "{\"code\":0,\"data\":[{\"uid\":315,\"accountId\":1134971,\"currency\":\"USDT\",\"balance\":\"13297.94999\","
      "\"type\":1,"
      "\"typeName\":\"AVAILABLE\"},{\"uid\":315,\"accountId\":1134971,\"currency\":\"BTC\",\"balance\":\"1.5\","
      "\"type\":1,"
      "\"typeName\":\"AVAILABLE\"}]}",
      true },
    { "POST", "/api/trade/order/cancel", "{\"symbol\":\"BTCUSDT\",\"ordId\":11594964%09" PRId64 "}",
      "{\"code\":0,\"data\":{\"clientOrderId\":\"\",\"state\":\"CANCELED\",\"ordId\":11594964%09" PRId64 "}}", true },
    { "GET", "/api/v2/trade/order/orderInfo?ordId=11594964%09" PRId64, "",
      "{\"code\":0,\"data\":{\"ordId\":11594964%09" PRId64 ",\"ordState\":\"FILLED\"}}", true },
    { "GET", "/api/v1/market/depth/BTCUSDT?depth=5", "",
      "{\"code\":0,\"data\":{\"channel\":\"5@snapshot_depth\",\"a\":[[\"65000.1\",\"0.5\",-1]],\"b\":[[\"64999.9\",\"0."
      "4\",1]],"
      "\"symbol\":\"BTCUSDT\"}}",
      false },
};
static const size_t turn[] = { 0, 1, 2, 0, 4, 3, 0, 5, 3, 0 };

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are the table's above */

static struct slice put(char *text, const char *format, int64_t a, int64_t b)
{
    int length = snprintf(text, TEXT_MAX, format, a, b);
    return slice_of(text, (size_t)length);
}

static void put_date(char *date, int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts;
    (void)strftime(date, 64, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &parts)); /* fits */
}

static void put_heads(struct record *record, struct texts *t, const struct kind *kind)
{
    struct slice body = record->views[RECORD_CLIENT_REQUEST].body,
                 answer = record->views[RECORD_UPSTREAM_RESPONSE].body;
    char length[128] = "";
    if (body.length > 0)
        (void)snprintf(length, sizeof(length), "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       body.length);
    record->views[RECORD_CLIENT_REQUEST].head =
        slice_of(t->client_head,
                 (size_t)snprintf(t->client_head, TEXT_MAX,
                                  "%s %s HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nUser-Agent: python-requests/2.32.3\r\n"
                                  "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n%s\r\n",
                                  kind->method, t->target, length));
    record->views[RECORD_UPSTREAM_REQUEST].head = slice_of(
        t->upstream_head,
        (size_t)snprintf(
            t->upstream_head, TEXT_MAX,
            "%s %s HTTP/1.1\r\nHost: api.coinstore.com\r\nUser-Agent: python-requests/2.32.3\r\n"
            "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\n%sX-CS-APIKEY: 8ccb************************ca0f\r\n"
            "X-CS-SIGN: %.64s\r\nX-CS-EXPIRES: %" PRId64 "\r\n\r\n",
            kind->method, t->target, length, record->signature, record->expires_ms));
    record->views[RECORD_UPSTREAM_RESPONSE].head =
        slice_of(t->response_head, (size_t)snprintf(t->response_head, TEXT_MAX,
                                                    "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\n"
                                                    "Content-Length: %zu\r\n\r\n",
                                                    t->date, answer.length));
    record->views[RECORD_CLIENT_RESPONSE].head =
        slice_of(t->reply_head,
                 (size_t)snprintf(
                     t->reply_head, TEXT_MAX,
                     "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\nCountersign-Exchange: %" PRId64
                     "\r\nCountersign-Outcome: %s\r\nContent-Length: %zu\r\n\r\n",
                     t->date, record->id, record_outcome_name(record->outcome), answer.length));
}

static void put_facts(struct record *record, const struct kind *kind)
{
    int64_t id = record->id;
    uint64_t noise = (uint64_t)id * 0x9E3779B97F4A7C15;
    bool fails = id % 50 == 0; /* one in fifty is refused */
    record->signed_us = kind->is_signed ? record->received_us + 90 : 0;
    record->connected_us = record->received_us + 85;
    record->sent_us = record->received_us + 300 + (int64_t)(noise % 100);
    record->first_byte_us = record->sent_us + 45000 + (int64_t)(noise % 9000);
    record->complete_us = record->first_byte_us + 30;
    record->replied_us = record->complete_us + 60;
    record->expires_ms = kind->is_signed ? record->signed_us / 1000 : 0;
    record->window = (uint64_t)record->expires_ms / 30000;
    for (size_t i = 0; kind->is_signed && i < sizeof(record->signature); i++)
        record->signature[i] = "0123456789abcdef"[(noise >> (i % 16 * 4) ^ i * 7 ^ (uint64_t)id) & 15];
    record->outcome = fails ? RECORD_API_ERROR : RECORD_OK;
    record->api_code = slice_text(fails ? "1401" : "0");
    record->api_message = slice_text(fails ? "unauthorized" : "");
}

static void make(struct record *record, struct texts *t, int64_t id, int64_t now_us)
{
    const struct kind *kind = &kinds[turn[(size_t)id % 10]];
    *record = (struct record){
        .id = id,
        .listener = slice_text("bot"),
        .account = slice_text(kind->is_signed ? "main" : ""),
        .api_key_masked = slice_text(kind->is_signed ? "8ccb************************ca0f" : ""),
        .client_address = slice_text("127.0.0.1:40762"),
        .client_uid = -1,
        .method = slice_text(kind->method),
        .target = put(t->target, kind->target, id, 0),
        .received_us = now_us,
        .delivered = true,
        .is_signed = kind->is_signed,
        .attempts = 1,
        .client_signature = RECORD_CLIENT_SIGNATURE_NONE,
        .status = 200,
        .connection = { .local_address = slice_text("192.0.2.10"),
                        .remote_address = slice_text("192.0.2.80"),
                        .local_port = 40000 + (int)(id / 10000 % 20000), /* a new connection now and then */
                        .remote_port = 443,
                        .ip_family = 4,
                        .reused = true,
                        .tls_version = slice_text("TLSv1.3"),
                        .tls_cipher = slice_text("TLS_AES_256_GCM_SHA384"),
                        .http_version = slice_text("HTTP/1.1") },
    };
    put_date(t->date, now_us);
    put_facts(record, kind);
    struct slice body = put(t->request_body, kind->request, id, id % 1000000);
    struct slice answer = put(t->response_body, kind->response, id, id);
    if (record->outcome == RECORD_API_ERROR)
        answer = put(t->response_body, "{\"code\":1401,\"message\":\"unauthorized\",\"data\":null}", 0, 0);
    record->payload_length = body.length;
    record->views[RECORD_CLIENT_REQUEST].body = record->views[RECORD_UPSTREAM_REQUEST].body = body;
    record->views[RECORD_UPSTREAM_RESPONSE].body = record->views[RECORD_CLIENT_RESPONSE].body = answer;
    put_heads(record, t, kind);
}

static void pause_a_moment(void)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
}

static bool journal_one(struct journal *journal, const struct record *record, uint64_t *waits)
{
    const struct record_message *request = &record->views[RECORD_CLIENT_REQUEST];
    while (!journal_admit(journal, request->head.length + request->body.length)) {
        (*waits)++;
        pause_a_moment();
    }
    if (!journal_intent(journal, record) || !journal_outcome(journal, record))
        return false;
    journal_replied(journal, record->id, record->replied_us, true);
    return true;
}

static double processor_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail with these arguments */
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* A bot's past: the exchanges are spread over the last weeks, 250 ms apart. */
static bool fill(struct capture *capture, int64_t count, int64_t rate, uint64_t *waits)
{
    struct journal *journal = capture_journal(capture, 0);
    struct texts *texts = calloc(1, sizeof(*texts));
    int64_t begun_us = clock_monotonic_us(), now_us = clock_wall_us() - count * 250000;
    bool done = texts != NULL;
    for (int64_t i = 0; done && i < count; i++) {
        struct record record;
        make(&record, texts, capture_next_id(capture), now_us + i * 250000);
        while (rate > 0 && (clock_monotonic_us() - begun_us) * rate < i * 1000000)
            pause_a_moment();
        done = journal_one(journal, &record, waits);
        if (i % REPORT_EVERY == REPORT_EVERY - 1)
            (void)fprintf(stderr, "  %" PRId64 " exchanges, %.0f/s\n", i + 1,
                          (double)(i + 1) * 1e6 / (double)(clock_monotonic_us() - begun_us)); /* a remark */
    }
    free(texts);
    return done;
}

int main(int argc, char **argv)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct error error;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: fill_store STATE_DIR EXCHANGES [RATE]\n"); /* all there is to say */
        return 2;
    }
    const struct capture_options options = { .state_dir = argv[1], .workers = 1, .ring_size = RING_SIZE };
    int64_t count = strtoll(argv[2], NULL, 10), rate = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    if (!capture_open(&capture, &options, &recovery, &error)) {
        (void)fprintf(stderr, "fill_store: %s\n", error.message); /* likewise */
        return 3;
    }
    uint64_t waits = 0;
    int64_t begun_us = clock_monotonic_us();
    double processor = processor_seconds();
    bool done = fill(capture, count, rate, &waits);
    capture_close(capture);
    double seconds = (double)(clock_monotonic_us() - begun_us) / 1e6;
    (void)printf("%" PRId64 " exchanges in %.1f s: %.0f/s, %.1f us of processor time each (maker, ring and recorder), "
                 "%" PRIu64 " waits for room\n",
                 count, seconds, (double)count / seconds, (processor_seconds() - processor) * 1e6 / (double)count,
                 waits); /* whoever reads it sees a failure */
    return done ? 0 : 3;
}
