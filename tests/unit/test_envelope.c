/* What an answer says of itself: the one rule for exchanges of our own and imported ones. */
#include "countersign/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct envelope read_answer(struct buffer *message, int status, const char *target, const char *coding,
                                   const char *body)
{
    const struct envelope_answer answer = { .method = SLICE_LITERAL("POST"),
                                            .target = slice_text(target),
                                            .status = status,
                                            .coding = slice_text(coding),
                                            .body = slice_text(body) };
    struct envelope envelope;
    envelope_read(&envelope, message, &answer);
    return envelope;
}

static void check(int status, const char *target, const char *body, enum envelope_verdict verdict, const char *code,
                  const char *text)
{
    struct buffer message;
    buffer_init(&message, 1000);
    struct envelope envelope = read_answer(&message, status, target, "", body);
    assert_int_equal(envelope.verdict, verdict);
    assert_true(slice_equal_text(slice_of(envelope.code, envelope.code_length), code));
    assert_true(slice_equal_text(buffer_slice(&message), text));
    assert_int_equal(envelope.has_message, text[0] != '\0');
    buffer_free(&message);
}

static const char place[] = "/api/trade/order/place";

static void a_code_of_0_is_success_as_a_number_and_as_a_string(void **state)
{
    (void)state;
    check(200, place, "{\"code\":0,\"message\":\"Success\"}", ENVELOPE_OK, "0", "Success");
    check(200, place, "{\"data\":{\"code\":9},\"code\":\"0\"}", ENVELOPE_OK, "0", "");
    check(500, place, "{\"code\":0}", ENVELOPE_HTTP_ERROR, "0", "");
}

static void any_other_code_is_a_failure_whatever_the_status(void **state)
{
    (void)state;
    check(200, place, "{\"code\":1401,\"msg\":\"unauthorized\"}", ENVELOPE_API_ERROR, "1401", "unauthorized");
    check(401, place, "{\"code\":\"401\",\"message\":\"signature\\u002dfailed\"}", ENVELOPE_API_ERROR, "401",
          "signature-failed");
    check(200, place, "{\"code\":200}", ENVELOPE_API_ERROR, "200", "");
}

static void the_transfer_endpoint_also_says_200(void **state)
{
    (void)state;
    check(200, "/api/v1/future/transfer?x=1", "{\"code\":200}", ENVELOPE_OK, "200", "");
    check(200, "/api/v1/future/transfers", "{\"code\":200}", ENVELOPE_API_ERROR, "200", "");
}

static void without_a_code_nobody_knows_but_for_public_calls_and_error_statuses(void **state)
{
    (void)state;
    check(200, place, "<html>", ENVELOPE_NO_CODE, "", "");
    check(200, place, "{\"code\":true}", ENVELOPE_NO_CODE, "", "");
    check(200, place, "{\"code\":\"a b\"}", ENVELOPE_NO_CODE, "", "");
    check(302, place, "", ENVELOPE_HTTP_ERROR, "", "");
    check(304, place, "", ENVELOPE_NO_CODE, "", "");
    const struct envelope_answer answer = { .method = SLICE_LITERAL("GET"), .is_public = true, .status = 200 };
    struct buffer message;
    struct envelope envelope;
    buffer_init(&message, 1000);
    envelope_read(&envelope, &message, &answer);
    assert_int_equal(envelope.verdict, ENVELOPE_OK);
    buffer_free(&message);
}

static void a_body_that_cannot_be_decoded_is_said_to_be_so(void **state)
{
    (void)state;
    struct buffer message;
    buffer_init(&message, 1000);
    struct envelope envelope = read_answer(&message, 200, place, "gzip", "{\"code\":0}");
    assert_true(envelope.is_unreadable);
    assert_int_equal(envelope.verdict, ENVELOPE_NO_CODE);
    envelope = read_answer(&message, 502, place, "zstd", "");
    assert_false(envelope.is_unreadable);
    assert_int_equal(envelope.verdict, ENVELOPE_HTTP_ERROR);
    buffer_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_of_0_is_success_as_a_number_and_as_a_string),
        cmocka_unit_test(any_other_code_is_a_failure_whatever_the_status),
        cmocka_unit_test(the_transfer_endpoint_also_says_200),
        cmocka_unit_test(without_a_code_nobody_knows_but_for_public_calls_and_error_statuses),
        cmocka_unit_test(a_body_that_cannot_be_decoded_is_said_to_be_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
