/* An answer's bytes, in whatever pieces they come, are told alike: each once, in order, as head, body or coding. */
#include "answer_fixture.h"

static void assert_same(const struct tale *tale, const struct tale *whole)
{
    assert_int_equal(tale->progress, whole->progress);
    assert_int_equal(tale->used, whole->used);
    assert_int_equal(tale->may_end, whole->may_end);
    assert_string_equal(tale->kinds, whole->kinds);
    assert_int_equal(tale->head_ends, whole->head_ends);
    assert_int_equal(tale->head_length, whole->head_length);
    assert_memory_equal(tale->head, whole->head, whole->head_length);
    assert_int_equal(tale->body_length, whole->body_length);
    assert_memory_equal(tale->body, whole->body, whole->body_length);
}

static void assert_as_expected(const struct tale *tale, const struct example *example, enum answer_progress progress)
{
    size_t used = tale->input.length - strlen(or_none(example->excess));
    if (tale->progress != progress || tale->used != used)
        fail_msg("%.*s: progress %d, not %d; %zu bytes used, not %zu", SLICE_ARGUMENTS(tale->input),
                 (int)tale->progress, (int)progress, tale->used, used);
    assert_true(slice_equal_text(slice_of(tale->head, tale->head_length), example->head));
    assert_true(slice_equal_text(slice_of(tale->body, tale->body_length), or_none(example->body)));
}

static void check_splits(const struct tale *fresh, const struct tale *whole)
{
    for (size_t first = 0; first <= whole->input.length; first++) {
        struct tale tale = *fresh;
        read_in_pieces(&tale, first, ALL);
        assert_same(&tale, whole);
    }
    struct tale tale = *fresh;
    read_in_pieces(&tale, 1, 1);
    assert_same(&tale, whole);
}

static void check(const struct example *examples, size_t count, enum answer_progress progress)
{
    char text[BYTES_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct tale fresh = { .input = join(text, &examples[i]), .to_head = examples[i].to_head };
        struct tale whole = fresh;
        read_in_pieces(&whole, ALL, ALL);
        assert_as_expected(&whole, &examples[i], progress);
        check_splits(&fresh, &whole);
    }
}

#define OK       "HTTP/1.1 200 OK\r\n"
#define LENGTH_5 OK "Content-Length: 5\r\n\r\n"
#define CHUNKED  OK "Transfer-Encoding: chunked\r\n\r\n"
#define EARLY    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define NEXT     "HTTP/1.1 500 Other\r\nContent-Length: 0\r\n\r\n"
#define CHUNKS   "3;ext=1\r\nabc\r\nA\r\n\r\n12345678\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n"

static const struct example whole_answers[] = {
    { .head = LENGTH_5, .rest = "a\r\n\r\n", .body = "a\r\n\r\n", .excess = NEXT },
    { .head = OK "content-LENGTH:0\r\n\r\n", .excess = "x" },
    { .head = "HTTP/1.1 200\nContent-Length: 2\n\n", .rest = "\n\n", .body = "\n\n", .excess = "\n" },
    { .head = OK "A: 1\nContent-Length: 1\r\n\n", .rest = "x", .body = "x" },
    { .head = OK "\rA: a\rb\r\r\nContent-Length: 1\r\n\r\n", .rest = "x", .body = "x" },
    { .head = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", .excess = "later" },
    { .head = "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", .excess = NEXT },
    { .head = LENGTH_5, .to_head = true, .excess = NEXT },
    { .head = OK "Transfer-Encoding: gzip\r\n\r\n", .to_head = true, .excess = "0" },
    { .head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", .excess = NEXT },
    { .before = "HTTP/1.1 100 Continue\r\n\r\n" EARLY EARLY, .head = LENGTH_5, .rest = "abcde", .body = "abcde" },
    { .before = EARLY, .head = LENGTH_5, .to_head = true, .excess = "x" },
    { .head = CHUNKED, .rest = CHUNKS, .body = "abc\r\n12345678", .excess = NEXT },
    { .before = EARLY, .head = OK "TRANSFER-encoding: CHUNKED\r\n\r\n", .rest = "0\r\n\r\n", .excess = "\r\n" },
    { .head = OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      .rest = "1\r\na\r\n0\r\n\r\n",
      .body = "a" },
    { .head = CHUNKED, .rest = "0000000000000002\r\nab\r\n000;x\r\n\r\n", .body = "ab" },
    { .head = CHUNKED, .rest = "2 \t;x\r\nab\r\n2;q=\"\xff;0\"; r\r\ncd\r\n0\r\n\r\n", .body = "abcd" },
};

static const struct example unended_answers[] = {
    { .head = "" },
    { .head = "HTTP/1." },
    { .head = OK "Content-Le" },
    { .head = OK "Content-Length: 0\r\n\r" },
    { .before = EARLY, .head = "" },
    { .head = LENGTH_5, .rest = "abcd", .body = "abcd" },
    { .head = OK "\r\n", .rest = "all of\r\n\r\n it", .body = "all of\r\n\r\n it" },
    { .head = OK "\r\n" },
    { .head = OK "Content-Length : 2\r\n\r\n", .rest = "abc", .body = "abc" },
    { .head = OK "Content-Length: 99999999999999999999999\r\n\r\n", .rest = "abc", .body = "abc" },
    { .head = CHUNKED, .rest = "20\r\npart", .body = "part" },
    { .head = CHUNKED, .rest = "4\r\npart\r\n", .body = "part" },
    { .head = CHUNKED, .rest = "ffffffffffffffff\r\na", .body = "a" },
    { .head = CHUNKED, .rest = "0\r\n" },
    { .head = CHUNKED, .rest = "0\r\nX-T: 1\r\n\r" },
};

static const struct example folded_lines[] = {
    { .head = OK " ", .excess = "folded\r\n\r\n" },
    { .head = OK "A: 1\n\t", .excess = "folded\r\n\r\n" },
    { .before = EARLY, .head = OK " ", .excess = ": 1\r\n\r\n" },
    { .head = OK "Content-Length: 5\r\n ", .excess = "\r\n\r\nabcde" },
};

static const struct example other_protocols[] = {
    { .head = "", .excess = "220 mail.example.com ESMTP\r\n" },
    { .head = "", .excess = "\r\n" LENGTH_5 },
    { .head = "", .excess = " " OK },
    { .head = "", .excess = "http/1.1 200 OK\r\n\r\n" },
    { .head = "HTTP/", .excess = "2 200\r\n\r\n" },
    { .head = "HTTP/1.", .excess = "x 200 OK\r\n\r\n" },
    { .before = EARLY, .head = "", .excess = "SSH-2.0" },
    { .before = EARLY, .head = "HT", .excess = "\r\n" },
};

static const struct example unreadable_heads[] = {
    { .head = OK "no colon here\r\nContent-Length: 0\r\n\r\n", .excess = "x" },
    { .head = OK "\r\r\n\r\n" },
    { .head = OK "Transfer-Encoding: gzip, chunked\r\n\r\n", .excess = "0\r\n\r\n" },
    { .head = OK "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n", .excess = "x" },
    { .head = OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", .excess = "0\r\n\r\n" },
    { .head = OK "Transfer-Encoding:\r\n\r\n", .excess = "x" },
    { .head = OK "Content-Length: 5, 5\r\n\r\n", .excess = "abcde" },
    { .head = OK "Content-Length: +5\r\n\r\n", .excess = "abcde" },
    { .head = OK "Content-Length:\r\n\r\n", .excess = "abcde" },
};

static const struct example unreadable_chunks[] = {
    { .head = CHUNKED, .rest = "", .excess = "\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "", .excess = ";x\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "", .excess = " 1\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "", .excess = "-1\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "", .excess = "G\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "0", .excess = "x1\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "1 ", .excess = "1\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "1\t ", .excess = "\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "0000000000000000", .excess = "1\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "ffffffffffffffff", .excess = "f\r\na" },
    { .head = CHUNKED, .rest = "1", .excess = "\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "1\r", .excess = "a\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "1;x", .excess = "\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "1;x\r", .excess = "y\r\na\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "2\r\nab", .body = "ab", .excess = "\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "2\r\nab", .body = "ab", .excess = "c\r\n0\r\n\r\n" },
    { .head = CHUNKED, .rest = "2\r\nab\r", .body = "ab", .excess = "0\r\n\r\n" },
    { .head = CHUNKED, .rest = "2\r\nab\r\n", .body = "ab", .excess = "\r\n\r\n" },
    { .head = CHUNKED, .rest = "0\r\n", .excess = "\n" },
    { .head = CHUNKED, .rest = "0\r\n\r", .excess = "x" },
    { .head = CHUNKED, .rest = "0\r\nX-T: 1", .excess = "\n\r\n" },
    { .head = CHUNKED, .rest = "0\r\nX-T: 1\r", .excess = "2\r\n\r\n" },
    { .head = CHUNKED, .rest = "0\r\nX-T: 1\r\n", .excess = " 2\r\n\r\n" },
};

static void a_whole_answer_is_told_alike_in_any_pieces_and_what_is_behind_it_is_left(void **state)
{
    (void)state;
    check(whole_answers, ARRAY_LENGTH(whole_answers), ANSWER_WHOLE);
}

static void an_answer_that_goes_on_is_told_as_far_as_it_came(void **state)
{
    (void)state;
    check(unended_answers, ARRAY_LENGTH(unended_answers), ANSWER_MORE);
}

static void a_head_that_is_none_ends_the_reading_at_its_first_wrong_byte(void **state)
{
    (void)state;
    check(folded_lines, ARRAY_LENGTH(folded_lines), ANSWER_FOLDED);
    check(other_protocols, ARRAY_LENGTH(other_protocols), ANSWER_NOT_HTTP);
    check(unreadable_heads, ARRAY_LENGTH(unreadable_heads), ANSWER_BAD_CODING);
}

static void chunks_that_are_none_end_the_reading_at_their_first_wrong_byte(void **state)
{
    (void)state;
    check(unreadable_chunks, ARRAY_LENGTH(unreadable_chunks), ANSWER_BAD_CODING);
}

/* After each of an answer's bytes. */
static void check_ends(const struct example *example)
{
    char text[BYTES_MAX];
    struct slice input = join(text, example);
    for (size_t length = 0; length <= input.length; length++) {
        struct tale tale = { .input = slice_first(input, length), .to_head = example->to_head };
        read_in_pieces(&tale, ALL, ALL);
        bool is_to_the_end = strcmp(example->head, OK "\r\n") == 0 || strstr(example->head, "Content-Length :") != NULL;
        assert_int_equal(tale.may_end, is_to_the_end && length >= strlen(example->head));
    }
}

static void only_an_answer_without_length_may_end_with_its_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(whole_answers); i++)
        check_ends(&whole_answers[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(unended_answers); i++)
        check_ends(&unended_answers[i]);
}

static void check_stop(const struct tale *whole, char kind, size_t behind)
{
    struct tale fresh = { .input = whole->input, .stop_kind = kind, .stop_behind = behind }, tale = fresh;
    read_in_pieces(&tale, ALL, ALL);
    assert_int_equal(tale.progress, ANSWER_STOPPED);
    assert_memory_equal(tale.kinds, whole->kinds, tale.used);
    struct tale bytewise = fresh;
    read_in_pieces(&bytewise, 1, 1);
    assert_int_equal(bytewise.progress, ANSWER_STOPPED);
    assert_true(bytewise.used <= tale.used && bytewise.kinds[bytewise.used - 1] == kind);
    assert_memory_equal(bytewise.kinds, whole->kinds, bytewise.used);
}

static void the_owner_can_stop_at_every_byte_of_each_kind(void **state)
{
    (void)state;
    static const char kinds[] = "hbc";
    char text[BYTES_MAX];
    const struct example example = { .before = EARLY, .head = CHUNKED, .rest = CHUNKS, .excess = NEXT };
    struct tale whole = { .input = join(text, &example) };
    read_in_pieces(&whole, ALL, ALL);
    for (const char *kind = kinds; *kind != '\0'; kind++) {
        size_t behind = 0;
        for (size_t i = 0; i < whole.used; i++) {
            if (whole.kinds[i] == *kind)
                check_stop(&whole, *kind, behind++);
        }
        assert_true(behind > 0);
    }
}

static void what_came_at_once_is_told_at_once(void **state)
{
    (void)state;
    char text[BYTES_MAX];
    const struct example by_length = { .head = OK "A: 1\r\nContent-Length: 5\r\n\r\n", .rest = "abcde" };
    struct tale tale = { .input = join(text, &by_length) };
    read_in_pieces(&tale, ALL, ALL);
    assert_int_equal(tale.head_calls, 1);
    assert_int_equal(tale.body_calls, 1);
    const struct example chunked = { .head = CHUNKED, .rest = CHUNKS };
    struct tale second = { .input = join(text, &chunked) };
    read_in_pieces(&second, ALL, ALL);
    assert_int_equal(second.head_calls, 1);
    assert_int_equal(second.body_calls, 2);
    assert_int_equal(second.coding_calls, 3);
}

static void a_connection_carries_another_request_only_where_both_sides_know_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool keeps;
    } cases[] = {
        { LENGTH_5, true },
        { CHUNKED, true },
        { "HTTP/1.1 204 No Content\r\n\r\n", true },
        { OK "Content-Length: 5\r\nConnection: x\r\nConnection: a, CLOSE ,b\r\n\r\n", false },
        { OK "Content-Length: 5\r\nConnection: closed\r\n\r\n", true },
        { OK "Content-Length: 5\r\nConnection: keep-alive, close\r\n\r\n", false },
        { OK "\r\n", false },
        { OK "Transfer-Encoding: gzip\r\n\r\n", false },
        { "HTTP/1.1 101 Switching Protocols\r\n\r\n", false },
        { EARLY, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive, close\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false },
        { "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", false },
        { "HTTP/1.12 200 OK\r\nContent-Length: 5\r\n\r\n", false },
        { "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\n", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t length = 0;
        bool keeps = !cases[i].keeps;
        (void)frame(slice_text(cases[i].head), false, &length, &keeps); /* the examples show it */
        if (keeps != cases[i].keeps)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_is_told_alike_in_any_pieces_and_what_is_behind_it_is_left),
        cmocka_unit_test(an_answer_that_goes_on_is_told_as_far_as_it_came),
        cmocka_unit_test(a_head_that_is_none_ends_the_reading_at_its_first_wrong_byte),
        cmocka_unit_test(chunks_that_are_none_end_the_reading_at_their_first_wrong_byte),
        cmocka_unit_test(only_an_answer_without_length_may_end_with_its_connection),
        cmocka_unit_test(the_owner_can_stop_at_every_byte_of_each_kind),
        cmocka_unit_test(what_came_at_once_is_told_at_once),
        cmocka_unit_test(a_connection_carries_another_request_only_where_both_sides_know_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
