/* What may cross between signer and proxy, on both sides: everything else fails closed. */
#include "signer/session.h"
#include "signer/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int64_t now_ms = 1770742394290;

/* A signer of two accounts, without sources: "first" with the vectors' secret. */
static char first_key[] = "3a1f5c7e9b2d4f6a8c0e1b3d5f7a9c2e", second_key[] = "k";
static char first_secret[] = "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e", second_secret[] = "s";
static struct signer_account accounts[] = {
    { .api_key = { first_key, sizeof(first_key) - 1 }, .api_secret = { first_secret, sizeof(first_secret) - 1 } },
    { .api_key = { second_key, sizeof(second_key) - 1 }, .api_secret = { second_secret, sizeof(second_secret) - 1 } },
};
static struct config_account account_configs[] = { { .name = "first" },
                                                   { .name = "second", .clock = CONFIG_CLOCK_EXCHANGE } };
static const struct config config = { .accounts = account_configs, .account_count = 2 };
static const struct signer signer = { .config = &config, .accounts = accounts };

static struct signer_wire_message make(enum signer_wire_type type)
{
    struct signer_wire_message message;
    wire_begin(&message, type);
    return message;
}

static struct signer_wire_message make_wanted(uint32_t account, uint64_t window)
{
    struct signer_wire_message message = make(SIGNER_WIRE_KEY_WANTED);
    message.generation = 1;
    message.account = account;
    message.window = window;
    return message;
}

static bool take(struct signer_session *session, struct signer_wire_message message)
{
    return session_take(session, &message, now_ms);
}

static struct signer_wire_message next_of(struct signer_session *session)
{
    struct signer_wire_message message;
    assert_true(session_owes(session));
    session_next(&message, session);
    session_sent(session);
    return message;
}

/* A session past its greeting. */
static struct signer_session greeted(void)
{
    struct signer_session session;
    session_begin(&session, &signer);
    assert_true(take(&session, make(SIGNER_WIRE_HELLO)));
    while (session_owes(&session))
        (void)next_of(&session); /* looked at elsewhere */
    return session;
}

static void hello_is_answered_with_every_account_the_last_marked(void **state)
{
    (void)state;
    struct signer_session session;
    session_begin(&session, &signer);
    assert_false(session_owes(&session));
    assert_true(take(&session, make(SIGNER_WIRE_HELLO)));
    struct signer_wire_message first = next_of(&session), second = next_of(&session);
    assert_false(session_owes(&session));
    assert_true(wire_is_account(&first, 0, 1));
    assert_true(wire_is_account(&second, 1, 1));
    assert_int_equal(first.last, 0);
    assert_int_equal(second.last, 1);
    assert_string_equal(first.body.account_info.name, "first");
    assert_string_equal(second.body.account_info.name, "second");
    assert_int_equal(first.body.account_info.api_key_length, strlen(first_key));
    assert_memory_equal(first.body.account_info.api_key, first_key, strlen(first_key));
}

static void a_wanted_key_is_the_one_the_vectors_name(void **state)
{
    (void)state;
    struct signer_session session = greeted();
    assert_true(take(&session, make_wanted(0, 59024746)));
    struct signer_wire_message answer = next_of(&session);
    const struct wire_wanted wanted = { .generation = 1, .account = 0, .window = 59024746 };
    assert_true(wire_is_key(&answer, &wanted));
    assert_int_equal(answer.status, SIGNER_WIRE_OK);
    assert_memory_equal(answer.body.key.text, "bd68fb1146af054959c6a7adf0f69a2f91ecf95e9bbeedb5c6666251b9176c27",
                        SCHEME_WINDOW_KEY_LENGTH);
}

static void only_windows_next_to_the_clocks_own_are_given(void **state)
{
    (void)state;
    static const struct {
        uint64_t window;
        enum signer_wire_status status;
    } cases[] = {
        { 59024744, SIGNER_WIRE_WINDOW_REFUSED },
        { 59024745, SIGNER_WIRE_OK },
        { 59024746, SIGNER_WIRE_OK },
        { 59024747, SIGNER_WIRE_OK },
        { 59024748, SIGNER_WIRE_WINDOW_REFUSED },
        { 0, SIGNER_WIRE_WINDOW_REFUSED },
        { UINT64_MAX, SIGNER_WIRE_WINDOW_REFUSED },
    };
    static const struct scheme_window_key none;
    struct signer_session session = greeted();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(take(&session, make_wanted(1, cases[i].window)));
        struct signer_wire_message answer = next_of(&session);
        assert_int_equal(answer.status, cases[i].status);
        if (answer.status != SIGNER_WIRE_OK)
            assert_memory_equal(&answer.body.key, &none, sizeof(none));
    }
}

/* Window 59024746 begins 14290 ms before now_ms: five minutes are ten windows. */
static void a_clock_is_corrected_by_five_minutes_at_most_and_for_an_account_that_follows_alone(void **state)
{
    (void)state;
    static const struct {
        uint32_t account;
        int64_t offset_ms;
        uint64_t window;
        enum signer_wire_status status;
    } cases[] = {
        { 1, 300000, 59024756, SIGNER_WIRE_OK },
        { 1, 300000, 59024757, SIGNER_WIRE_OK },
        { 1, 300000, 59024758, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, 300000, 59024746, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, 300001, 59024756, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, -300000, 59024736, SIGNER_WIRE_OK },
        { 1, -300001, 59024736, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, INT64_MAX, 59024746, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, INT64_MIN, 59024746, SIGNER_WIRE_WINDOW_REFUSED },
        { 1, 0, 59024746, SIGNER_WIRE_OK },
        { 0, 1, 59024746, SIGNER_WIRE_WINDOW_REFUSED },
        { 0, 60000, 59024748, SIGNER_WIRE_WINDOW_REFUSED },
        { 0, 0, 59024746, SIGNER_WIRE_OK },
    };
    struct signer_session session = greeted();
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct signer_wire_message wanted = make_wanted(cases[i].account, cases[i].window);
        wanted.offset_ms = cases[i].offset_ms;
        assert_true(take(&session, wanted));
        assert_int_equal(next_of(&session).status, cases[i].status);
    }
}

static void what_is_out_of_turn_ends_the_session(void **state)
{
    (void)state;
    struct signer_session session;
    session_begin(&session, &signer);
    assert_false(take(&session, make_wanted(0, 59024746))); /* before HELLO */
    session = greeted();
    assert_false(take(&session, make(SIGNER_WIRE_HELLO))); /* twice */
    assert_false(take(&session, make(SIGNER_WIRE_ACCOUNT)));
    assert_false(take(&session, make(SIGNER_WIRE_KEY)));
    assert_false(take(&session, make((enum signer_wire_type)0)));
    assert_false(take(&session, make_wanted(2, 59024746)));
    assert_false(take(&session, make_wanted(UINT32_MAX, 59024746)));
    assert_false(session_owes(&session));
}

/* What takes the place of the accounts when their sources have been read anew. */
static char new_secret[] = "1e2d3c4b5a69788796a5b4c3d2e1f001", new_key[] = "9a3f5c7e9b2d4f6a8c0e1b3d5f7a9c2e";

static void accounts_that_were_read_anew_are_told_unasked_with_the_next_generations_number(void **state)
{
    (void)state;
    struct signer_account renewed[] = {
        { { new_key, sizeof(new_key) - 1 }, { new_secret, sizeof(new_secret) - 1 }, .changed = true },
        accounts[1],
    };
    struct signer holder = { .config = &config, .accounts = accounts };
    struct signer_session session;
    session_begin(&session, &holder);
    assert_false(session_is_at_rest(&session)); /* nobody is there to be told */
    assert_true(take(&session, make(SIGNER_WIRE_HELLO)));
    assert_false(session_is_at_rest(&session));
    (void)next_of(&session);
    assert_false(session_is_at_rest(&session));
    (void)next_of(&session);
    assert_true(session_is_at_rest(&session));
    holder.accounts = renewed;
    session_renew(&session);
    assert_false(session_is_at_rest(&session));
    struct signer_wire_message first = next_of(&session), second = next_of(&session);
    assert_true(wire_is_account(&first, 0, 2) && wire_is_account(&second, 1, 2));
    assert_int_equal(first.body.account_info.changed, 1);
    assert_int_equal(second.body.account_info.changed, 0);
    assert_memory_equal(first.body.account_info.api_key, new_key, strlen(new_key));
    assert_true(session_is_at_rest(&session));
}

static void a_key_of_what_was_replaced_is_not_given_and_one_to_come_must_not_be_asked_for(void **state)
{
    (void)state;
    struct signer_session session = greeted();
    struct scheme_window_key expected;
    static const struct scheme_window_key none;
    session_renew(&session);
    (void)next_of(&session);
    (void)next_of(&session);
    struct signer_wire_message wanted = make_wanted(0, 59024746), answer;
    assert_true(take(&session, wanted)); /* was on its way when the accounts were told */
    answer = next_of(&session);
    assert_int_equal(answer.status, SIGNER_WIRE_REPLACED);
    assert_int_equal(answer.generation, 1);
    assert_memory_equal(&answer.body.key, &none, sizeof(none));
    wanted.generation = 2;
    assert_true(take(&session, wanted));
    answer = next_of(&session);
    assert_int_equal(answer.status, SIGNER_WIRE_OK);
    assert_true(scheme_window_key_derive(&expected, slice_text(first_secret), 59024746, NULL));
    assert_memory_equal(&answer.body.key, &expected, sizeof(expected));
    wanted.generation = 3;
    assert_false(take(&session, wanted));
    wanted.generation = 0;
    assert_false(take(&session, wanted));
}

static void a_message_of_another_length_or_magic_is_none(void **state)
{
    (void)state;
    struct signer_wire_message made = make(SIGNER_WIRE_HELLO), taken;
    unsigned char bytes[sizeof(made) + 1] = { 0 };
    memcpy(bytes, &made, sizeof(made));
    assert_true(wire_parse(&taken, bytes, sizeof(made)));
    assert_memory_equal(&taken, &made, sizeof(made));
    assert_false(wire_parse(&taken, bytes, sizeof(made) - 1));
    assert_false(wire_parse(&taken, bytes, sizeof(made) + 1));
    assert_false(wire_parse(&taken, bytes, 0));
    bytes[0] ^= 1;
    assert_false(wire_parse(&taken, bytes, sizeof(made)));
}

static struct signer_wire_message good_account(void)
{
    struct signer_wire_message message = make(SIGNER_WIRE_ACCOUNT);
    message.account = 3;
    message.generation = 2;
    memcpy(message.body.account_info.name, "main", 4);
    memcpy(message.body.account_info.api_key, "abc", 3);
    message.body.account_info.api_key_length = 3;
    return message;
}

static void the_proxy_takes_no_account_with_a_field_out_of_range(void **state)
{
    (void)state;
    struct signer_wire_message message = good_account();
    assert_true(wire_is_account(&message, 3, 2));
    assert_false(wire_is_account(&message, 2, 2));
    assert_false(wire_is_account(&message, 3, 1));
    assert_false(wire_is_account(&message, 3, 3));
#define REFUSES(change)                                                                                                \
    do {                                                                                                               \
        message = good_account();                                                                                      \
        change;                                                                                                        \
        assert_false(wire_is_account(&message, 3, 2));                                                                 \
    } while (0)
    REFUSES(message.type = SIGNER_WIRE_KEY);
    REFUSES(message.last = 2);
    REFUSES(message.body.account_info.changed = 2);
    REFUSES(message.body.account_info.name[0] = '\0');
    REFUSES(message.body.account_info.name[1] = '\n');
    REFUSES(memset(message.body.account_info.name, 'a', sizeof(message.body.account_info.name)));
    REFUSES(message.body.account_info.api_key_length = 0);
    REFUSES(message.body.account_info.api_key_length = SIGNER_WIRE_API_KEY_MAX + 1);
    REFUSES(message.body.account_info.api_key_length = UINT32_MAX);
    REFUSES(message.body.account_info.api_key[2] = '\r');
    REFUSES(message.body.account_info.api_key[0] = ' ');
    REFUSES(message.body.account_info.api_key_length = 4); /* a NUL at its end */
#undef REFUSES
}

static void the_proxy_takes_no_key_but_the_one_asked_for(void **state)
{
    (void)state;
    struct signer_wire_message message = make(SIGNER_WIRE_KEY);
    const struct wire_wanted wanted = { .generation = 2, .account = 1, .window = 7 };
    const struct wire_wanted others[] = { { 1, 1, 7, 0 }, { 3, 1, 7, 0 }, { 2, 0, 7, 0 }, { 2, 1, 8, 0 } };
    message.generation = 2;
    message.account = 1;
    message.window = 7;
    memset(message.body.key.text, 'a', sizeof(message.body.key.text));
    assert_true(wire_is_key(&message, &wanted));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(wire_is_key(&message, &others[i]));
    message.body.key.text[63] = 'g';
    assert_false(wire_is_key(&message, &wanted));
    for (uint16_t status = SIGNER_WIRE_WINDOW_REFUSED; status <= SIGNER_WIRE_REPLACED; status++) {
        message.status = status;
        assert_true(wire_is_key(&message, &wanted));
    }
    message.status = SIGNER_WIRE_REPLACED + 1;
    assert_false(wire_is_key(&message, &wanted));
    message.status = SIGNER_WIRE_FAILED;
    message.type = SIGNER_WIRE_HELLO;
    assert_false(wire_is_key(&message, &wanted));
}

static void a_socket_carries_whole_messages_and_tells_the_other_sides_end(void **state)
{
    (void)state;
    int ends[2];
    struct signer_wire_message sent = make(SIGNER_WIRE_HELLO), taken;
    unsigned char bytes[sizeof(sent) + 16] = { 0 };
    memcpy(bytes, &sent, sizeof(sent));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(wire_receive(&taken, ends[0]), WIRE_LATER);
    assert_int_equal(wire_send(ends[1], &sent), WIRE_DONE);
    assert_int_equal(wire_receive(&taken, ends[0]), WIRE_DONE);
    assert_memory_equal(&taken, &sent, sizeof(sent));
    static const size_t wrong_lengths[] = { 1, sizeof(sent) - 1, sizeof(sent) + 1, sizeof(bytes) };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong_lengths); i++) {
        assert_int_equal(send(ends[1], bytes, wrong_lengths[i], 0), wrong_lengths[i]);
        assert_int_equal(wire_receive(&taken, ends[0]), WIRE_MALFORMED);
    }
    while (wire_send(ends[1], &sent) == WIRE_DONE) {}
    assert_int_equal(wire_send(ends[1], &sent), WIRE_LATER);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(wire_send(ends[1], &sent), WIRE_ENDED);
    assert_int_equal(wire_receive(&taken, ends[1]), WIRE_ENDED);
    assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_answered_with_every_account_the_last_marked),
        cmocka_unit_test(a_wanted_key_is_the_one_the_vectors_name),
        cmocka_unit_test(only_windows_next_to_the_clocks_own_are_given),
        cmocka_unit_test(a_clock_is_corrected_by_five_minutes_at_most_and_for_an_account_that_follows_alone),
        cmocka_unit_test(what_is_out_of_turn_ends_the_session),
        cmocka_unit_test(accounts_that_were_read_anew_are_told_unasked_with_the_next_generations_number),
        cmocka_unit_test(a_key_of_what_was_replaced_is_not_given_and_one_to_come_must_not_be_asked_for),
        cmocka_unit_test(a_message_of_another_length_or_magic_is_none),
        cmocka_unit_test(the_proxy_takes_no_account_with_a_field_out_of_range),
        cmocka_unit_test(the_proxy_takes_no_key_but_the_one_asked_for),
        cmocka_unit_test(a_socket_carries_whole_messages_and_tells_the_other_sides_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
