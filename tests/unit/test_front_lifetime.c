/* Requests that wait for their answer, clients that leave, and the front's own end. */
#include "front_fixture.h"

#include <fcntl.h>
#include <netinet/in.h>

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

static struct fixture *open_answering_later(void)
{
    struct fixture *fixture = fixture_open_default();
    fixture->answer_later = true;
    fixture->reply.release = count_release;
    fixture->reply.release_context = fixture;
    return fixture;
}

/* A client whose request waits for its answer. */
static struct client *open_waiting(struct fixture *fixture)
{
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, fixture->seen_count + 1);
    return client;
}

/* --- resets --- */

static bool is_reset(struct fixture *fixture)
{
    return fixture->until_client->reset || fixture->until_client->closed;
}

static void assert_reset(struct fixture *fixture, struct client *client)
{
    fixture->until_client = client;
    run_until(fixture, is_reset);
    assert_true(client->reset);
    assert_int_equal(client->in.length, 0);
}

static void a_request_that_waits_can_be_ended_with_a_reset(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    assert_false(front_request_client_left(last_seen(fixture)->request));
    front_reset(last_seen(fixture)->request);
    assert_int_equal(fixture->finished, 0);
    wait_for_finished(fixture, 1);
    assert_reset(fixture, client);
    assert_int_equal(fixture->delivered, 0);
    assert_int_equal(front_in_flight(fixture->front), 0);
    client_close(client);
    fixture_close(fixture);
}

static void reset_at_once(void *context, struct front_request *request)
{
    struct fixture *fixture = context;
    front_request_set_context(request, fixture);
    front_reset(request);
    assert_int_equal(fixture->finished, 0); /* not before front_reset returns */
}

static void a_request_can_be_ended_with_a_reset_as_soon_as_it_is_handed_over(void **state)
{
    (void)state;
    struct front_options options = fixture_default_options();
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    front_close(fixture->front);
    options = fixture->options;
    options.listen_fd = fixture_listen(fixture, "127.0.0.1:0");
    options.handler.request = reset_at_once;
    struct error error;
    assert_true(front_open(&fixture->front, &options, &error));
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_finished(fixture, 1);
    assert_reset(fixture, client);
    assert_int_equal(fixture->delivered, 0);
    client_close(client);
    fixture_close(fixture);
}

static void a_reset_of_what_is_answered_changes_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    answer(fixture, last_seen(fixture)->request);
    front_reset(last_seen(fixture)->request);
    wait_for_finished(fixture, 1);
    assert_received(client, fixture->reply.body);
    assert_int_equal(fixture->delivered, 1);
    client_close(client);
    fixture_close(fixture);
}

/* --- answers that come later --- */

static void an_answer_may_come_later(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    run_for(fixture, 20000);
    assert_int_equal(client->in.length, 0);
    assert_int_equal(front_in_flight(fixture->front), 1);
    answer(fixture, last_seen(fixture)->request);
    wait_for_finished(fixture, 1);
    assert_received(client, fixture->reply.body);
    assert_int_equal(fixture->delivered, 1);
    assert_int_equal(fixture->released_before_finished, 1);
    assert_int_equal(front_in_flight(fixture->front), 0);
    client_close(client);
    fixture_close(fixture);
}

static void requests_of_several_clients_are_answered_in_any_order(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *clients[SEEN_MAX];
    for (size_t i = 0; i < SEEN_MAX; i++)
        clients[i] = open_waiting(fixture);
    assert_int_equal(front_in_flight(fixture->front), SEEN_MAX);
    for (size_t i = SEEN_MAX; i-- > 0;)
        answer(fixture, fixture->seen[i].request); /* all in one turn of the loop */
    wait_for_finished(fixture, SEEN_MAX);
    for (size_t i = 0; i < SEEN_MAX; i++) {
        assert_received(clients[i], fixture->reply.body);
        client_close(clients[i]);
    }
    assert_int_equal(fixture->delivered, SEEN_MAX);
    fixture_close(fixture);
}

static void a_request_can_be_answered_while_another_one_is_handed_over(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *first = open_waiting(fixture);
    struct client *second = client_open(fixture);
    fixture->answer_later = false;
    client_send_text(second, get);
    fixture->until_count = 2;
    run_until(fixture, enough_seen);
    answer(fixture, fixture->seen[0].request);
    wait_for_finished(fixture, 2);
    assert_received(first, fixture->reply.body);
    assert_int_equal(fixture->delivered, 2);
    client_close(first);
    client_close(second);
    fixture_close(fixture);
}

static struct front_request *to_answer;

/* Answers the request that waits from within the one that comes. */
static void answer_both(void *context, struct front_request *request)
{
    see_request(context, request);
    if (to_answer != NULL)
        answer(context, to_answer);
    to_answer = request;
}

static void an_answer_from_within_another_requests_handling_is_sent_at_once(void **state)
{
    (void)state;
    struct front_options options = fixture_default_options();
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    front_close(fixture->front);
    options = fixture->options;
    options.listen_fd = fixture_listen(fixture, "127.0.0.1:0");
    options.handler.request = answer_both;
    struct error error;
    assert_true(front_open(&fixture->front, &options, &error));
    fixture->answer_later = true;
    to_answer = NULL;
    struct client *first = open_waiting(fixture);
    struct client *second = open_waiting(fixture);
    wait_for_finished(fixture, 1);
    assert_received(first, fixture->reply.body);
    answer(fixture, to_answer);
    wait_for_finished(fixture, 2);
    assert_received(second, fixture->reply.body);
    client_close(first);
    client_close(second);
    fixture_close(fixture);
}

static void a_defective_request_may_be_answered_later(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = client_open(fixture);
    client_send_text(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}");
    wait_for_seen(fixture, 1);
    answer(fixture, last_seen(fixture)->request);
    wait_for_end(client);
    assert_received(client, fixture->reply.body);
    assert_int_equal(fixture->delivered, 1);
    client_close(client);
    fixture_close(fixture);
}

/* --- clients that leave --- */

static void an_answer_to_a_client_that_left_is_safe_and_not_delivered(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    client_close(open_waiting(fixture));
    run_for(fixture, 20000);
    assert_int_equal(fixture->finished, 0);
    answer(fixture, last_seen(fixture)->request);
    assert_false(fixture->reply_failed);
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 0);
    assert_int_equal(fixture->released_before_finished, 1);
    fixture_close(fixture);
}

static void an_answer_to_a_client_that_reset_is_safe_and_not_delivered(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    assert_int_equal(setsockopt(client->io.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    client_close(client);
    answer(fixture, last_seen(fixture)->request);
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 0);
    fixture_close(fixture);
}

/* Also: no SIGPIPE ends the process, whose action is the default one here. */
static void a_client_that_leaves_in_the_middle_of_its_answer_did_not_get_it(void **state)
{
    (void)state;
    enum { LENGTH = 16 * 1024 * 1024 };
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    char *body = calloc(1, LENGTH);
    assert_non_null(body);
    fixture->reply.body = slice_of(body, LENGTH);
    client_send_text(client, get);
    wait_for_bytes(client, 100);
    client_close(client);
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 0);
    fixture_close(fixture);
    free(body);
}

static void a_client_that_leaves_before_its_request_is_whole_is_never_seen(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "GET /a?b HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"
    };
    struct fixture *fixture = fixture_open_default();
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
        struct client *client = client_open(fixture);
        client_send_text(client, beginnings[i]);
        wait_for_in_flight(fixture, 1);
        client_close(client);
        wait_for_in_flight(fixture, 0);
    }
    assert_int_equal(fixture->seen_count, 0);
    assert_int_equal(fixture->finished, 0);
    fixture_close(fixture);
}

/* --- bounds --- */

static void a_connection_over_the_bound_is_told_so_at_once(void **state)
{
    (void)state;
    static const char told[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    struct front_options options = fixture_default_options();
    options.connections_max = 2;
    options.turned_away = slice_text(told);
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    struct client *clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = client_open(fixture);
        client_send_text(clients[i], get);
        if (i < 2)
            wait_for_finished(fixture, i + 1);
    }
    wait_for_end(clients[2]);
    assert_true(slice_equal_text(buffer_slice(&clients[2]->in), told));
    assert_int_equal(fixture->seen_count, 2);
    client_close(clients[0]);
    wait_for_in_flight(fixture, 0);
    run_for(fixture, 20000);
    client_close(clients[2]);
    clients[2] = client_open(fixture);
    client_send_text(clients[2], get);
    wait_for_finished(fixture, 3);
    client_close(clients[1]);
    client_close(clients[2]);
    fixture_close(fixture);
}

static void who_has_sent_nothing_makes_room_for_others(void **state)
{
    (void)state;
    struct front_options options = fixture_default_options();
    options.connections_max = 2;
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    struct client *used = client_open(fixture);
    client_send_text(used, get);
    wait_for_finished(fixture, 1);
    struct client *silent = client_open(fixture);
    run_for(fixture, 300000);
    struct client *late = client_open(fixture);
    client_send_text(late, get);
    wait_for_finished(fixture, 2);
    wait_for_end(silent);
    assert_int_equal(silent->in.length, 0);
    client_send_text(used, get);
    wait_for_finished(fixture, 3);
    client_close(used);
    client_close(silent);
    client_close(late);
    fixture_close(fixture);
}

static void a_request_that_is_late_is_handed_over_as_such(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "G",
        "GET ",
        "GET /a",
        "GET /a HTT",
        "GET /a HTTP/1.1\r",
        "GET /a HTTP/1.1\r\nHost: x\r\nContent-Le",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1F",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\nA: b",
    };
    struct front_options options = fixture_default_options();
    options.request_timeout_us = 20000;
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
        struct client *client = client_open(fixture);
        client_send_text(client, beginnings[i]);
        wait_for_finished(fixture, i + 1);
        assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_LATE);
        wait_for_end(client);
        assert_true(client->in.length > 0);
        client_close(client);
    }
    fixture_close(fixture);
}

static void a_client_that_does_not_take_its_answer_is_ended(void **state)
{
    (void)state;
    enum { LARGE = 64 * 1024 * 1024 }; /* more than the kernel takes for one that does not read */
    struct front_options options = fixture_default_options();
    options.answer_timeout_us = 50000;
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    char *body = calloc(1, LARGE);
    assert_non_null(body);
    fixture->reply.body = slice_of(body, LARGE);
    struct client *client = client_open(fixture);
    loop_io_remove(fixture->loop, &client->io); /* it does not read */
    assert_int_equal(send(client->io.fd, get, strlen(get), 0), (ssize_t)strlen(get));
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 0);
    client_close(client);
    fixture_close(fixture);
    free(body);
}

static void an_idle_connection_is_closed_and_one_that_waits_for_its_answer_is_not(void **state)
{
    (void)state;
    struct front_options options = fixture_default_options();
    options.idle_timeout_us = 1;
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    struct client *silent = client_open(fixture);
    struct client *idle = client_open(fixture);
    struct client *waiting = client_open(fixture);
    client_send_text(idle, get);
    wait_for_finished(fixture, 1);
    fixture->answer_later = true;
    client_send_text(waiting, get);
    wait_for_seen(fixture, 2);
    wait_for_end(silent);
    wait_for_end(idle);
    assert_false(waiting->closed || waiting->reset);
    answer(fixture, last_seen(fixture)->request);
    wait_for_finished(fixture, 2);
    assert_int_equal(fixture->delivered, 2);
    client_close(silent);
    client_close(idle);
    client_close(waiting);
    fixture_close(fixture);
}

/* --- the front's end --- */

static void once_it_stops_accepting_open_connections_get_one_last_answer(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct client *idle = client_open(fixture);
    client_send_text(idle, get);
    wait_for_finished(fixture, 1);
    assert_received(idle, fixture->reply.body);
    fixture->answer_later = true;
    struct client *waiting = open_waiting(fixture);
    front_stop_accepting(fixture->front);
    front_stop_accepting(fixture->front);
    int refused = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(refused, (struct sockaddr *)&fixture->address, fixture->address_length), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(close(refused), 0);
    answer(fixture, last_seen(fixture)->request);
    fixture->answer_later = false;
    wait_for_end(waiting);
    assert_non_null(strstr(buffer_text(&fixture->expected_head), "\r\nConnection: close\r\n"));
    assert_received(waiting, fixture->reply.body);
    client_send_text(idle, get);
    wait_for_end(idle);
    assert_received(idle, fixture->reply.body);
    assert_int_equal(fixture->delivered, 3);
    client_close(idle);
    client_close(waiting);
    fixture_close(fixture);
}

static void closing_ends_every_request_undelivered(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *clients[4];
    clients[0] = open_waiting(fixture);
    clients[1] = open_waiting(fixture);
    answer(fixture, last_seen(fixture)->request); /* given, but not sent */
    clients[2] = open_waiting(fixture);
    clients[3] = client_open(fixture);
    fixture->answer_later = false;
    client_send_text(clients[3], "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{"); /* never seen */
    wait_for_finished(fixture, 1);
    wait_for_in_flight(fixture, 3);
    size_t finished = fixture->finished;
    size_t in_flight = front_in_flight(fixture->front);
    front_close(fixture->front);
    fixture->front = NULL;
    assert_int_equal(finished, 1);
    assert_int_equal(in_flight, 3);
    assert_int_equal(fixture->finished, 3);
    assert_int_equal(fixture->delivered, 1);
    assert_int_equal(fixture->released, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
        wait_for_end(clients[i]);
        client_close(clients[i]);
    }
    fixture_close(fixture);
}

static void closing_releases_an_answer_that_was_not_sent(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    answer(fixture, last_seen(fixture)->request);
    front_close(fixture->front);
    fixture->front = NULL;
    assert_int_equal(fixture->finished, 1);
    assert_int_equal(fixture->delivered, 0);
    assert_int_equal(fixture->released_before_finished, 1);
    client_close(client);
    fixture_close(fixture);
}

static void closing_after_it_stopped_accepting_is_safe(void **state)
{
    (void)state;
    struct fixture *fixture = open_answering_later();
    struct client *client = open_waiting(fixture);
    front_stop_accepting(fixture->front);
    front_close(fixture->front);
    fixture->front = NULL;
    assert_int_equal(fixture->finished, 1);
    client_close(client);
    fixture_close(fixture);
}

static void a_front_that_cannot_start_leaves_the_listening_socket_to_its_caller(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct front_options options = fixture->options;
    struct front *front = NULL;
    struct error error = { .kind = ERROR_NONE };
    options.listen_fd = fixture_listen(fixture, "127.0.0.1:0");
    options.tls_certificate = "no certificate";
    options.tls_key = "no key";
    assert_false(front_open(&front, &options, &error));
    assert_null(front);
    assert_int_equal(error.kind, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "GnuTLS failed to setup x509 certificate/key"));
    assert_int_equal(fcntl(options.listen_fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(close(options.listen_fd), 0);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_waits_can_be_ended_with_a_reset),
        cmocka_unit_test(a_request_can_be_ended_with_a_reset_as_soon_as_it_is_handed_over),
        cmocka_unit_test(a_reset_of_what_is_answered_changes_nothing),
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(requests_of_several_clients_are_answered_in_any_order),
        cmocka_unit_test(a_request_can_be_answered_while_another_one_is_handed_over),
        cmocka_unit_test(an_answer_from_within_another_requests_handling_is_sent_at_once),
        cmocka_unit_test(a_defective_request_may_be_answered_later),
        cmocka_unit_test(an_answer_to_a_client_that_left_is_safe_and_not_delivered),
        cmocka_unit_test(an_answer_to_a_client_that_reset_is_safe_and_not_delivered),
        cmocka_unit_test(a_client_that_leaves_in_the_middle_of_its_answer_did_not_get_it),
        cmocka_unit_test(a_client_that_leaves_before_its_request_is_whole_is_never_seen),
        cmocka_unit_test(a_connection_over_the_bound_is_told_so_at_once),
        cmocka_unit_test(who_has_sent_nothing_makes_room_for_others),
        cmocka_unit_test(a_request_that_is_late_is_handed_over_as_such),
        cmocka_unit_test(a_client_that_does_not_take_its_answer_is_ended),
        cmocka_unit_test(an_idle_connection_is_closed_and_one_that_waits_for_its_answer_is_not),
        cmocka_unit_test(once_it_stops_accepting_open_connections_get_one_last_answer),
        cmocka_unit_test(closing_ends_every_request_undelivered),
        cmocka_unit_test(closing_releases_an_answer_that_was_not_sent),
        cmocka_unit_test(closing_after_it_stopped_accepting_is_safe),
        cmocka_unit_test(a_front_that_cannot_start_leaves_the_listening_socket_to_its_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
