/* `.http` files: pasted messages, the form that editors send, and this program's own export. */
#include "import_harness.h"

static void a_pasted_request_is_taken_with_crlf_or_lf(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "POST /api/spot/accountList HTTP/1.1\r\nHost: api.coinstore.com\r\nContent-Length: 2\r\n\r\n{}",
        "POST /api/spot/accountList HTTP/1.1\nHost: api.coinstore.com\nContent-Length: 2\n\n{}\n",
        "\n\nPOST /api/spot/accountList HTTP/1.1\nHost: api.coinstore.com\nContent-Length: 2\n\n{}\n\n\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct import *import = read_text(texts[i]);
        assert_int_equal(import->format, IMPORT_HTTP);
        assert_int_equal(import->count, 1);
        assert_request(&import->records[0],
                       "POST /api/spot/accountList HTTP/1.1\r\nHost: api.coinstore.com\r\nContent-Length: 2\r\n\r\n",
                       "{}");
        assert_slice(import->records[0].method, "POST");
        assert_slice(import->records[0].target, "/api/spot/accountList");
        assert_int_equal(import->records[0].outcome, RECORD_UNKNOWN);
        import_free(import);
    }
}

static void without_a_length_the_body_ends_at_the_file_s_last_line_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *body;
    } cases[] = {
        { "POST /p HTTP/1.1\n\n{\n}\n", "{\n}" },
        { "POST /p HTTP/1.1\r\n\r\n{\r\n}\r\n", "{\r\n}" },
        { "POST /p HTTP/1.1\n\n{}\n\n", "{}" },
        { "POST /p HTTP/1.1\n\n{}\n\n\n", "{}\n" },
        { "POST /p HTTP/1.1\r\n\r\n{}\r\n\r\n\r\n", "{}\r\n" },
        { "POST /p HTTP/1.1\n\n{}\r", "{}\r" },
        { "POST /p HTTP/1.1\n\n\n", "" },
        { "POST /p HTTP/1.1\nContent-Length: 3\n\n{}\n", "{}\n" },
        { "GET /p HTTP/1.1\n", "" },
        { "GET /p HTTP/1.1", "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct import *import = read_text(cases[i].text);
        assert_slice(import->records[0].views[RECORD_CLIENT_REQUEST].body, cases[i].body);
        import_free(import);
    }
}

static void an_answer_follows_its_request_behind_a_separator_or_at_once(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "POST /api/spot/accountList HTTP/1.1\nHost: h\n\n{}\n\n###\n\nHTTP/1.1 200 OK\nServer: x\n\n{\"code\":\"0\"}\n",
        "POST /api/spot/accountList HTTP/1.1\nHost: h\nContent-Length: 2\n\n{}\nHTTP/1.1 200 OK\nServer: "
        "x\n\n{\"code\":\"0\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct import *import = read_text(texts[i]);
        assert_int_equal(import->count, 1);
        assert_answer(&import->records[0], "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "{\"code\":\"0\"}");
        assert_int_equal(import->records[0].outcome, RECORD_OK);
        assert_slice(import->records[0].api_code, "0");
        assert_int_equal(import->records[0].status, 200);
        import_free(import);
    }
    struct import *import = read_text("GET /p HTTP/1.1\nHost: h\n\nHTTP/1.1 502 Bad Gateway\n\n<html>\n");
    assert_request(&import->records[0], "GET /p HTTP/1.1\r\nHost: h\r\n\r\n", "");
    assert_int_equal(import->records[0].outcome, RECORD_HTTP_ERROR);
    import_free(import);
}

static void the_same_body_before_a_separator_an_answer_and_the_end_is_the_same(void **state)
{
    (void)state;
    static const char *const behind[] = {
        "",
        "\n",
        "\n\n",
        "\r\n\r\n",
        "\n###\n",
        "\n\n### next\nGET /q HTTP/1.1\n",
        "\r\n\r\n###\r\n",
        "\n\nHTTP/1.1 200 OK\n\n",
        "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "POST /p HTTP/1.1\n\n{\n}%s", behind[i]); /* fits */
        struct import *import = read_text(text);
        assert_request(&import->records[0], "POST /p HTTP/1.1\r\n\r\n", "{\n}");
        import_free(import);
    }
}

static void a_status_line_behind_an_empty_line_in_a_request_s_body_begins_the_answer(void **state)
{
    (void)state;
    struct import *import = read_text("POST /p HTTP/1.1\nHost: h\n\n{}\n\nHTTP/1.1 401 Unauthorized\nServer: x\n\n"
                                      "{\"code\":1401}\n\nHTTP/1.1 200\n\n###\nGET /q HTTP/1.1\n");
    assert_int_equal(import->count, 2);
    assert_request(&import->records[0], "POST /p HTTP/1.1\r\nHost: h\r\n\r\n", "{}");
    assert_answer(&import->records[0], "HTTP/1.1 401 Unauthorized\r\nServer: x\r\n\r\n",
                  "{\"code\":1401}\n\nHTTP/1.1 200");
    assert_int_equal(import->records[0].status, 401);
    import_free(import);
    static const char *const bodies[] = {
        "a\nHTTP/1.1 200 OK",    "a\n\nHTTP/1.1 20",   "a\n\nHTTP/x.1 200 OK",
        "a\n\n HTTP/1.1 200 OK", "a\n\nHTTP/1.1 2000", "a\n\nHTTP/1.1 20x OK",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "POST /p HTTP/1.1\n\n%s\n", bodies[i]); /* fits */
        import = read_text(text);
        assert_request(&import->records[0], "POST /p HTTP/1.1\r\n\r\n", bodies[i]);
        import_free(import);
    }
}

static void a_content_length_that_does_not_fit_is_refused_with_both_numbers(void **state)
{
    (void)state;
#define NOT_FITTING(line, length, there)                                                                               \
    "line " line ": Content-Length is " length ", but the length of the body here is " there ": correct the field or " \
    "leave it out"
    assert_refused("POST /p HTTP/1.1\nContent-Length: 9\n\n{}\n", NOT_FITTING("2", "9", "2"));
    assert_refused("POST /p HTTP/1.1\nHost: h\ncontent-length:1\n\n{}", NOT_FITTING("3", "1", "2"));
    assert_refused("POST /p HTTP/1.1\nContent-Length: 0\n\n{}\n\n###\n", NOT_FITTING("2", "0", "2"));
    assert_refused("POST /p HTTP/1.1\nContent-Length: 18446744073709551615\n\n{}\n###\n",
                   NOT_FITTING("2", "18446744073709551615", "2"));
    assert_refused("POST /p HTTP/1.1\nContent-Length: 2\n\nHTTP/1.1 200 OK\n\n", NOT_FITTING("2", "2", "0"));
    assert_refused("POST /p HTTP/1.1\nContent-Length: 3\n\n{}\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\n{}\n",
                   NOT_FITTING("7", "5", "2"));
#undef NOT_FITTING
    static const char *const without_body[] = {
        "HEAD /p HTTP/1.1\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\n",
        "GET /p HTTP/1.1\n\nHTTP/1.1 304 Not Modified\nContent-Length: 5\n\n###\n",
    };
    for (size_t i = 0; i < sizeof(without_body) / sizeof(without_body[0]); i++) {
        struct import *import = read_text(without_body[i]);
        assert_slice(import->records[0].views[RECORD_CLIENT_RESPONSE].body, "");
        import_free(import);
    }
}

static void the_form_of_editors_becomes_a_message(void **state)
{
    (void)state;
    struct import *import = read_text("### list the balances\n# @name balances\n// a remark\n"
                                      "POST https://me:pw@api.coinstore.com/api/spot/accountList?x=%20\n"
                                      "# not now: X-Old: 1\nContent-Type: application/json\n"
                                      "X-CS-APIKEY: 0123456789abcdef\nAuthorization: Bearer secret\n\n{\"a\": 1}\n\n"
                                      "### next\nhttps://h/p\n\n###\nGET http://h2:81 HTTP/1.0\nHost: own\n");
    assert_int_equal(import->count, 3);
    assert_request(&import->records[0],
                   "POST /api/spot/accountList?x=%20 HTTP/1.1\r\nHost: api.coinstore.com\r\n"
                   "Content-Type: application/json\r\nX-CS-APIKEY: 0123********cdef\r\n"
                   "Authorization: *************\r\n\r\n",
                   "{\"a\": 1}");
    assert_request(&import->records[1], "GET /p HTTP/1.1\r\nHost: h\r\n\r\n", "");
    assert_request(&import->records[2], "GET / HTTP/1.0\r\nHost: own\r\n\r\n", "");
    assert_slice(import->records[0].api_key_masked, "0123********cdef");
    import_free(import);
}

static void what_only_an_editor_knows_is_refused(void **state)
{
    (void)state;
    static const char variables[] = "line 2: variables are not read: write the values into the file";
    assert_refused("# x\n@host = h\nGET https://h/\n", variables);
    assert_refused("###\nGET {{host}}/path\n", variables);
    assert_refused("GET https://h/\nX-CS-APIKEY: {{key}}\n", variables);
    assert_refused("POST https://h/\n\n< ./body.json\n", "line 3: the body is in a file that is not here");
    assert_refused("GET https://h/p\n    ?a=1\n    &b=2\n",
                   "line 2: a line that goes on here (a query or field over several lines) is not read: join them");
}

static void what_is_no_message_is_said_where(void **state)
{
    (void)state;
    assert_refused("### only a title\n", "there is no request in it: a request line `METHOD /PATH HTTP/1.1` or "
                                         "`METHOD https://HOST/PATH` was expected");
    assert_refused("###\nhello\n", "line 2: a request line `METHOD /PATH HTTP/1.1` or `METHOD https://HOST/PATH` "
                                   "was expected");
    assert_refused("###\nGET example.com\n",
                   "line 2: a request line `METHOD /PATH HTTP/1.1` or `METHOD https://HOST/PATH` was expected");
    assert_refused("GET /a b HTTP/1.1\n",
                   "line 1: behind the request's target nothing but a version as in HTTP/1.1 is expected");
    assert_refused("GET / HTTP/1.1\nHost: h\nbad line\n",
                   "line 3: a header field `Name: value` was expected, or the empty line before the body");
    assert_refused("GET / HTTP/1.1\nBad Name: h\n",
                   "line 2: a header field `Name: value` was expected, or the empty line before the body");
    assert_refused("GET / HTTP/1.1\nName: a\rb\n", "line 2: a header field has a CR or a NUL in it");
    assert_refused("HTTP/1.1 200 OK\n\n", "line 1: an answer (HTTP/...) without a request before it");
    assert_refused("GET / HTTP/1.1\n\n###\nHTTP/1.1 200 OK\n\n###\nHTTP/1.1 200 OK\n\n",
                   "line 7: an answer (HTTP/...) without a request before it");
    assert_refused("GET / HTTP/1.1\n\n###\nHTTP/1.1 OK\n\n",
                   "request 1: the answer's head is none: a status line `HTTP/1.1 200 OK`, then at most 256 fields "
                   "`Name: value`");
}

/* --- this program's own export --- */

static void our_own_export_comes_back_byte_for_byte(void **state)
{
    (void)state;
    static const char text[] =
        "# three messages\n"
        "### countersign exchange 17 client-request 29+2\nPOST /p HTTP/1.1\r\nHost: a\r\n\r\n{}\n"
        "### countersign exchange 17 upstream-request 29+2\nPOST /p HTTP/1.1\r\nHost: b\r\n\r\n{}\n"
        "### countersign exchange 17 upstream-response 19+5\nHTTP/1.1 200 OK\r\n\r\n###\n\0\n"
        "\n"
        "### countersign exchange i3 upstream-request 28+0\nGET /q HTTP/1.1\r\nHost: b\r\n\r\n\n";
    struct import *import = read_bytes(slice_of(text, sizeof(text) - 1), IMPORT_GUESS);
    assert_int_equal(import->count, 2);
    const struct record *record = &import->records[0];
    assert_slice(record->views[RECORD_CLIENT_REQUEST].head, "POST /p HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_slice(record->views[RECORD_UPSTREAM_REQUEST].head, "POST /p HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_slice(record->views[RECORD_UPSTREAM_REQUEST].body, "{}");
    assert_true(slice_equal(record->views[RECORD_UPSTREAM_RESPONSE].body, slice_of("###\n\0", 5)));
    assert_int_equal(record->views[RECORD_CLIENT_RESPONSE].head.length, 0);
    assert_int_equal(record->status, 200);
    assert_slice(import->records[1].target, "/q");
    assert_int_equal(import->records[1].views[RECORD_CLIENT_REQUEST].head.length, 0);
    import_free(import);
}

static void an_own_export_that_was_changed_by_hand_is_refused(void **state)
{
    (void)state;
    static const char no_title[] = "line 1: this is no `### countersign exchange ID VIEW HEAD+BODY`";
    static const char cut[] = "line 1: the file ends before the message that is announced here";
    assert_refused("### countersign exchange 17 upstream-request 4\nGET ", no_title);
    assert_refused("### countersign exchange x upstream-request 4+0\nGET ", no_title);
    assert_refused("### countersign exchange 1 request 4+0\nGET ", no_title);
    assert_refused("### countersign exchange 1 upstream-request 4+0 x\nGET ", no_title);
    assert_refused("### countersign exchange 1 upstream-request 5+0\nGET ", cut);
    assert_refused("### countersign exchange 1 upstream-request 4+18446744073709551615\nGET ", cut);
    assert_refused("### countersign exchange 1 upstream-request 2000000+0\nGET ",
                   "line 1: the head is longer than one may be");
    assert_refused("### countersign exchange 1 upstream-request 19+0\nGET / HTTP/1.1\r\n\r\nmore",
                   "line 4: `### countersign exchange ...` was expected: the lengths above do not fit");
    assert_refused("### countersign exchange 1 upstream-request 18+0\nGET / HTTP/1.1\r\n\r\n\n"
                   "### countersign exchange 1 upstream-request 18+0\nGET / HTTP/1.1\r\n\r\n\n",
                   "line 5: this exchange has this view already");
    assert_refused("### countersign exchange 1 upstream-request 5+0\nhello\n",
                   "exchange 1: the request's head is none: a request line, then at most 256 fields `Name: value`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pasted_request_is_taken_with_crlf_or_lf),
        cmocka_unit_test(without_a_length_the_body_ends_at_the_file_s_last_line_end),
        cmocka_unit_test(an_answer_follows_its_request_behind_a_separator_or_at_once),
        cmocka_unit_test(the_same_body_before_a_separator_an_answer_and_the_end_is_the_same),
        cmocka_unit_test(a_status_line_behind_an_empty_line_in_a_request_s_body_begins_the_answer),
        cmocka_unit_test(a_content_length_that_does_not_fit_is_refused_with_both_numbers),
        cmocka_unit_test(the_form_of_editors_becomes_a_message),
        cmocka_unit_test(what_only_an_editor_knows_is_refused),
        cmocka_unit_test(what_is_no_message_is_said_where),
        cmocka_unit_test(our_own_export_comes_back_byte_for_byte),
        cmocka_unit_test(an_own_export_that_was_changed_by_hand_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
