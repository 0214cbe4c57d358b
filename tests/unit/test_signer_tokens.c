/* Tokens over the signer's socket: who may ask for them and when, and what the proxy takes in answer. */
#include "countersign/signer_tokens.h"
#include "signer/session.h"
#include "signer/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char token_text[] = "0123456789abcdefTOKEN", key_text[] = "made-up-key", secret_text[] = "made-up-secret";
static struct signer_account accounts[] = {
    { .api_key = { key_text, sizeof(key_text) - 1 }, .api_secret = { secret_text, sizeof(secret_text) - 1 } },
};
static struct config_account account_configs[] = { { .name = "main" } };
static struct config_listener listeners[] = { { .name = "a" }, { .name = "b" } };
static const struct config config = {
    .accounts = account_configs, .account_count = 1, .listeners = listeners, .listener_count = 2
};
static struct secret tokens[] = { { .bytes = NULL }, { token_text, sizeof(token_text) - 1 } };
static const struct signer signer = { .config = &config, .accounts = accounts, .tokens = tokens };

static struct signer_wire_message wanted(uint32_t listener)
{
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_TOKEN_WANTED);
    message.account = listener;
    return message;
}

static struct signer_wire_message answer_to(struct signer_session *session, uint32_t listener)
{
    struct signer_wire_message question = wanted(listener), answer;
    assert_true(session_take(session, &question, 0));
    assert_true(session_owes(session));
    session_next(&answer, session);
    session_sent(session);
    assert_false(session_owes(session));
    return answer;
}

static void each_listeners_token_is_told_before_the_greeting(void **state)
{
    (void)state;
    struct signer_session session;
    session_begin(&session, &signer);
    struct signer_wire_message none = answer_to(&session, 0), one = answer_to(&session, 1);
    assert_true(tokens_is_answer(&none, 0));
    assert_int_equal(none.body.token.length, 0);
    assert_true(tokens_is_answer(&one, 1));
    assert_int_equal(one.body.token.length, strlen(token_text));
    assert_memory_equal(one.body.token.text, token_text, strlen(token_text));
}

static void a_token_out_of_turn_or_of_no_listener_ends_the_session(void **state)
{
    (void)state;
    struct signer_session session;
    struct signer_wire_message hello, answer, question = wanted(2);
    session_begin(&session, &signer);
    assert_false(session_take(&session, &question, 0));
    question = wanted(UINT32_MAX);
    assert_false(session_take(&session, &question, 0));
    wire_begin(&answer, SIGNER_WIRE_TOKEN);
    assert_false(session_take(&session, &answer, 0));
    wire_begin(&hello, SIGNER_WIRE_HELLO);
    assert_true(session_take(&session, &hello, 0));
    question = wanted(1);
    session_next(&answer, &session);
    session_sent(&session);
    assert_false(session_take(&session, &question, 0)); /* the greeting is past */
}

static struct signer_wire_message good_answer(void)
{
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_TOKEN);
    message.account = 1;
    message.body.token.length = SIGNER_WIRE_TOKEN_MAX;
    memset(message.body.token.text, 'a', SIGNER_WIRE_TOKEN_MAX);
    return message;
}

static void the_proxy_takes_no_token_with_a_field_out_of_range(void **state)
{
    (void)state;
    struct signer_wire_message message = good_answer();
    assert_true(tokens_is_answer(&message, 1));
    assert_false(tokens_is_answer(&message, 0));
#define REFUSES(change)                                                                                                \
    do {                                                                                                               \
        message = good_answer();                                                                                       \
        change;                                                                                                        \
        assert_false(tokens_is_answer(&message, 1));                                                                   \
    } while (0)
    REFUSES(message.type = SIGNER_WIRE_ACCOUNT);
    REFUSES(message.body.token.length = SIGNER_WIRE_TOKEN_MAX + 1);
    REFUSES(message.body.token.length = UINT32_MAX);
    REFUSES(message.body.token.length = SIGNER_WIRE_TOKEN_MIN - 1);
    REFUSES(message.body.token.length = 1);
    REFUSES(message.body.token.text[SIGNER_WIRE_TOKEN_MAX - 1] = '\n');
    REFUSES(message.body.token.text[0] = ' ');
    REFUSES(message.body.token.text[7] = '\0');
#undef REFUSES
}

struct fake {
    int fd;
    struct signer_wire_message answers[2];
    size_t count;
};

/* A signer's end that says these things, one for each question, and then closes. */
static void *run_fake(void *context)
{
    struct fake *fake = context;
    struct signer_wire_message question;
    for (size_t i = 0; i < fake->count; i++) {
        if (recv(fake->fd, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
            (void)send(fake->fd, &fake->answers[i], sizeof(fake->answers[i]), MSG_NOSIGNAL);
    }
    (void)recv(fake->fd, &question, sizeof(question), 0);
    (void)close(fake->fd);
    return NULL;
}

static bool fetch(struct signer_token *fetched, const struct signer_wire_message *answers, size_t count)
{
    int ends[2];
    struct fake fake = { .count = count };
    struct error error;
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    fake.fd = ends[0];
    memcpy(fake.answers, answers, count * sizeof(*answers));
    assert_int_equal(pthread_create(&thread, NULL, run_fake, &fake), 0);
    bool done = signer_tokens_fetch(fetched, 2, ends[1], &error);
    assert_int_equal(shutdown(ends[1], SHUT_RDWR), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(ends[1]), 0);
    return done;
}

static void all_tokens_are_fetched_or_none(void **state)
{
    (void)state;
    static const struct signer_token nothing[2];
    struct signer_session session;
    struct signer_token fetched[2];
    session_begin(&session, &signer);
    struct signer_wire_message answers[] = { answer_to(&session, 0), answer_to(&session, 1) };
    assert_true(fetch(fetched, answers, 2));
    assert_int_equal(fetched[0].length, 0);
    assert_int_equal(fetched[1].length, strlen(token_text));
    assert_memory_equal(fetched[1].text, token_text, strlen(token_text));
    answers[1].account = 0; /* another listener's */
    assert_false(fetch(fetched, answers, 2));
    assert_memory_equal(fetched, nothing, sizeof(nothing));
    wire_begin(&answers[0], SIGNER_WIRE_KEY);
    assert_false(fetch(fetched, answers, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_listeners_token_is_told_before_the_greeting),
        cmocka_unit_test(a_token_out_of_turn_or_of_no_listener_ends_the_session),
        cmocka_unit_test(the_proxy_takes_no_token_with_a_field_out_of_range),
        cmocka_unit_test(all_tokens_are_fetched_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
