/* curl commands as browsers copy them and documentation shows them. What curl would send was watched, version 7.88. */
#include "import_harness.h"

#include "countersign/buffer.h"

#include <time.h>

static void an_order_as_documentation_shows_it(void **state)
{
    (void)state;
    struct import *import = read_text(
        "$ curl --location --request POST 'https://api.coinstore.com/api/trade/order/place' \\\n"
        "--header 'X-CS-APIKEY: 0123456789abcdef0123456789abcdef' \\\n--header 'X-CS-EXPIRES: 1641446237201' \\\n"
        "--header 'X-CS-SIGN: 52dc' \\\n--header 'Content-Type: application/json' \\\n"
        "--data-raw '{\n    \"symbol\":\"LUFFYUSDT\",\n    \"ordPrice\":0.001\n}'\n");
    assert_int_equal(import->format, IMPORT_CURL);
    assert_int_equal(import->count, 1);
    const struct record *record = &import->records[0];
    assert_request(record,
                   "POST /api/trade/order/place HTTP/1.1\r\nHost: api.coinstore.com\r\nUser-Agent: curl\r\n"
                   "Accept: */*\r\nX-CS-APIKEY: 0123************************cdef\r\nX-CS-EXPIRES: 1641446237201\r\n"
                   "X-CS-SIGN: 52dc\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n",
                   "{\n    \"symbol\":\"LUFFYUSDT\",\n    \"ordPrice\":0.001\n}");
    assert_int_equal(record->expires_ms, 1641446237201);
    assert_int_equal(record->outcome, RECORD_UNKNOWN);
    assert_int_equal(record->payload_length, 50);
    import_free(import);
}

static void what_chrome_copies(void **state)
{
    (void)state;
    struct import *import =
        read_text("curl 'https://h.example/api?x=1' \\\n  -H 'accept: application/json' \\\n"
                  "  -H 'accept-language: en' \\\n  -b 'token=abc' \\\n  -H 'user-agent: Mozilla/5.0 (X11)' \\\n"
                  "  --data-raw $'{\"a\":\"it\\'s \\u0021 \\u00e9\\n\"}' \\\n  --compressed");
    assert_request(&import->records[0],
                   "POST /api?x=1 HTTP/1.1\r\nHost: h.example\r\nAccept-Encoding: deflate, gzip, br\r\n"
                   "Cookie: *********\r\naccept: application/json\r\naccept-language: en\r\n"
                   "user-agent: Mozilla/5.0 (X11)\r\nContent-Length: 18\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
                   "{\"a\":\"it's ! \xc3\xa9\n\"}");
    import_free(import);
}

static void what_firefox_copies(void **state)
{
    (void)state;
    struct import *import = read_text(
        "curl 'https://h.example/api' --compressed -X POST -H 'User-Agent: Mozilla/5.0' -H 'Accept: */*' "
        "-H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Content-Type: application/json' -H 'Connection: keep-alive' "
        "--data-raw '{}'\n");
    assert_request(&import->records[0],
                   "POST /api HTTP/1.1\r\nHost: h.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n"
                   "Accept-Encoding: gzip, deflate, br, zstd\r\nContent-Type: application/json\r\n"
                   "Connection: keep-alive\r\nContent-Length: 2\r\n\r\n",
                   "{}");
    import_free(import);
}

#define HEAD(line) line "\r\nHost: h\r\nUser-Agent: curl\r\nAccept: */*\r\n"
#define FORM       "Content-Type: application/x-www-form-urlencoded\r\n"

/* Each as curl sends it. */
static const struct {
    const char *command;
    const char *head;
    const char *body;
} sent[] = {
    { "curl h", HEAD("GET / HTTP/1.1") "\r\n", "" },
    { "curl -sS -o /dev/null 'http://h?x=1#top'", HEAD("GET /?x=1 HTTP/1.1") "\r\n", "" },
    { "curl -X POST h/p", HEAD("POST /p HTTP/1.1") "\r\n", "" },
    { "curl -sSXPUT -da=1 -d b=2 h/p", HEAD("PUT /p HTTP/1.1") "Content-Length: 7\r\n" FORM "\r\n", "a=1&b=2" },
    { "curl -d '' h", HEAD("POST / HTTP/1.1") "Content-Length: 0\r\n" FORM "\r\n", "" },
    { "curl -G -d a=1 -d b=2 'h/p?z=1#f'", HEAD("GET /p?z=1&a=1&b=2 HTTP/1.1") "\r\n", "" },
    { "curl --get --data-urlencode 's=a&' --data-urlencode =x~ --data-urlencode plain h",
      HEAD("GET /?s=a%26&x~&plain HTTP/1.1") "\r\n", "" },
    { "curl --data-urlencode 's=a&\xc3\xa9' h", HEAD("POST / HTTP/1.1") "Content-Length: 12\r\n" FORM "\r\n",
      "s=a%26%C3%A9" },
    { "curl -I h", HEAD("HEAD / HTTP/1.1") "\r\n", "" },
    { "curl -0 h", HEAD("GET / HTTP/1.0") "\r\n", "" },
    { "curl --json '{\"a\":1}' --json '{\"b\":2}' -H 'X-Y: 1' h",
      "POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: curl\r\nX-Y: 1\r\nContent-Type: application/json\r\n"
      "Accept: application/json\r\nContent-Length: 14\r\n\r\n",
      "{\"a\":1}{\"b\":2}" },
    { "curl -H 'X-E;' -H 'Accept:' -H 'Host: other' -H 'x:y' -H junk h",
      "GET / HTTP/1.1\r\nHost: other\r\nUser-Agent: curl\r\nX-E:\r\nx:y\r\n\r\n", "" },
    { "curl -A '' -e ref -b a=1 -b b=2 h",
      "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nReferer: ref\r\nCookie: *******\r\n\r\n", "" },
    { "curl -d a -H 'content-type: application/json' -H 'content-length: 1' h",
      HEAD("POST / HTTP/1.1") "content-type: application/json\r\ncontent-length: 1\r\n\r\n", "a" },
    { "curl -u me:pw h",
      "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: **************\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n", "" },
    { "curl http://me:pw@h/",
      "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: **************\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n", "" },
    { "curl -u me:pw -H 'Authorization: x' h", HEAD("GET / HTTP/1.1") "Authorization: *\r\n\r\n", "" },
    { "curl --path-as-is -g 'h/a/../{b}'", HEAD("GET /a/../{b} HTTP/1.1") "\r\n", "" },
    { "curl --request-target /other h/p", HEAD("GET /other HTTP/1.1") "\r\n", "" },
    { "curl --no-progress-meter --no-buffer --url h", HEAD("GET / HTTP/1.1") "\r\n", "" },
    { "curl \"h/\\$x\\\"\\\\y\\z\"", HEAD("GET /$x\"\\y\\z HTTP/1.1") "\r\n", "" },
    { "curl h/a\\ b''c", NULL, "line 1: its URL has a blank or a control byte in it" },
    { "curl $'h/\\x41\\102\\u20ac'", HEAD("GET /AB\xe2\x82\xac HTTP/1.1") "\r\n", "" },
    { "curl h | jq . # said\n", HEAD("GET / HTTP/1.1") "\r\n", "" },
    { "curl h > file 2>&1", HEAD("GET / HTTP/1.1") "\r\n", "" },
    { "# a remark\n/usr/bin/curl h # said", NULL, NULL },
};

static void each_option_makes_what_curl_would_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        if (sent[i].head == NULL && sent[i].body != NULL) {
            assert_refused_as(sent[i].command, IMPORT_CURL, sent[i].body);
            continue;
        }
        struct import *import = read_bytes(slice_text(sent[i].command), IMPORT_CURL);
        assert_int_equal(import->count, 1);
        if (sent[i].head != NULL)
            assert_request(&import->records[0], sent[i].head, sent[i].body);
        import_free(import);
    }
}

static void several_commands_are_several_exchanges(void **state)
{
    (void)state;
    struct import *import = read_text("curl h/1\n\n$ curl h/2 \\\r\n  -I\r\ncurl h/3; curl h/4 && curl h/5\n");
    assert_int_equal(import->count, 5);
    assert_slice(import->records[1].method, "HEAD");
    assert_slice(import->records[4].target, "/5");
    import_free(import);
}

static void remarks_and_a_script_s_first_line_are_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "# my working call\ncurl https://h/p\n",
        "\n\n  # one\n\n# two\r\n$ curl h/p\n",
        "#!/bin/sh\n# said\n\n# more\ncurl --path-as-is \\\n  --request GET \\\n  'http://h/p'\n\n# next\n# two\n\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct import *import = read_text(texts[i]);
        assert_int_equal(import->format, IMPORT_CURL);
        assert_int_equal(import->count, 1);
        assert_slice(import->records[0].method, "GET");
        assert_slice(import->records[0].target, "/p");
        import_free(import);
    }
    assert_refused("#!/bin/sh\nset -e\ncurl h\n", "line 2: a command that is not curl");
}

static void a_word_that_is_no_method_of_editors_begins_nothing(void **state)
{
    (void)state;
    static const char expected[] =
        " bytes, not shown, as it may be a secret) begins no HAR ({), no curl command (curl) and no .http file (a "
        "request line or ###; without HTTP/1.1 at its end with GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS)";
    static const char *const lines[] = { "wget http://x/", "get http://x/", "BREW http://x/", "http /p", "POST" };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[64], message[300];
        (void)snprintf(text, sizeof(text), "\n# said\n%s\n", lines[i]);                           /* fits */
        (void)snprintf(message, sizeof(message), "line 3 (of %zu%s", strlen(lines[i]), expected); /* fits */
        assert_refused(text, message);
    }
    assert_refused("# said\n\n", "nothing is in it but remarks (#)");
    assert_refused_as("curl http://x/", IMPORT_HTTP,
                      "line 1: a request line without HTTP/1.1 at its end begins with GET, POST, PUT, DELETE, PATCH, "
                      "HEAD or OPTIONS");
    struct import *import = read_text("# said\nBREW /pot HTTP/1.1\nHost: h\n");
    assert_int_equal(import->format, IMPORT_HTTP);
    assert_slice(import->records[0].method, "BREW");
    import_free(import);
}

static void a_megabyte_of_commands_is_read_in_the_time_of_their_bytes(void **state)
{
    (void)state;
    enum { COMMANDS = 150000, SECONDS_MAX = 20 /* of one core; going over the file again for each takes minutes */ };
    static const char command[] = "curl h\n";
    struct buffer text;
    buffer_init(&text, COMMANDS * sizeof(command));
    for (int i = 0; i < COMMANDS; i++)
        buffer_append_text(&text, command);
    assert_false(text.failed);
    clock_t begin = clock();
    struct import *import = read_bytes(buffer_slice(&text), IMPORT_CURL);
    assert_true((clock() - begin) / CLOCKS_PER_SEC < SECONDS_MAX);
    assert_int_equal(import->count, COMMANDS);
    import_free(import);
    buffer_append_text(&text, "wget h\n");
    struct error error;
    assert_false(import_read(&import, buffer_slice(&text), IMPORT_CURL, NULL, &error));
    assert_string_equal(error.message, "line 150001: a command that is not curl");
    buffer_free(&text);
}

static void what_a_shell_would_have_to_fill_in_is_refused(void **state)
{
    (void)state;
    assert_refused("curl h \\\n -H \"X-CS-APIKEY: $API_KEY\"",
                   "line 2: the shell would fill in $API_KEY: paste the command with values");
    assert_refused("curl -u \"me:pass$w0rd\" h", "line 1: the shell would fill in $(not shown, as it may be a secret): "
                                                 "paste the command with values");
    assert_refused("curl ${HOST}/p", "line 1: the shell would fill in $HOST: paste the command with values");
    assert_refused("curl \"h/$(date)\"",
                   "line 1: the shell would run a command here, $(...): paste the command with its output");
    assert_refused("curl \"h/`date`\"",
                   "line 1: the shell would run a command here, `...`: paste the command with its output");
    assert_refused("curl h `\n -d 1", "line 1: a backtick: the shell would run a command (or this is PowerShell's "
                                      "form): paste the form for bash, with values");
    assert_refused("curl ^\"https://h/^\" ^\r\n  -H ^\"a: b^\"",
                   "line 1: this is the form for Windows' cmd (^): use \"Copy as cURL (bash)\"");
    assert_refused("curl http://h/p?a=1&b=2",
                   "line 1: an & that is not quoted ends the command in a shell: put the URL in single quotes");
    assert_refused("curl h -d @- < body", "line 1: the input is in a file that is not here (<)");
    assert_refused("curl h (x)", "line 1: a parenthesis that is not quoted: paste the curl command alone");
}

static void a_quote_that_is_not_closed_is_found_where_it_opens(void **state)
{
    (void)state;
    assert_refused("curl h \\\n -H 'a: b\n\n", "line 2: the single quote ' that opens here is not closed");
    assert_refused("curl \"h", "line 1: the double quote \" that opens here is not closed");
    assert_refused("curl $'h\\'", "line 1: the quote $' that opens here is not closed");
    assert_refused("curl h \\", "line 1: the command ends in a backslash: the lines behind it are missing");
    assert_refused("curl $'h/\\q'", "line 1: this escape in $'...' is not read");
    assert_refused("curl $'h/\\xg'", "line 1: an escape in $'...' has no digits or is no character");
    assert_refused("curl $'h/\\0'", "line 1: an escape in $'...' is NUL, which no command line can hold");
}

static void what_is_not_in_the_command_is_refused_by_option(void **state)
{
    (void)state;
    assert_refused("curl h -d @body.json", "line 1: --data: the body is in a file that is not here (@)");
    assert_refused("curl h --data-binary @-", "line 1: --data-binary: the body is in a file that is not here (@); `log "
                                              "export` keeps such bodies with --format har or http");
    assert_refused("#!/bin/sh\nprintf '%s' | curl h --data-binary @-",
                   "line 2: the body is what printf makes; `log export` keeps such bodies with --format har or http");
    assert_refused("curl h --json @f", "line 1: --json: the body is in a file that is not here (@)");
    assert_refused("curl h --data-urlencode n@f",
                   "line 1: --data-urlencode: the body is in a file that is not here (@)");
    assert_refused("curl h --data-urlencode 'a=b c'",
                   "line 1: --data-urlencode: versions of curl write a blank as + or as %20: give the encoded data "
                   "with --data-raw");
    assert_refused("curl h -H @f", "line 1: --header: the fields are in a file that is not here");
    assert_refused("curl h -b jar", "line 1: --cookie: the cookies are in a file that is not here");
    assert_refused("curl h -F a=b",
                   "line 1: --form: a multipart form is not read: its boundary is made anew for each request");
    assert_refused("curl h -T f", "line 1: --upload-file: what is sent is in a file that is not here");
    assert_refused("curl h --digest", "line 1: --digest: what this puts into the request is made anew each time, and "
                                      "is not in the command");
    assert_refused("curl h -: h2", "line 1: --next: one request a command is read: make it two commands");
    assert_refused("curl h -r 0-1", "line 1: --range: not read: give the field with --header");
}

static void what_curl_itself_would_not_take_is_refused(void **state)
{
    (void)state;
    assert_refused("curl h --frobnicate", "line 1: curl's option `--frobnicate` is not known here: leave it out if the "
                                          "request does not depend on it");
    assert_refused("curl h --0123456789abcdef", "line 1: curl's option `--(not shown, as it may be a secret)` is not "
                                                "known here: leave it out if the request does not depend on it");
    assert_refused("curl h -s?", "line 1: curl's option `-?` is not known here: leave it out if the request does not "
                                 "depend on it");
    assert_refused("curl h --no-request", "line 1: curl's option `--no-request` is not known here: leave it out if the "
                                          "request does not depend on it");
    assert_refused("curl h -X", "line 1: --request: a value was expected behind it");
    assert_refused("curl h -X 'A B'", "line 1: --request: this is no method");
    assert_refused("curl h --request-target 'a b'", "line 1: --request-target: this is no request target");
    assert_refused("curl h -H $'a: b\\r\\nc: d'", "line 1: --header: a field has a line end in it");
    assert_refused("curl h h2", "line 1: --url: a second URL; one request a command is read");
    assert_refused("curl -s", "line 1: the command has no URL");
    assert_refused("curl ftp://h/", "line 1: its URL is not one of http or https with a host");
    assert_refused("curl 'h/[1-3]'", "line 1: curl would read [ ] or { } in the URL as a pattern: percent-encode them, "
                                     "or add -g");
    assert_refused("curl h/a/../b", "line 1: curl would resolve the dot segment in the URL's path: write the path as "
                                    "it is sent");
    assert_refused("curl -G -d 'a b' h", "line 1: the data that -G puts into the URL have a blank or a control byte in "
                                         "them");
    assert_refused("curl -G -d a=%2F h", "line 1: versions of curl write %2F or %2f for what -G puts into the URL: put "
                                         "it there as it is sent");
    assert_refused("curl h\nwget h", "line 2: a command that is not curl");
    assert_refused_as("# nothing\n", IMPORT_CURL, "there is no command in it");
}

static void a_nul_in_a_command_is_refused(void **state)
{
    (void)state;
    struct import *import;
    struct error error;
    assert_false(import_read(&import, slice_of("curl h\n\0", 8), IMPORT_CURL, NULL, &error));
    assert_string_equal(error.message, "line 2: a NUL, which no command line can hold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_as_documentation_shows_it),
        cmocka_unit_test(what_chrome_copies),
        cmocka_unit_test(what_firefox_copies),
        cmocka_unit_test(each_option_makes_what_curl_would_send),
        cmocka_unit_test(several_commands_are_several_exchanges),
        cmocka_unit_test(remarks_and_a_script_s_first_line_are_passed_over),
        cmocka_unit_test(a_word_that_is_no_method_of_editors_begins_nothing),
        cmocka_unit_test(a_megabyte_of_commands_is_read_in_the_time_of_their_bytes),
        cmocka_unit_test(what_a_shell_would_have_to_fill_in_is_refused),
        cmocka_unit_test(a_quote_that_is_not_closed_is_found_where_it_opens),
        cmocka_unit_test(what_is_not_in_the_command_is_refused_by_option),
        cmocka_unit_test(what_curl_itself_would_not_take_is_refused),
        cmocka_unit_test(a_nul_in_a_command_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
