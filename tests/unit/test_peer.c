/* Who is at the other end of a connection, asked of this machine's own kernel; and the rule's text. */
#include "countersign/compiler.h"
#include "countersign/endpoint.h"
#include "countersign/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACES_TRIED = 200 };

/* A connection within this machine, and what accept(2) and getsockname(2) say of it. */
struct pair {
    int listener;
    int client;
    int accepted;
    struct sockaddr_storage peer;
    struct sockaddr_storage own;
};

static int listen_at(const char *where)
{
    struct endpoint endpoint;
    struct error error;
    int fd = -1;
    assert_true(endpoint_parse(&endpoint, where, &error));
    assert_true(endpoint_listen(&fd, &endpoint, &error));
    return fd;
}

static int connect_to(const char *host, int listener)
{
    struct sockaddr_storage at;
    struct endpoint endpoint;
    struct error error;
    char text[ENDPOINT_TEXT_MAX];
    socklen_t length = sizeof(at);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
    (void)snprintf(text, sizeof(text), "%s:%u", host, (unsigned)endpoint_port((struct sockaddr *)&at));
    assert_true(endpoint_parse(&endpoint, text, &error));
    int fd = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&endpoint.address, endpoint.length), 0);
    return fd;
}

static void take(struct pair *pair)
{
    socklen_t length = sizeof(pair->peer);
    pair->accepted = accept4(pair->listener, (struct sockaddr *)&pair->peer, &length, SOCK_CLOEXEC);
    assert_true(pair->accepted >= 0);
    length = sizeof(pair->own);
    assert_int_equal(getsockname(pair->accepted, (struct sockaddr *)&pair->own, &length), 0);
}

static struct pair join(const char *where, const char *host)
{
    struct pair pair = { .listener = listen_at(where) };
    pair.client = connect_to(host, pair.listener);
    take(&pair);
    return pair;
}

static void end(struct pair *pair)
{
    const int fds[] = { pair->listener, pair->client, pair->accepted };
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
}

static struct peer find(struct peer_lookup *lookup, const struct pair *pair)
{
    struct peer peer;
    peer_find(&peer, lookup, pair->accepted, (const struct sockaddr *)&pair->peer, (const struct sockaddr *)&pair->own);
    return peer;
}

static int make_lookup(void **state)
{
    struct peer_lookup *lookup = NULL;
    struct error error;
    if (!peer_lookup_create(&lookup, &error))
        return -1;
    *state = lookup;
    return 0;
}

static int drop_lookup(void **state)
{
    peer_lookup_free(*state);
    return 0;
}

static void the_user_is_found_over_both_families_and_ipv4_in_ipv6(void **state)
{
    static const char *const ways[][2] = { { "127.0.0.1:0", "127.0.0.1" }, { "127.0.0.1:0", "[::ffff:127.0.0.1]" },
                                           { "[::1]:0", "[::1]" },         { "[::]:0", "127.0.0.1" },
                                           { "[::]:0", "[::1]" },          { "[::]:0", "[::ffff:127.0.0.1]" },
                                           { "0.0.0.0:0", "127.1.2.3" } };
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct pair pair = join(ways[i][0], ways[i][1]);
        struct peer peer = find(*state, &pair);
        if (peer.standing != PEER_USER || peer.uid != (int64_t)getuid())
            fail_msg("%s from %s: standing %d, uid %lld", ways[i][0], ways[i][1], (int)peer.standing,
                     (long long)peer.uid);
        end(&pair);
    }
}

static void the_look_up_is_seen_to_work_by_the_listening_socket(void **state)
{
    static const char *const addresses[] = { "127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0" };
    struct error error;
    for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
        int fd = listen_at(addresses[i]);
        assert_true(peer_lookup_test(*state, fd, &error));
        (void)close(fd);
    }
    int unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer_lookup_test(*state, unix_fd, &error));
    (void)close(unix_fd);
}

static void who_sends_no_more_is_found(void **state)
{
    struct pair pair = join("127.0.0.1:0", "127.0.0.1");
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    assert_int_equal(find(*state, &pair).standing, PEER_USER);
    end(&pair);
}

/* Closed in order, it is an orphan for a while; reset, it is gone, and so is our end. */
static void who_is_gone_is_not_found(void **state)
{
    struct pair pair = { .listener = listen_at("127.0.0.1:0") };
    pair.client = connect_to("127.0.0.1", pair.listener);
    (void)close(pair.client);
    pair.client = -1;
    take(&pair);
    struct peer peer = find(*state, &pair);
    assert_int_equal(peer.standing, PEER_CLOSED);
    assert_int_equal(peer.uid, -1);
    end(&pair);

    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    pair = join("127.0.0.1:0", "127.0.0.1");
    assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(pair.client);
    pair.client = -1;
    peer = find(*state, &pair);
    assert_int_equal(peer.standing, PEER_NOT_FOUND);
    assert_int_equal(peer.uid, -1);
    end(&pair);
}

/* Ends the client, and has another one connect from where it did. False where the port is in use elsewhere, too: on a machine
 * with many connections, one port serves several. */
static bool take_the_clients_place(struct pair *pair)
{
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    int yes = 1;
    assert_int_equal(setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(pair->client);
    pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(pair->client, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
    if (bind(pair->client, (struct sockaddr *)&pair->peer, sizeof(struct sockaddr_in)) != 0) {
        assert_int_equal(errno, EADDRINUSE);
        return false;
    }
    assert_int_equal(connect(pair->client, (struct sockaddr *)&pair->own, sizeof(struct sockaddr_in)), 0);
    return true;
}

/* The place of an ended client taken by another one: the kernel finds that one's socket, whose connection it is not. */
static void who_came_after_a_client_is_not_taken_for_it(void **state)
{
    struct pair pair = join("127.0.0.1:0", "127.0.0.1");
    for (int left = PLACES_TRIED; !take_the_clients_place(&pair) && left > 0; left--) {
        end(&pair);
        pair = join("127.0.0.1:0", "127.0.0.1");
    }
    assert_int_equal(find(*state, &pair).standing, PEER_CLOSED);
    end(&pair);
}

/* With nobody connected from there, the kernel's look-up falls back to who listens on the port. */
static void who_listens_on_the_clients_port_is_not_taken_for_it(void **state)
{
    struct pair pair = join("127.0.0.1:0", "127.0.0.1");
    int other = listen_at("0.0.0.0:0");
    struct sockaddr_storage at;
    socklen_t length = sizeof(at);
    assert_int_equal(getsockname(other, (struct sockaddr *)&at, &length), 0);
    ((struct sockaddr_in *)&pair.peer)->sin_port = ((struct sockaddr_in *)&at)->sin_port;
    assert_int_equal(find(*state, &pair).standing, PEER_NOT_FOUND);
    (void)close(other);
    end(&pair);
}

static void an_address_of_another_machine_has_no_user(void **state)
{
    static const char *const remote[] = { "192.0.2.77:4000", "[2001:db8::77]:4000", "[::ffff:192.0.2.77]:4000" };
    struct pair pair = join("[::]:0", "127.0.0.1");
    for (size_t i = 0; i < ARRAY_LENGTH(remote); i++) {
        struct endpoint endpoint;
        struct error error;
        assert_true(endpoint_parse(&endpoint, remote[i], &error));
        memcpy(&pair.peer, &endpoint.address, sizeof(pair.peer));
        struct peer peer = find(*state, &pair);
        if (peer.standing != PEER_OTHER_MACHINE || peer.uid != -1)
            fail_msg("%s: standing %d", remote[i], (int)peer.standing);
    }
    end(&pair);
}

static void a_unix_sockets_user_is_known_without_a_look_up_and_a_tcp_clients_is_not(void **state)
{
    (void)state;
    struct pair tcp = join("127.0.0.1:0", "127.0.0.1");
    assert_int_equal(find(NULL, &tcp).standing, PEER_NOT_ASKED);
    end(&tcp);
    int ends[2];
    struct pair pair = { .listener = -1, .peer = { .ss_family = AF_UNIX }, .own = { .ss_family = AF_UNIX } };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pair.client = ends[0];
    pair.accepted = ends[1];
    struct peer peer = find(NULL, &pair);
    assert_int_equal(peer.standing, PEER_USER);
    assert_int_equal(peer.uid, (int64_t)getuid());
    end(&pair);
}

static void a_rule_is_read_as_it_is_written(void **state)
{
    (void)state;
    struct peer_rule rule;
    struct error error;
    assert_true(peer_rule_parse(&rule, "same-user", 7, &error));
    assert_true(peer_rule_takes(&rule, 7) && !peer_rule_takes(&rule, 0) && !peer_rule_takes(&rule, -1));
    assert_true(peer_rule_parse(&rule, "any", 7, &error));
    assert_true(peer_rule_takes(&rule, 8));
    assert_true(peer_rule_parse(&rule, "0,1000 , 4294967294", 7, &error));
    assert_true(peer_rule_takes(&rule, 0) && peer_rule_takes(&rule, 1000) && peer_rule_takes(&rule, 4294967294));
    assert_false(peer_rule_takes(&rule, 7));
    assert_true(peer_rule_parse(&rule, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", 0, &error));
    static const char *const wrong[] = { "",    ",",           "1,",
                                         "Any", "same-user,1", "any,1",
                                         "-1",  "+1",          "1 2",
                                         "0x1", "4294967295",  "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        if (peer_rule_parse(&rule, wrong[i], 7, &error))
            fail_msg("\"%s\" was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_user_is_found_over_both_families_and_ipv4_in_ipv6),
        cmocka_unit_test(the_look_up_is_seen_to_work_by_the_listening_socket),
        cmocka_unit_test(who_sends_no_more_is_found),
        cmocka_unit_test(who_is_gone_is_not_found),
        cmocka_unit_test(who_came_after_a_client_is_not_taken_for_it),
        cmocka_unit_test(who_listens_on_the_clients_port_is_not_taken_for_it),
        cmocka_unit_test(an_address_of_another_machine_has_no_user),
        cmocka_unit_test(a_unix_sockets_user_is_known_without_a_look_up_and_a_tcp_clients_is_not),
        cmocka_unit_test(a_rule_is_read_as_it_is_written),
    };
    return cmocka_run_group_tests(tests, make_lookup, drop_lookup);
}
