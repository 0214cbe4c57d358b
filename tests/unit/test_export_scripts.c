/* The curl and Python scripts as text; tests/integration/test_export_command.py runs them. */
#include "export_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct record request_of(const char *head, struct slice body)
{
    struct record record = { .id = 5, .client_uid = -1, .outcome = RECORD_OK };
    record.views[RECORD_CLIENT_REQUEST] = (struct record_message){ slice_text(head), body };
    return record;
}

static const char *curl_of(struct buffer *out, const struct record *record)
{
    return fixture_export(out, &(struct export_options){ .format = EXPORT_CURL, .to = "http://127.0.0.1:8787/" },
                          record);
}

static void a_command_sends_what_the_client_sent_and_nothing_else(void **state)
{
    (void)state;
    struct record record = request_of("POST /a?b={1}&c=it's HTTP/1.1\r\nHost: localhost:8787\r\nX-A: it's\r\nX-B:\r\n"
                                      "Content-Length: 7\r\n\r\n",
                                      SLICE_LITERAL("@'\n$x\\!"));
    struct buffer out;
    assert_contains(curl_of(&out, &record), "echo 'exchange 5:'\n"
                                            "curl -sS --path-as-is --globoff --noproxy '*' --write-out '\\n' \\\n"
                                            "  --request POST \\\n"
                                            "  --header 'X-A: it'\\''s' \\\n"
                                            "  --header 'X-B;' \\\n"
                                            "  --header User-Agent: \\\n"
                                            "  --header Accept: \\\n"
                                            "  --header Content-Type: \\\n"
                                            "  --header Expect: \\\n"
                                            "  --data-raw '@'\\''\n$x\\!' \\\n"
                                            "  'http://127.0.0.1:8787/a?b={1}&c=it'\\''s'\n");
    buffer_free(&out);
}

static void masked_fields_are_left_out_with_a_remark(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    static const enum export_format formats[] = { EXPORT_CURL, EXPORT_PYTHON };
    for (size_t i = 0; i < 2; i++) {
        struct buffer out;
        const struct export_options options = { .format = formats[i], .to = "http://127.0.0.1:8787" };
        const char *text = fixture_export(&out, &options, &record);
        assert_contains(text, "# left out: an X-CS field: the proxy signs\n");
        assert_contains(text, "# left out: a field that is masked in the record\n");
        assert_lacks(text, "APIKEY");
        assert_lacks(text, "****");
        buffer_free(&out);
    }
}

static void what_no_url_carries_goes_as_request_target(void **state)
{
    (void)state;
    const struct record record = request_of("GET /a#b HTTP/1.1\r\n\r\n", slice_of(NULL, 0));
    struct buffer out;
    const char *text = curl_of(&out, &record);
    assert_contains(text, "--request-target '/a#b'");
    assert_contains(text, "'http://127.0.0.1:8787/'\n");
    assert_lacks(text, "--data");
    assert_lacks(text, "Expect");
    buffer_free(&out);
}

static void a_unix_socket_is_an_option(void **state)
{
    (void)state;
    const struct record record = request_of("GET /a HTTP/1.1\r\n\r\n", slice_of(NULL, 0));
    struct buffer out;
    const struct export_options options = { .format = EXPORT_CURL, .to = "unix:/run/it's.sock" };
    assert_contains(fixture_export(&out, &options, &record),
                    "--unix-socket '/run/it'\\''s.sock' \\\n  'http://localhost/a'\n");
    buffer_free(&out);
}

static bool keep(void *context, struct buffer *name, int64_t id, struct slice body, struct error *error)
{
    (void)error;
    assert_int_equal(id, 5);
    *(size_t *)context = body.length;
    return buffer_append_text(name, "it's a file");
}

static void a_body_with_nul_or_too_long_goes_to_a_file(void **state)
{
    (void)state;
    static char large[EXPORT_ARGUMENT_MAX + 1];
    memset(large, 'x', sizeof(large));
    const struct slice bodies[] = { SLICE_LITERAL("a\0b"), slice_of(large, sizeof(large)) };
    for (size_t i = 0; i < 2; i++) {
        const struct record record = request_of("POST /a HTTP/1.1\r\n\r\n", bodies[i]);
        struct buffer out;
        size_t kept = 0;
        const struct export_options options = {
            .format = EXPORT_CURL, .to = "http://localhost:1", .keep_file = keep, .context = &kept
        };
        const char *text = fixture_export(&out, &options, &record);
        assert_contains(text, "\nCDPATH= cd -- \"$(dirname -- \"$0\")\" || exit 1\n[ -r 'it'\\''s a file' ] || {");
        assert_contains(text, "--data-binary @'it'\\''s a file'");
        assert_int_equal(kept, bodies[i].length);
        buffer_free(&out);
    }
}

static void without_files_such_a_body_comes_from_printf(void **state)
{
    (void)state;
    const struct record record = request_of("POST /a HTTP/1.1\r\n\r\n", SLICE_LITERAL("a\0%'\\"));
    struct buffer out;
    const char *text = curl_of(&out, &record);
    assert_contains(text, "\nprintf 'a\\000%%\\047\\\\' | curl ");
    assert_contains(text, "--data-binary @-");
    buffer_free(&out);
}

static void what_is_no_request_becomes_a_remark(void **state)
{
    (void)state;
    const struct record record = request_of("\x1b[2J rubbish\n$(rm)\n", slice_of(NULL, 0));
    struct buffer out;
    const char *text = curl_of(&out, &record);
    assert_contains(text, "# The client's request is none that curl can send");
    assert_lacks(text, "rubbish");
    assert_lacks(text, "\ncurl");
    buffer_free(&out);
}

static void python_literals_are_ascii(void **state)
{
    (void)state;
    const struct record record =
        request_of("POST /a\xff HTTP/1.1\r\nX-A: \"\\\x80\r\nContent-Length: 5\r\n\r\n", SLICE_LITERAL("\"\\\n\0\xff"));
    struct buffer out;
    const struct export_options options = { .format = EXPORT_PYTHON, .to = "http://127.0.0.1:8787" };
    const char *text = fixture_export(&out, &options, &record);
    assert_contains(text, "b\"\\\"\\\\\\x0a\\x00\\xff\",\n");
    assert_contains(text, "(\"X-A\", \"\\\"\\\\\\x80\"),\n");
    assert_contains(text, "\"/a\\xff\",\n");
    assert_contains(text, "# urllib3 encodes this target anew");
    for (const char *byte = text; *byte != '\0'; byte++)
        assert_true((unsigned char)*byte < 0x80);
    buffer_free(&out);
}

static void targets_that_urllib3_keeps_have_no_remark(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool has_remark;
    } cases[] = {
        { "GET /a?b=%2F&c=a,b;x HTTP/1.1\r\n\r\n", false },
        { "GET /a?b=%2f HTTP/1.1\r\n\r\n", true },
        { "GET /a?b=%2 HTTP/1.1\r\n\r\n", true },
        { "GET /a?b={} HTTP/1.1\r\n\r\n", true },
        { "GET /a? HTTP/1.1\r\n\r\n", true },
        { "GET //a HTTP/1.1\r\n\r\n", true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct record record = request_of(cases[i].head, slice_of(NULL, 0));
        struct buffer out;
        const struct export_options options = { .format = EXPORT_PYTHON, .to = "http://127.0.0.1:8787" };
        const char *text = fixture_export(&out, &options, &record);
        assert_int_equal(strstr(text, "urllib3 encodes") != NULL, cases[i].has_remark);
        buffer_free(&out);
    }
}

/* "http://127.0.0.1:8787" and "@192.0.2.1/x" make a URL of another host. */
static void a_target_that_is_no_path_cannot_send_elsewhere(void **state)
{
    (void)state;
    static const char *const heads[] = { "GET @192.0.2.1:79/x HTTP/1.1\r\n\r\n", "GET 9/x HTTP/1.1\r\n\r\n",
                                         "GET .evil.test/x HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
                                         "GET http://evil.test/ HTTP/1.1\r\n\r\n" };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        const struct record record = request_of(heads[i], slice_of(NULL, 0));
        const struct export_options options = { .format = EXPORT_PYTHON, .to = "http://127.0.0.1:8787" };
        struct buffer out;
        const char *text = fixture_export(&out, &options, &record);
        assert_contains(text, "# The target is no path, so this is not sent");
        assert_lacks(text, "\nsend(");
        buffer_free(&out);
        text = curl_of(&out, &record);
        assert_contains(text, "--request-target ");
        assert_contains(text, " \\\n  'http://127.0.0.1:8787/'\n");
        buffer_free(&out);
    }
}

static void the_address_is_readable(void **state)
{
    (void)state;
    const struct record record = request_of("GET /a HTTP/1.1\r\n\r\n", slice_of(NULL, 0));
    const struct export_options options = { .format = EXPORT_PYTHON, .to = "http://a\"\\:8787/" };
    struct buffer out;
    assert_contains(fixture_export(&out, &options, &record), "\nPROXY = \"http://a\\\"\\\\:8787\"\n\nsession");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_sends_what_the_client_sent_and_nothing_else),
        cmocka_unit_test(masked_fields_are_left_out_with_a_remark),
        cmocka_unit_test(what_no_url_carries_goes_as_request_target),
        cmocka_unit_test(a_unix_socket_is_an_option),
        cmocka_unit_test(a_body_with_nul_or_too_long_goes_to_a_file),
        cmocka_unit_test(without_files_such_a_body_comes_from_printf),
        cmocka_unit_test(what_is_no_request_becomes_a_remark),
        cmocka_unit_test(python_literals_are_ascii),
        cmocka_unit_test(targets_that_urllib3_keeps_have_no_remark),
        cmocka_unit_test(a_target_that_is_no_path_cannot_send_elsewhere),
        cmocka_unit_test(the_address_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
