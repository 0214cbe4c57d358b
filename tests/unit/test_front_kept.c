/* Connections that are kept, and what comes on them at moments when libmicrohttpd does not look (gate_poll.c). Nothing here may need the
 * idle timeout, or another connection's events, to go on: the fixture's guard is shorter than that. */
#include "front_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { TURNS = 20, QUIET_US = 5000 };

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

static struct fixture *open_answering_later(const char *where)
{
    struct fixture *fixture = fixture_open(where, fixture_default_options());
    fixture->answer_later = true;
    return fixture;
}

static void close_all(struct fixture *fixture)
{
    struct sockaddr_un *at = (struct sockaddr_un *)&fixture->address;
    if (at->sun_family == AF_UNIX)
        assert_int_equal(unlink(at->sun_path), 0);
    fixture_close(fixture);
}

static void give_answer(struct fixture *fixture, struct client *client)
{
    size_t finished = fixture->finished;
    answer(fixture, last_seen(fixture)->request);
    wait_for_finished(fixture, finished + 1);
    assert_received(client, fixture->reply.body);
}

static void each_request_of_a_kept_connection_is_read_however_it_comes(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    for (size_t turn = 1; turn <= TURNS; turn++) {
        size_t cut = turn % sizeof(get);
        client_send(client, slice_of(get, cut));
        run_for(fixture, cut % 2 == 0 ? QUIET_US : 0);
        client_send_text(client, get + cut);
        wait_for_seen(fixture, turn);
        run_for(fixture, turn % 3 == 0 ? QUIET_US : 0);
        give_answer(fixture, client);
        run_for(fixture, turn % 5 == 0 ? QUIET_US : 0);
    }
    assert_int_equal(fixture->delivered, TURNS);
    client_close(client);
    close_all(fixture);
}

static void what_comes_while_a_request_waits_is_read_behind_its_answer(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    for (size_t turn = 2; turn <= TURNS; turn++) {
        client_send_text(client, get);
        run_for(fixture, turn % 2 == 0 ? QUIET_US : 0);
        assert_int_equal(fixture->seen_count, turn - 1);
        give_answer(fixture, client);
        wait_for_seen(fixture, turn);
    }
    give_answer(fixture, client);
    client_close(client);
    close_all(fixture);
}

static void others_that_wait_meanwhile_are_not_forgotten(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *clients[SEEN_MAX];
    for (size_t i = 0; i < SEEN_MAX; i++)
        clients[i] = client_open(fixture);
    for (size_t turn = 1; turn <= TURNS; turn++) {
        fixture->seen_count = 0;
        for (size_t i = 0; i < SEEN_MAX; i++)
            client_send_text(clients[i], get);
        wait_for_seen(fixture, SEEN_MAX);
        for (size_t i = 0; i < SEEN_MAX; i++)
            answer(fixture, fixture->seen[(i + turn) % SEEN_MAX].request);
        wait_for_finished(fixture, turn * SEEN_MAX);
        for (size_t i = 0; i < SEEN_MAX; i++)
            assert_received(clients[i], fixture->reply.body);
    }
    for (size_t i = 0; i < SEEN_MAX; i++)
        client_close(clients[i]);
    close_all(fixture);
}

/* The end comes with the request's bytes: the kernel tells of both at once. */
static void a_client_that_ends_its_side_with_its_request_is_closed_behind_the_answer(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    assert_int_equal(send(client->io.fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    assert_int_equal(shutdown(client->io.fd, SHUT_WR), 0);
    wait_for_seen(fixture, 1);
    answer(fixture, last_seen(fixture)->request);
    wait_for_end(client);
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 0);
    client_close(client);
    close_all(fixture);
}

static void a_client_that_ends_its_side_while_it_waits_is_closed_behind_the_answer(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    assert_int_equal(shutdown(client->io.fd, SHUT_WR), 0);
    run_for(fixture, QUIET_US);
    answer(fixture, last_seen(fixture)->request);
    wait_for_end(client);
    wait_for_finished(fixture, 1);
    client_close(client);
    close_all(fixture);
}

/* The second one's bytes and the client's end come while the first one waits: libmicrohttpd finds both by itself when the first is answered,
 * and reads no more behind what it got. The second one is answered at once, so nothing looks for its client's end then. */
static void a_client_that_ends_its_side_behind_a_next_request_is_closed_behind_its_answer(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    struct front_request *first = last_seen(fixture)->request;
    assert_int_equal(send(client->io.fd, get, sizeof(get) - 1, MSG_NOSIGNAL), sizeof(get) - 1);
    assert_int_equal(shutdown(client->io.fd, SHUT_WR), 0);
    run_for(fixture, QUIET_US);
    fixture->answer_later = false;
    answer(fixture, first);
    wait_for_end(client);
    wait_for_finished(fixture, 2);
    client_close(client);
    close_all(fixture);
}

/* What came is the beginning of a request that will never be whole. */
static void a_client_that_ends_its_side_within_a_next_request_is_closed_at_once(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    assert_int_equal(send(client->io.fd, get, sizeof(get) / 2, MSG_NOSIGNAL), sizeof(get) / 2);
    assert_int_equal(shutdown(client->io.fd, SHUT_WR), 0);
    run_for(fixture, QUIET_US);
    answer(fixture, last_seen(fixture)->request);
    wait_for_end(client);
    wait_for_finished(fixture, 1);
    client_close(client);
    close_all(fixture);
}

static void a_client_that_ends_its_side_between_requests_is_closed(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    struct client *client = client_open(fixture);
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    give_answer(fixture, client);
    assert_int_equal(shutdown(client->io.fd, SHUT_WR), 0);
    wait_for_end(client);
    assert_int_equal(fixture->delivered, 1);
    client_close(client);
    close_all(fixture);
}

static void descriptors_may_be_used_again_by_connections_of_another_kind(void **state)
{
    struct fixture *fixture = open_answering_later(*state);
    for (size_t turn = 1; turn <= TURNS; turn++) {
        struct client *client = client_open(fixture);
        client_send_text(client, get);
        wait_for_seen(fixture, turn);
        if (turn % 2 == 0)
            give_answer(fixture, client);
        else
            front_reset((struct front_request *)last_seen(fixture)->request);
        wait_for_finished(fixture, turn);
        client_close(client);
    }
    close_all(fixture);
}

/* --- the end of a turn --- */

static struct front_request *waits;

static bool answers_who_waits(struct fixture *fixture)
{
    if (fixture->seen_count < fixture->until_count || waits == NULL)
        return false;
    struct front_request *request = waits;
    waits = NULL;
    answer(fixture, request);
    return true;
}

/* Its answer is given in each of the steps that one turn of the loop may take, and its next request follows at once. */
static void an_answer_at_the_end_of_a_turn_leaves_the_next_request_readable(void **state)
{
    enum { PIPELINED = SEEN_MAX - 1 };
    for (size_t step = 1; step <= PIPELINED; step++) {
        struct fixture *fixture = open_answering_later(*state);
        struct client *waiting = client_open(fixture), *busy = client_open(fixture);
        client_send_text(waiting, get);
        wait_for_seen(fixture, 1);
        waits = last_seen(fixture)->request;
        fixture->answer_later = false;
        for (size_t i = 0; i < PIPELINED; i++)
            client_send_text(busy, get);
        fixture->until_count = 1 + step;
        run_until(fixture, answers_who_waits);
        wait_for_bytes(waiting, 1);
        client_send_text(waiting, get);
        wait_for_finished(fixture, 1 + PIPELINED + 1);
        client_close(waiting);
        client_close(busy);
        close_all(fixture);
    }
}

#define BOTH(test)                                                                                                     \
    { #test " (TCP)", test, NULL, NULL, tcp },                                                                         \
    {                                                                                                                  \
#test " (unix)", test, NULL, NULL, unix_socket                                                                 \
    }

int main(void)
{
    static char tcp[] = "127.0.0.1:0", folder[] = "/tmp/countersign-front-XXXXXX", unix_socket[64];
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(unix_socket, sizeof(unix_socket), "unix:%s/socket", folder); /* fits */
    const struct CMUnitTest tests[] = {
        BOTH(each_request_of_a_kept_connection_is_read_however_it_comes),
        BOTH(what_comes_while_a_request_waits_is_read_behind_its_answer),
        BOTH(others_that_wait_meanwhile_are_not_forgotten),
        BOTH(a_client_that_ends_its_side_with_its_request_is_closed_behind_the_answer),
        BOTH(a_client_that_ends_its_side_while_it_waits_is_closed_behind_the_answer),
        BOTH(a_client_that_ends_its_side_behind_a_next_request_is_closed_behind_its_answer),
        BOTH(a_client_that_ends_its_side_within_a_next_request_is_closed_at_once),
        BOTH(a_client_that_ends_its_side_between_requests_is_closed),
        BOTH(an_answer_at_the_end_of_a_turn_leaves_the_next_request_readable),
        BOTH(descriptors_may_be_used_again_by_connections_of_another_kind),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) == 0 ? failed : 1;
}
