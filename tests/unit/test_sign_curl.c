/* The curl command of `countersign sign --curl`, run by a shell in which `curl` shows what it was given: every byte must
 * arrive as it was. */
#include "cli/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 65536 };

/* Each argument with a NUL behind it, then a mark, then standard input. */
#define SHOW_ARGUMENTS "curl() { printf '%s\\0' \"$@\"; printf 'INPUT:'; cat; }\n"

static char upstream_url[] = "https://api.coinstore.com", nothing[] = "";
static const struct config_upstream upstream = {
    .url = upstream_url, .ca_file = nothing, .bind_address = nothing, .proxy = nothing
};

static const char *const shells[] = { "/bin/sh", "/bin/bash" };

struct shown {
    char bytes[OUTPUT_MAX];
    size_t length;
};

static void run_shell(struct shown *shown, const char *shell, const char *script)
{
    int ends[2], status;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(empty, STDIN_FILENO) >= 0)
            (void)execl(shell, shell, "-c", script, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(close(ends[1]), 0);
    ssize_t got;
    shown->length = 0;
    while ((got = read(ends[0], shown->bytes + shown->length, sizeof(shown->bytes) - shown->length)) > 0)
        shown->length += (size_t)got;
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The argument behind `option` (or the last one, for NULL) must be exactly `value`; a NULL value: not there at all. */
static void assert_argument(const struct shown *shown, const char *option, const char *value)
{
    const char *mark = memmem(shown->bytes, shown->length, "INPUT:", strlen("INPUT:"));
    assert_non_null(mark);
    const char *found = NULL, *last = NULL;
    for (const char *argument = shown->bytes; argument < mark; argument += strlen(argument) + 1) {
        if (last != NULL && option != NULL && strcmp(last, option) == 0)
            found = argument;
        last = argument;
    }
    found = option == NULL ? last : found;
    if (value == NULL)
        assert_null(found);
    else if (found == NULL || strcmp(found, value) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", option == NULL ? "the URL" : option, found == NULL ? "missing" : found,
                 value);
}

static void assert_input(const struct shown *shown, struct slice expected)
{
    const char *mark = memmem(shown->bytes, shown->length, "INPUT:", strlen("INPUT:"));
    assert_non_null(mark);
    size_t offset = (size_t)(mark - shown->bytes) + strlen("INPUT:");
    assert_true(slice_equal(slice_from(slice_of(shown->bytes, shown->length), offset), expected));
}

static struct sign_request make_request(const char *target, struct slice body)
{
    return (struct sign_request){
        .account = "main", .method = slice_text("POST"), .target = slice_text(target), .body = body
    };
}

static void show(struct shown *shown, const char *shell, const struct sign_request *request, const char *api_key)
{
    struct sign_result result = { .api_key = slice_text(api_key), .expires_ms = 1770742394290 };
    struct buffer script;
    memset(result.signature, 'a', sizeof(result.signature));
    buffer_init(&script, OUTPUT_MAX);
    buffer_append_text(&script, SHOW_ARGUMENTS);
    sign_append_curl(&script, request, &result, &upstream);
    assert_false(script.failed);
    run_shell(shown, shell, buffer_text(&script));
    buffer_free(&script);
}

static bool is_missing(const char *shell)
{
    return access(shell, X_OK) != 0;
}

static void a_printable_body_is_one_argument_whatever_is_in_it(void **state)
{
    (void)state;
    static const char *const bodies[] = { "{\"a\": \"it's $HOME `date` \\\" \\\\ !x *\"}",
                                          "@/etc/hostname",
                                          "-d",
                                          "'",
                                          "''",
                                          "\\",
                                          "%s %% \\n",
                                          "#; & | < > ( ) ~",
                                          "{}" };
    struct shown shown;
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(bodies); i++) {
        struct sign_request request = make_request("/api/x", slice_text(bodies[i / 2]));
        if (is_missing(shells[i % 2]))
            continue;
        show(&shown, shells[i % 2], &request, "key");
        assert_argument(&shown, "--data-raw", bodies[i / 2]);
        assert_argument(&shown, "--data-binary", NULL);
        assert_input(&shown, slice_of(NULL, 0));
    }
}

static void a_body_of_any_bytes_comes_through_the_pipe(void **state)
{
    (void)state;
    unsigned char bytes[512];
    struct shown shown;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i < 256 ? i : 511 - i); /* each byte before and behind others */
    struct sign_request request = make_request("/api/x", slice_of(bytes, sizeof(bytes)));
    for (size_t i = 0; i < ARRAY_LENGTH(shells); i++) {
        if (is_missing(shells[i]))
            continue;
        show(&shown, shells[i], &request, "key");
        assert_argument(&shown, "--data-binary", "@-");
        assert_argument(&shown, "--data-raw", NULL);
        assert_input(&shown, slice_of(bytes, sizeof(bytes)));
    }
}

static void a_body_from_a_file_is_named_by_its_path(void **state)
{
    (void)state;
    struct shown shown;
    struct sign_request request = make_request("/api/x", SLICE_LITERAL("\0\1"));
    request.body_file = "/tmp/my bot's order.json";
    show(&shown, shells[0], &request, "key");
    assert_argument(&shown, "--data-binary", "@/tmp/my bot's order.json");
    assert_input(&shown, slice_of(NULL, 0));
}

static void target_key_and_fields_arrive_as_they_are(void **state)
{
    (void)state;
    struct shown shown;
    struct sign_request request = make_request("/a'b//c/../d;x?{e}=[1-2]&f=$g`h`\\\"|*%2F?", slice_of(NULL, 0));
    show(&shown, shells[0], &request, "k'e\"y$");
    assert_argument(&shown, NULL, "https://api.coinstore.com/a'b//c/../d;x?{e}=[1-2]&f=$g`h`\\\"|*%2F?");
    assert_argument(&shown, "--request", "POST");
    assert_argument(&shown, "--request-target", NULL);
    assert_argument(&shown, "--data-raw", NULL);
    assert_non_null(memmem(shown.bytes, shown.length, "X-CS-APIKEY: k'e\"y$\0", 20));
    assert_non_null(memmem(shown.bytes, shown.length, "X-CS-EXPIRES: 1770742394290\0", 28));
    assert_non_null(memmem(shown.bytes, shown.length, "Content-Type: application/json\0", 31));
    assert_non_null(memmem(shown.bytes, shown.length, "--path-as-is\0--globoff\0", 23));
}

/* curl cuts a URL at '#' and percent-encodes what is not ASCII. */
static void a_target_that_curl_would_change_is_given_apart_from_the_url(void **state)
{
    (void)state;
    static const char *const targets[] = { "/a?b#c", "/\xc3\xa4?b=\xff" };
    struct shown shown;
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
        struct sign_request request = make_request(targets[i], slice_of(NULL, 0));
        show(&shown, shells[0], &request, "key");
        assert_argument(&shown, "--request-target", targets[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_printable_body_is_one_argument_whatever_is_in_it),
        cmocka_unit_test(a_body_of_any_bytes_comes_through_the_pipe),
        cmocka_unit_test(a_body_from_a_file_is_named_by_its_path),
        cmocka_unit_test(target_key_and_fields_arrive_as_they_are),
        cmocka_unit_test(a_target_that_curl_would_change_is_given_apart_from_the_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
