/* Connections to the exchange that cannot be had at once: who rests between two tries, whose time they take, and when the next is
 * opened. */
#include "upstream_clock.h"
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/socket.h>

/* --- a call that rests between two tries gets a connection that another call left --- */

enum step { ASKED = 1, CAME };

enum { OTHERS_MAX = 2, PAST_RETRY_US = 300000 /* three times what lies between two tries: upstream.h */ };

/* So many connections are had, and no other. The first is left for the call that rests; it is answered when it would have tried again,
 * and the others are idle meanwhile. */
static void refuse_all_others(struct server *server)
{
    const size_t *count = rig_of(server)->given;
    struct peer peers[OTHERS_MAX];
    for (size_t i = 0; i < *count; i++)
        peers[i] = server_accept(server);
    (void)shutdown(server->listen_fd, SHUT_RDWR); /* what fails here and below shows at the client */
    for (size_t i = 0; i < *count; i++)
        (void)server_read(server, &peers[i]);
    rig_reach(server, ASKED);
    server_wait(server);
    (void)peer_send(&peers[0], harness_ok);
    (void)server_read(server, &peers[0]);
    for (size_t i = 1; i < *count; i++)
        (void)peer_send(&peers[i], harness_ok);
    rig_reach(server, CAME);
    server_wait(server);
    (void)peer_send(&peers[0], harness_ok);
    for (size_t i = 0; i < *count; i++)
        peer_answer_all(server, &peers[i]);
}

static void note_past(struct loop_timer *timer)
{
    bool *is_past = timer->context;
    *is_past = true;
}

static bool is_so(const void *context)
{
    const bool *is_past = context;
    return *is_past;
}

static void run_past_retry(struct client *client)
{
    bool is_past = false;
    struct loop_timer timer = { .expired = note_past, .context = &is_past };
    loop_timer_start(client->loop, &timer, PAST_RETRY_US);
    client_run_until(client, is_so, &is_past);
}

struct opened {
    const struct rig *rig;
    unsigned count;
};

static bool has_opened(const void *context)
{
    const struct opened *opened = context;
    return atomic_load(&opened->rig->counts.opened) >= opened->count;
}

/* `others` calls have all the connections there are. */
static void assert_sent_once_after_a_rest(size_t others, const struct upstream_request *request, bool may_repeat)
{
    struct rig rig;
    struct answer answers[OTHERS_MAX + 1];
    struct call_context calls[OTHERS_MAX + 1];
    struct upstream_request get = get_request("/other");
    rig_start(&rig, NULL, refuse_all_others, &others);
    rig_connect(&rig);
    for (size_t i = 0; i <= others; i++)
        calls[i] = (struct call_context){ .client = &rig.client, .answer = &answers[i] };
    for (size_t i = 0; i < others; i++)
        client_send(&calls[i], &get, false);
    rig_run_to(&rig, ASKED);
    client_send(&calls[others], request, may_repeat);
    struct opened tried_twice = { .rig = &rig, .count = (unsigned)others + 2 };
    client_run_until(&rig.client, has_opened, &tried_twice);
    client_turn(&rig.client); /* it rests again */
    server_release(&rig.server);
    rig_run_to(&rig, CAME);
    run_past_retry(&rig.client);
    server_release(&rig.server);
    client_run(&rig.client);
    client_turn(&rig.client);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, others + 1);
    assert_true(answers[others].connection.reused);
    for (size_t i = 0; i <= others; i++) {
        assert_string_equal(answers[i].message, "");
        assert_int_equal(answers[i].failure, UPSTREAM_OK);
        assert_int_equal(answers[i].attempts, 1);
        assert_int_equal(answers[i].asked, 1);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

static void a_call_that_rested_keeps_the_connection_it_got(void **state)
{
    (void)state;
    const struct upstream_request order = post_request("/order", "{}"), get = get_request("/get");
    assert_sent_once_after_a_rest(1, &order, false);
    assert_sent_once_after_a_rest(1, &get, true);
}

static void a_call_that_rested_is_not_sent_over_two_connections(void **state)
{
    (void)state;
    const struct upstream_request order = post_request("/order", "{}"), get = get_request("/get");
    assert_sent_once_after_a_rest(2, &order, false);
    assert_sent_once_after_a_rest(2, &get, true);
}

/* --- a call that takes over a connection which was being opened ahead --- */

enum { CONNECT_S = 400 };

/* The kernel connects, and nobody shakes hands. */
static void accept_nobody(struct server *server)
{
    server_wait(server);
}

/* `before_s`: how long the connection had been in the making when the call came. */
static void start_behind(struct rig *rig, const struct tls_folder *folder, struct call_context *call, unsigned before_s)
{
    struct upstream_request order = post_request("/order", "{}");
    rig_start(rig, folder, accept_nobody, NULL);
    rig->options.connect_timeout_us = (int64_t)CONNECT_S * 1000000;
    rig->options.timeout_us = 10 * rig->options.connect_timeout_us;
    rig->options.warm = 1;
    rig_connect(rig);
    upstream_keep_warm(rig->client.upstream);
    client_turn(&rig->client);
    clock_pass(before_s);
    client_send(call, &order, false);
    client_turn(&rig->client);
    assert_int_equal(atomic_load(&rig->counts.opened), 1);
}

static void end_without_connection(struct rig *rig, struct answer *answer, unsigned opened)
{
    client_run(&rig->client);
    assert_int_equal(answer->failure, UPSTREAM_CONNECT_TIMEOUT);
    assert_int_equal(answer->attempts, 0);
    assert_false(answer->bytes_left);
    assert_int_equal(atomic_load(&rig->counts.opened), opened);
    server_release(&rig->server);
    rig_end(rig);
    answer_free(answer);
    rig_free(rig);
}

static void a_connection_taken_over_does_not_begin_the_connect_timeout_anew(void **state)
{
    struct rig rig;
    struct answer answer;
    struct call_context call = { .client = &rig.client, .answer = &answer };
    start_behind(&rig, *state, &call, 0);
    clock_pass(CONNECT_S + 1);
    end_without_connection(&rig, &answer, 1);
}

static void a_call_has_what_is_left_of_its_connect_timeout_after_a_connection_taken_over(void **state)
{
    struct rig rig;
    struct answer answer;
    struct call_context call = { .client = &rig.client, .answer = &answer };
    struct opened own = { .rig = &rig, .count = 2 };
    start_behind(&rig, *state, &call, CONNECT_S / 2);
    clock_pass(CONNECT_S / 2 + 1);
    client_run_until(&rig.client, has_opened, &own);
    assert_false(answer.is_done);
    clock_pass(CONNECT_S / 2);
    end_without_connection(&rig, &answer, 2);
}

/* --- connections ahead of requests, after an outage --- */

enum { FAILURES = 20, MORE_THAN_ANY_REST_S = 31, TURNS_MAX = 1000 };

static void fail_often(struct client *client, const struct upstream_counts *counts)
{
    for (unsigned turn = 0; turn < TURNS_MAX && atomic_load(&counts->opened) < FAILURES; turn++) {
        clock_pass(MORE_THAN_ANY_REST_S);
        client_turn(client);
    }
    client_turn(client); /* the last try has failed: half a minute of rest begins */
    assert_true(atomic_load(&counts->opened) >= FAILURES);
}

struct wanted {
    const struct server *server;
    unsigned accepted;
};

static bool has_accepted(const void *context)
{
    const struct wanted *wanted = context;
    return atomic_load(&wanted->server->accepted) >= wanted->accepted;
}

/* The next of them comes before the rest is over, which is longer than a test may last. */
static void a_connection_that_is_had_ends_the_rest_of_those_kept_ahead(void **state)
{
    (void)state;
    char url[64];
    int port = closed_port();
    struct server server;
    struct client client;
    struct answer answer;
    struct upstream_counts counts = { 0 };
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    struct upstream_request get = get_request("/");
    struct wanted both = { .server = &server, .accepted = 2 };
    options.counts = &counts;
    options.warm = 2;
    client_start(&client, &options);
    upstream_keep_warm(client.upstream);
    fail_often(&client, &counts);
    server_start(&server, "127.0.0.1", port, NULL, script_answer_many);
    client_call(&client, &answer, &get);
    client_run_until(&client, has_accepted, &both);
    client_free(&client);
    server_release(&server);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(server.request_count, 1);
    exchange_end(&server, &answer);
}

static int make(void **state)
{
    return clock_restore(state) == 0 ? tls_folder_make(state) : -1;
}

#define CONNECT_TEST(name) cmocka_unit_test_setup_teardown(name, make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECT_TEST(a_call_that_rested_keeps_the_connection_it_got),
        CONNECT_TEST(a_call_that_rested_is_not_sent_over_two_connections),
        CONNECT_TEST(a_connection_taken_over_does_not_begin_the_connect_timeout_anew),
        CONNECT_TEST(a_call_has_what_is_left_of_its_connect_timeout_after_a_connection_taken_over),
        CONNECT_TEST(a_connection_that_is_had_ends_the_rest_of_those_kept_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
