/* HAR files as browsers, proxies and this program write them. */
#include "import_harness.h"

/* As Chrome writes it: HTTP/2 pseudo fields, a field joined by a line feed, times with a fraction, IPv6 in brackets. */
static const char chrome[] =
    "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"WebInspector\",\"version\":\"537.36\"},\"pages\":[],"
    "\"entries\":[{\"_connectionId\":\"7\",\"_initiator\":{\"type\":\"script\"},\"_priority\":\"High\",\"cache\":{},"
    "\"connection\":\"443\",\"request\":{\"method\":\"POST\",\"url\":\"https://api.coinstore.com/api/trade/order/"
    "place?a=%20b#top\",\"httpVersion\":\"http/2.0\",\"headers\":[{\"name\":\":authority\",\"value\":"
    "\"api.coinstore.com\"},{\"name\":\":method\",\"value\":\"POST\"},{\"name\":\":path\",\"value\":\"/x\"},"
    "{\"name\":\"content-type\",\"value\":\"application/json\"},{\"name\":\"cookie\",\"value\":\"token=abc\"},"
    "{\"name\":\"x-cs-apikey\",\"value\":\"0123456789abcdef0123456789abcdef\"},{\"name\":\"x-cs-expires\","
    "\"value\":\"1770742394290\"},{\"name\":\"x-cs-sign\",\"value\":"
    "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}],\"queryString\":[],\"cookies\":[],"
    "\"headersSize\":-1,\"bodySize\":9,\"postData\":{\"mimeType\":\"application/json\",\"text\":\"{\\\"q\\\":1.0}\"}},"
    "\"response\":{\"status\":200,\"statusText\":\"\",\"httpVersion\":\"http/2.0\",\"headers\":[{\"name\":"
    "\"content-encoding\",\"value\":\"br\"},{\"name\":\"content-length\",\"value\":\"20\"},{\"name\":\"set-cookie\","
    "\"value\":\"a=1\\nb=2\"},{\"name\":\"server\",\"value\":\"x\"}],\"cookies\":[],\"content\":{\"size\":39,"
    "\"mimeType\":\"application/json\",\"text\":\"{\\\"code\\\":1401,\\\"message\\\":\\\"unauthorized\\\"}\"},"
    "\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1,\"_transferSize\":180,\"_error\":null},"
    "\"serverIPAddress\":\"[2606:4700::1]\",\"startedDateTime\":\"2026-02-10T16:53:14.290Z\",\"time\":106.5,"
    "\"timings\":{\"blocked\":1.5,\"dns\":2,\"ssl\":20,\"connect\":30,\"send\":0.25,\"wait\":60.1234,\"receive\":"
    "1.0e1,\"_blocked_queueing\":0.5}}]}}";

static void an_exchange_that_chrome_saw(void **state)
{
    (void)state;
    struct import *import = read_text(chrome);
    assert_int_equal(import->format, IMPORT_HAR);
    assert_int_equal(import->count, 1);
    const struct record *record = &import->records[0];
    assert_request(record,
                   "POST /api/trade/order/place?a=%20b HTTP/2\r\nHost: api.coinstore.com\r\n"
                   "content-type: application/json\r\ncookie: *********\r\n"
                   "x-cs-apikey: 0123************************cdef\r\nx-cs-expires: 1770742394290\r\n"
                   "x-cs-sign: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\r\n\r\n",
                   "{\"q\":1.0}");
    assert_answer(record, "HTTP/2 200 \r\nset-cookie: ***\r\nset-cookie: ***\r\nserver: x\r\n\r\n",
                  "{\"code\":1401,\"message\":\"unauthorized\"}");
    assert_slice(record->method, "POST");
    assert_slice(record->target, "/api/trade/order/place?a=%20b");
    assert_slice(record->api_key_masked, "0123************************cdef");
    assert_slice(record->api_code, "1401");
    assert_slice(record->api_message, "unauthorized");
    assert_slice(record->connection.remote_address, "2606:4700::1");
    assert_slice(record->connection.http_version, "HTTP/2");
    import_free(import);
}

static void its_times_and_its_signature(void **state)
{
    (void)state;
    struct import *import = read_text(chrome);
    const struct record *record = &import->records[0];
    const int64_t begun = 1770742394290000;
    assert_int_equal(record->received_us, begun);
    assert_int_equal(record->connected_us, begun + 33500);
    assert_int_equal(record->sent_us, begun + 33750);
    assert_int_equal(record->first_byte_us, begun + 93873);
    assert_int_equal(record->complete_us, begun + 103873);
    assert_int_equal(record->status, 200);
    assert_int_equal(record->outcome, RECORD_API_ERROR);
    assert_int_equal(record->connection.ip_family, 6);
    assert_int_equal(record->expires_ms, 1770742394290);
    assert_int_equal(record->window, 1770742394290 / 30000);
    assert_memory_equal(record->signature, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 64);
    assert_int_equal(record->payload_length, 15);
    assert_false(record->is_signed);
    assert_int_equal(record->client_uid, -1);
    assert_int_equal(record->id, 0);
    import_free(import);
}

/* As Firefox writes it: Host among the fields, local offset, a body in base64, IPv4, a reused connection. */
static void an_exchange_that_firefox_saw(void **state)
{
    (void)state;
    struct import *import = read_text(
        "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Firefox\",\"version\":\"128.0\"},\"entries\":[{"
        "\"startedDateTime\":\"2026-02-10T17:53:14.290+01:00\",\"request\":{\"bodySize\":0,\"method\":\"GET\","
        "\"url\":\"https://api.coinstore.com/api/v1/ticker/price;symbol=btcusdt\",\"httpVersion\":\"HTTP/1.1\","
        "\"headers\":[{\"name\":\"Accept\",\"value\":\"*/*\"},{\"name\":\"Host\",\"value\":\"api.coinstore.com\"}],"
        "\"cookies\":[],\"queryString\":[],\"headersSize\":300},\"response\":{\"status\":200,\"statusText\":\"OK\","
        "\"httpVersion\":\"HTTP/1.1\",\"headers\":[{\"name\":\"Content-Length\",\"value\":\"3\"}],\"content\":{"
        "\"mimeType\":\"x\",\"size\":3,\"encoding\":\"base64\",\"text\":\"AP+A\"}},\"timings\":{\"blocked\":0,\"dns\":"
        "-1,\"connect\":-1,\"ssl\":-1,\"send\":0,\"wait\":5,\"receive\":0},\"time\":5,\"serverIPAddress\":"
        "\"104.18.0.1\",\"_remotePort\":443}]}}");
    const struct record *record = &import->records[0];
    assert_request(record,
                   "GET /api/v1/ticker/price;symbol=btcusdt HTTP/1.1\r\nAccept: */*\r\nHost: api.coinstore.com\r\n\r\n",
                   "");
    assert_slice(record->views[RECORD_CLIENT_RESPONSE].head, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    assert_true(slice_equal(record->views[RECORD_CLIENT_RESPONSE].body, slice_of("\x00\xff\x80", 3)));
    assert_int_equal(record->received_us, 1770742394290000);
    assert_int_equal(record->connected_us, 0);
    assert_true(record->connection.reused);
    assert_int_equal(record->connection.ip_family, 4);
    assert_int_equal(record->connection.remote_port, 443);
    assert_int_equal(record->outcome, RECORD_OK);
    import_free(import);
}

/* What mitmproxy and small tools leave: no httpVersion, no Host, no timings. */
static void a_minimal_har_gets_host_from_the_url(void **state)
{
    (void)state;
    struct import *import = read_text(
        "\xEF\xBB\xBF {\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"http://localhost:8787?x=1\"}}]"
        "}}");
    const struct record *record = &import->records[0];
    assert_request(record, "GET /?x=1 HTTP/1.1\r\nHost: localhost:8787\r\n\r\n", "");
    assert_int_equal(record->views[RECORD_CLIENT_RESPONSE].head.length, 0);
    assert_int_equal(record->outcome, RECORD_UNKNOWN);
    assert_slice(record->error_message, "imported without an answer");
    assert_int_equal(record->received_us, 0);
    import_free(import);
}

#define ENTRY(request, response)                                                                                       \
    "{\"log\":{\"entries\":[{\"request\":{\"method\":\"POST\",\"url\":\"https://h/p\"" request                         \
    "},\"response\":" response "}]}}"

static void what_no_answer_came_to_says_why(void **state)
{
    (void)state;
    struct import *import = read_text(ENTRY("", "{\"status\":0,\"_error\":\"net::ERR_TIMED_OUT\"}"));
    assert_int_equal(import->records[0].outcome, RECORD_UNKNOWN);
    assert_slice(import->records[0].error_message, "net::ERR_TIMED_OUT");
    assert_int_equal(import->records[0].status, 0);
    import_free(import);
    import = read_text(ENTRY("", "{\"status\":200,\"content\":{\"size\":5}}"));
    assert_int_equal(import->records[0].outcome, RECORD_UNKNOWN);
    assert_slice(import->records[0].error_message, "the file does not have the answer's body");
    import_free(import);
}

static void an_answer_that_went_through_this_proxy_keeps_its_verdict(void **state)
{
    (void)state;
    struct import *import = read_text(
        ENTRY("", "{\"status\":403,\"statusText\":\"Forbidden\",\"headers\":[{\"name\":\"Countersign-Outcome\","
                  "\"value\":\"refused\"},{\"name\":\"Countersign-Error\",\"value\":\"policy\"}],\"content\":{\"text\":"
                  "\"{\\\"code\\\":403,\\\"message\\\":\\\"countersign: no\\\"}\"}}"));
    assert_int_equal(import->records[0].outcome, RECORD_REFUSED);
    assert_slice(import->records[0].error_name, "policy");
    import_free(import);
}

static void entries_that_are_no_request_over_http_are_left_out_and_counted(void **state)
{
    (void)state;
    struct import *import = read_text(
        "{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"data:image/png;base64,AA\"}},"
        "{\"request\":{\"method\":\"POST\",\"url\":\"https://h/form\",\"postData\":{\"params\":[{\"name\":\"a\"}]}}},"
        "{\"request\":{\"method\":\"GET\",\"url\":\"https://h/\"}}]}}");
    assert_int_equal(import->count, 1);
    assert_int_equal(import->left_out, 2);
    assert_string_equal(import->reason, "entry 1: its URL is not one of http or https");
    import_free(import);
    assert_refused("{\"log\":{\"entries\":[{\"request\":{\"method\":\"POST\",\"url\":\"https://h/\",\"postData\":"
                   "{\"params\":[{\"name\":\"a\"}]}}}]}}",
                   "no entry can be compared; entry 1: the file has the form's fields, not the body's bytes");
}

/* --- this program's own --- */

#define OWN(facts, views)                                                                                              \
    "{\"log\":{\"entries\":[{\"request\":{},\"_countersign\":{\"id\":17,\"listener\":\"bot\",\"account\":\"main\","    \
    "\"apiKeyMasked\":\"0123****cdef\",\"client\":{\"address\":\"127.0.0.1:5\",\"uid\":1000},\"method\":\"POST\","     \
    "\"target\":\"/api/x?y=1\"" facts ",\"views\":{" views "}}}]}}"

static void every_fact_and_view_of_our_own_export_comes_back(void **state)
{
    (void)state;
    struct import *import = read_text(OWN(
        ",\"outcome\":\"api_error\",\"status\":200,\"apiCode\":\"3005\",\"apiMessage\":\"signature error\",\"error\":"
        "null,\"errorMessage\":null,\"times\":{\"received\":\"2026-02-10T16:53:14.290Z\",\"receivedUs\":11,"
        "\"connectedUs\":null,\"signedUs\":12,\"sentUs\":13,\"firstByteUs\":14,\"completeUs\":15,\"repliedUs\":16},"
        "\"delivered\":true,\"clientSignature\":\"other_key\",\"signing\":{\"payloadLength\":5,\"payloadSha256\":"
        "\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff\",\"expiresMs\":60001,\"window\":2,"
        "\"signature\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"},\"attempts\":2,"
        "\"connection\":{\"localAddress\":\"10.0.0.1\",\"localPort\":5,\"remoteAddress\":\"10.0.0.2\",\"remotePort\":"
        "443,\"ipFamily\":4,\"reused\":true,\"tlsVersion\":\"TLSv1.3\",\"tlsCipher\":\"C\",\"httpVersion\":"
        "\"HTTP/1.1\"}",
        "\"clientRequest\":{\"head\":\"POST /api/x?y=1 HTTP/1.1\\r\\nX-CS-APIKEY: 0123456789abcdef\\r\\n\\r\\n\","
        "\"bodyLength\":2,\"body\":\"{}\",\"bodyEncoding\":\"text\"},\"upstreamRequest\":{\"head\":\"POST /api/x?y=1 "
        "HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n\",\"body\":\"{}\",\"bodyEncoding\":\"text\"},\"upstreamResponse\":{\"head\":"
        "\"HTTP/1.1 200 OK\\r\\n\\r\\n\",\"body\":\"AP8=\",\"bodyEncoding\":\"base64\"},\"clientResponse\":null"));
    const struct record *record = &import->records[0];
    assert_slice(record->listener, "bot");
    assert_slice(record->account, "main");
    assert_slice(record->client_address, "127.0.0.1:5");
    assert_int_equal(record->client_uid, 1000);
    assert_slice(record->target, "/api/x?y=1");
    assert_slice(record->api_key_masked, "0123****cdef");
    assert_int_equal(record->outcome, RECORD_API_ERROR);
    assert_int_equal(record->status, 200);
    assert_slice(record->api_code, "3005");
    assert_slice(record->api_message, "signature error");
    assert_int_equal(record->error_name.length, 0);
    assert_int_equal(record->received_us, 11);
    assert_int_equal(record->connected_us, 0);
    assert_int_equal(record->signed_us, 12);
    assert_int_equal(record->replied_us, 16);
    assert_true(record->delivered);
    assert_true(record->is_signed);
    assert_int_equal(record->payload_length, 5);
    assert_int_equal(record->payload_sha256[31], 0xff);
    assert_int_equal(record->expires_ms, 60001);
    assert_int_equal(record->window, 2);
    assert_memory_equal(record->signature, "00112233", 8);
    assert_int_equal(record->attempts, 2);
    assert_int_equal(record->client_signature, RECORD_CLIENT_SIGNATURE_OTHER_KEY);
    assert_slice(record->connection.local_address, "10.0.0.1");
    assert_int_equal(record->connection.remote_port, 443);
    assert_slice(record->connection.tls_version, "TLSv1.3");
    assert_slice(record->views[RECORD_CLIENT_REQUEST].head,
                 "POST /api/x?y=1 HTTP/1.1\r\nX-CS-APIKEY: 0123********cdef\r\n\r\n");
    assert_slice(record->views[RECORD_UPSTREAM_REQUEST].head, "POST /api/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(slice_equal(record->views[RECORD_UPSTREAM_RESPONSE].body, slice_of("\0\xff", 2)));
    assert_int_equal(record->views[RECORD_CLIENT_RESPONSE].head.length, 0);
    import_free(import);
}

static void what_our_own_export_says_is_not_known_stays_so(void **state)
{
    (void)state;
    struct import *import = read_text(
        "{\"log\":{\"entries\":[{\"_countersign\":{\"apiKeyMasked\":\"0123456789abcdef\",\"method\":\"POST\","
        "\"target\":"
        "\"/p\",\"outcome\":\"refused\",\"status\":403,\"apiCode\":null,\"error\":\"policy\",\"connection\":null,"
        "\"signing\":null,\"views\":{\"clientResponse\":{\"head\":\"HTTP/1.1 403 Forbidden\\r\\n\\r\\n\",\"body\":"
        "\"{\\\"code\\\":403}\"}}}}]}}");
    const struct record *record = &import->records[0];
    assert_int_equal(record->api_code.length, 0);
    assert_int_equal(record->outcome, RECORD_REFUSED);
    assert_slice(record->error_name, "policy");
    assert_slice(record->api_key_masked, "0123********cdef");
    assert_false(record->is_signed);
    assert_slice(record->views[RECORD_CLIENT_RESPONSE].body, "{\"code\":403}");
    import_free(import);
}

static void what_is_wrong_with_our_own_export_is_named(void **state)
{
    (void)state;
    assert_refused(OWN(",\"status\":\"200\"", ""), "entry 1: _countersign: `status` has a value of another kind");
    assert_refused(OWN(",\"outcome\":\"fine\"", ""), "entry 1: _countersign: `outcome` has a value of another kind");
    assert_refused(OWN(",\"signing\":{\"signature\":\"short\"}", ""),
                   "entry 1: _countersign: `signature` has a value of another kind");
    assert_refused(OWN(",\"status\":99999999999", ""), "entry 1: _countersign: `status` has a value of another kind");
    assert_refused(OWN(",\"times\":{\"sentUs\":1.5}", ""),
                   "entry 1: _countersign: `sentUs` has a value of another kind");
    assert_refused(OWN("", "\"clientRequest\":{\"head\":\"x\",\"body\":\"%\",\"bodyEncoding\":\"base64\"}"),
                   "entry 1: _countersign, a body: a text is no base64");
    assert_refused("{\"log\":{\"entries\":[{\"_countersign\":{}}]}}", "entry 1: _countersign has no object `views`");
    assert_refused("{\"log\":{\"entries\":[{\"_countersign\":{\"views\":{}}}]}}",
                   "entry 1: _countersign has no `method` and `target`");
}

/* --- bad input --- */

static void what_is_no_har_is_said_where(void **state)
{
    (void)state;
    assert_refused_as("  \n", IMPORT_HAR, "nothing is in it but blanks");
    assert_refused("{\"log\":\n {\"entries\":[}]}",
                   "line 2, byte 14: this is no JSON, and a HAR file is JSON of at most 64 levels");
    assert_refused_as("<html>", IMPORT_HAR,
                      "line 1, byte 1: this is no JSON, and a HAR file is JSON of at most 64 levels");
    assert_refused("{\"code\":0}", "this is JSON but no HAR: it is no object with an object `log`");
    assert_refused("{\"log\":{\"entries\":{}}}", "this is JSON but no HAR: its `log` has no array `entries`");
    assert_refused("{\"log\":{\"entries\":[]}}", "the HAR has no entries");
    assert_refused(
        "hello\x1b[31m there",
        "line 1 (of 16 bytes, not shown, as it may be a secret) begins no HAR ({), no curl command (curl) and "
        "no .http file (a request line or ###; without HTTP/1.1 at its end with GET, POST, PUT, DELETE, "
        "PATCH, HEAD or OPTIONS)");
}

static void what_is_wrong_in_an_entry_is_named_with_its_number(void **state)
{
    (void)state;
    assert_refused("{\"log\":{\"entries\":[1]}}", "entry 1: it is no object");
    assert_refused("{\"log\":{\"entries\":[{}]}}", "entry 1: it has no object `request`");
    assert_refused("{\"log\":{\"entries\":[{\"request\":{\"url\":\"https://h/\"}}]}}",
                   "entry 1: request: strings `method` and `url` are needed");
    assert_refused("{\"log\":{\"entries\":[{\"request\":{\"method\":\"A B\",\"url\":\"https://h/\"}}]}}",
                   "entry 1: request: its method is none (a token of at most 32 letters)");
    assert_refused("{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"https://h/a b\"}}]}}",
                   "entry 1: request: its URL has a blank or a control byte in it");
    assert_refused("{\"log\":{\"entries\":[{\"startedDateTime\":\"yesterday\",\"request\":{\"method\":\"GET\",\"url\":"
                   "\"https://h/\"}}]}}",
                   "entry 1: startedDateTime is no time as in 2026-02-10T16:53:14.290Z, with Z or an offset");
    assert_refused(ENTRY(",\"headers\":[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\"}]", "{}"),
                   "entry 1: request: headers, element 2: it is no object with strings `name` and `value`");
    assert_refused(ENTRY(",\"headers\":[{\"name\":\"a b\",\"value\":\"1\"}]", "{}"),
                   "entry 1: request: headers, element 1: a field's name is no token (RFC 9110 5.1)");
    assert_refused(ENTRY(",\"headers\":[{\"name\":\"a\",\"value\":\"1\\rX: y\"}]", "{}"),
                   "entry 1: request: headers, element 1: a field's value has a CR or a NUL in it");
    assert_refused(ENTRY(",\"postData\":{\"text\":\"=\",\"encoding\":\"base64\"}", "{}"),
                   "entry 1: request: the body is no base64");
    assert_refused(ENTRY(",\"postData\":{\"text\":\"a\",\"encoding\":\"hex\"}", "{}"),
                   "entry 1: request: the body's encoding is not base64, which is the only one");
    assert_refused(ENTRY(",\"postData\":{\"text\":\"\\ud800\"}", "{}"),
                   "entry 1: request: the body: a string is no Unicode (half of a surrogate pair)");
    assert_refused(ENTRY("", "{\"status\":\"200\"}"),
                   "entry 1: response: status is no number from 100 to 999, nor 0 for none");
    assert_refused(ENTRY("", "{\"status\":200,\"statusText\":\"O\\nK\"}"),
                   "entry 1: response: statusText has a line end or a NUL in it");
}

static void more_fields_than_a_head_may_have_are_refused(void **state)
{
    (void)state;
    static char text[20000];
    struct import *import;
    struct error error;
    size_t length = (size_t)snprintf(text, sizeof(text),
                                     "{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\","
                                     "\"url\":\"https://h/\",\"headers\":[");
    for (int i = 0; i <= 256; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s{\"name\":\"a\",\"value\":\"1\"}",
                                   i == 0 ? "" : ",");
    length += (size_t)snprintf(text + length, sizeof(text) - length, "]}}]}}");
    assert_false(import_read(&import, slice_of(text, length), IMPORT_HAR, NULL, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_string_equal(error.message, "entry 1: request: headers, element 257: more than 256 fields or 1048576 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_that_chrome_saw),
        cmocka_unit_test(its_times_and_its_signature),
        cmocka_unit_test(an_exchange_that_firefox_saw),
        cmocka_unit_test(a_minimal_har_gets_host_from_the_url),
        cmocka_unit_test(what_no_answer_came_to_says_why),
        cmocka_unit_test(an_answer_that_went_through_this_proxy_keeps_its_verdict),
        cmocka_unit_test(entries_that_are_no_request_over_http_are_left_out_and_counted),
        cmocka_unit_test(every_fact_and_view_of_our_own_export_comes_back),
        cmocka_unit_test(what_our_own_export_says_is_not_known_stays_so),
        cmocka_unit_test(what_is_wrong_with_our_own_export_is_named),
        cmocka_unit_test(what_is_no_har_is_said_where),
        cmocka_unit_test(what_is_wrong_in_an_entry_is_named_with_its_number),
        cmocka_unit_test(more_fields_than_a_head_may_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
