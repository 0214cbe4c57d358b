/* A request on its way over HTTP/1.1: what leaves, in whatever pieces; an answer that does not wait for its end; and after which
 * answers a connection is used again. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    SMALL = 8192,
    WINDOW = 65536 /* bytes: of a send buffer, and that a server takes in unread */,
    BODY = 3 * 1024 * 1024
};

/* --- what leaves --- */

enum { HEAD_MAX = 1 << 20, LONG_FIELDS = 50, LONG_VALUE = 4096 /* bytes, of the first; each is one shorter */ };

static const struct http_field few[] = { FIELD("x-first", "1"), FIELD("X-Second", ""), FIELD("X-FIRST", "again") };
static const struct http_field with_length[] = { FIELD("A", "b"), FIELD("cONTENT-lENGTH", "7"), FIELD("C", "d") };

static bool has_left(const void *context)
{
    const struct call_context *call = context;
    return upstream_call_bytes_left(call->call);
}

/* Reads nothing before it is released. */
static void hold_then_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    server_wait(server);
    peer_answer_all(server, &peer);
}

/* Sends `request` to a server that does not read at first; `cuts`: it cannot have left by then. */
static void assert_head_leaves_as_appended(const struct tls_folder *folder, const struct upstream_request *request,
                                           bool cuts)
{
    struct rig rig;
    struct answer answer;
    struct buffer head;
    struct error error = { 0 };
    rig_start(&rig, folder, hold_then_answer, NULL);
    server_takes(&rig.server, SMALL);
    rig_connect(&rig);
    buffer_init(&head, HEAD_MAX);
    assert_true(upstream_append_head(&head, rig.client.upstream, request, &error));
    struct call_context call = { .client = &rig.client, .answer = &answer };
    sockets_take(cuts ? SMALL : 0);
    client_send(&call, request, false);
    client_run_until(&rig.client, has_left, &call);
    if (cuts) {
        struct slice left = upstream_call_request_head(call.call);
        assert_in_range(left.length, folder == NULL,
                        head.length - 1); /* TLS may have taken a record and told nothing */
        if (left.length > 0)
            assert_memory_equal(left.data, head.data, left.length);
        assert_int_equal(upstream_call_sent_us(call.call), 0);
    }
    server_release(&rig.server);
    client_run(&rig.client);
    sockets_take(0);
    client_free(&rig.client);
    server_join(&rig.server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(strlen(answer.request_head), head.length);
    assert_memory_equal(answer.request_head, head.data, head.length);
    assert_int_equal(rig.server.requests[0].length, head.length + request->body.length);
    assert_memory_equal(rig.server.requests[0].data, head.data, head.length);
    buffer_free(&head);
    exchange_end(&rig.server, &answer);
}

static void a_head_leaves_as_it_was_said_to(void **state)
{
    const struct tls_folder *folder = *state;
    struct upstream_request requests[] = { get_request("/a//b/../c?x=%2f"), get_request("/"), post_request("/", "{}"),
                                           post_request("/", ""), post_request("/order?a=1", "{\"a\":1}") };
    requests[0].fields = few;
    requests[0].field_count = ARRAY_LENGTH(few);
    requests[2].fields = few;
    requests[2].field_count = ARRAY_LENGTH(few);
    requests[4].fields = with_length;
    requests[4].field_count = ARRAY_LENGTH(with_length);
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        assert_head_leaves_as_appended(NULL, &requests[i], false);
        assert_head_leaves_as_appended(folder, &requests[i], false);
    }
}

static void a_long_head_leaves_in_pieces_as_it_was_said_to(void **state)
{
    const struct tls_folder *folder = *state;
    char *value = malloc(LONG_VALUE);
    assert_non_null(value);
    memset(value, 'v', LONG_VALUE);
    struct http_field fields[LONG_FIELDS + 1];
    for (size_t i = 0; i < LONG_FIELDS; i++)
        fields[i] = (struct http_field){ SLICE_LITERAL("X-Long"), slice_of(value, LONG_VALUE - i) };
    fields[LONG_FIELDS] = (struct http_field){ SLICE_LITERAL("Content-Length"), SLICE_LITERAL("7") };
    struct upstream_request request = post_request("/", "{\"a\":1}");
    request.fields = fields;
    for (size_t given = 0; given < 2; given++) {
        request.field_count = LONG_FIELDS + given;
        assert_head_leaves_as_appended(NULL, &request, true);
        assert_head_leaves_as_appended(folder, &request, true);
    }
    free(value);
}

/* --- large bodies --- */

/* Answers `given` once the head has come, and reads no body, or all there is; then answers one more connection. */
struct early_answer {
    const char *text;
    bool resets; /* the client finds its connection reset, while it writes */
    enum upstream_failure failure;
    int status;
    const char *body;
};

static bool read_head(struct server *server, struct peer *peer)
{
    struct buffer *head = &server->requests[0];
    char byte;
    while (head->length < 4 || memcmp(head->data + head->length - 4, "\r\n\r\n", 4) != 0) {
        if (!peer_read_exactly(peer, &byte, 1) || !buffer_append_byte(head, byte))
            return false;
    }
    server->request_count++;
    return true;
}

/* Resets once the client's machine has what was sent: a reset drops what has not left yet. */
static void peer_reset_behind(struct peer *peer)
{
    struct tcp_info info;
    int left = 1;
    while (left > 0) {
        socklen_t length = sizeof(info);
        if (ioctl(peer->fd, SIOCOUTQ, &left) != 0 || getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
            abort();
        if (info.tcpi_state != TCP_ESTABLISHED)
            break;
        (void)sched_yield(); /* it cannot fail */
    }
    peer_reset(peer);
}

static void answer_early(struct server *server)
{
    const struct early_answer *early = rig_of(server)->given;
    struct peer peer = server_accept(server);
    if (read_head(server, &peer))
        (void)peer_send(&peer, early->text); /* a failure shows at the client */
    if (early->resets)
        peer_reset_behind(&peer);
    else
        (void)peer_drain(&peer); /* until the client gives up what it writes */
    script_answer_ok(server);
}

static void post_large(struct rig *rig, struct answer *answer, const char *bytes)
{
    struct upstream_request request = post_request("/order", "");
    request.body = slice_of(bytes, BODY);
    server_takes(&rig->server, WINDOW);
    sockets_take(SMALL);
    rig_connect(rig);
    client_call(&rig->client, answer, &request);
    sockets_take(0);
}

static void assert_early_answer_is_told(const struct early_answer *early, const struct tls_folder *folder,
                                        const char *bytes)
{
    struct rig rig;
    struct answer answer, next;
    struct upstream_request second = post_request("/second", "{}");
    rig_start(&rig, folder, answer_early, early);
    post_large(&rig, &answer, bytes);
    client_call(&rig.client, &next, &second);
    client_free(&rig.client);
    server_join(&rig.server);
    if (answer.failure != early->failure)
        fail_msg("%s%s after '%s': %s", folder == NULL ? "" : "TLS, ", upstream_failure_name(answer.failure),
                 early->text, answer.message);
    if (answer.status != early->status || strcmp(answer.response_body, early->body) != 0)
        fail_msg("%sstatus %d, '%s' after '%s'", folder == NULL ? "" : "TLS, ", answer.status, answer.response_body,
                 early->text);
    assert_true(answer.bytes_left);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(next.failure, UPSTREAM_OK); /* over another connection: the first had a request half written */
    assert_false(next.connection.reused);
    assert_int_equal(rig.server.request_count, 2);
    assert_int_equal(atomic_load(&rig.server.accepted), 2);
    answer_free(&next);
    exchange_end(&rig.server, &answer);
}

static const struct early_answer early_answers[] = {
    { "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", false, UPSTREAM_OK, 413, "big" },
    { "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig", true, UPSTREAM_OK, 413, "big" },
    { "HTTP/1.1 400 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", true, UPSTREAM_OK, 400, "no" },
    { "HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", true, UPSTREAM_OK, 400, "no" },
    { "HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\nbig", true, UPSTREAM_LOST, 413, "big" },
    { "HTTP/1.1 413 Too Large\r\n\r\nbig", true, UPSTREAM_LOST, 413, "big" },
    { "HTTP/1.1 100 Continue\r\n\r\n", true, UPSTREAM_LOST, 0, "" },
    { "", true, UPSTREAM_LOST, 0, "" },
};

static void an_answer_before_the_requests_end_is_told(void **state)
{
    const struct tls_folder *folder = *state;
    char *bytes = make_bytes(BODY);
    for (size_t i = 0; i < ARRAY_LENGTH(early_answers); i++) {
        assert_early_answer_is_told(&early_answers[i], NULL, bytes);
        assert_early_answer_is_told(&early_answers[i], folder, bytes);
    }
    free(bytes);
}

/* The client's thread: its writes behind the first wait until the other side has reset. */
static _Thread_local struct {
    bool meets_reset;
    unsigned count;
} writes;

/* In the place of the C library's. */
ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    struct pollfd watched = { .fd = fd, .events = 0 }; /* POLLERR and POLLHUP come unasked */
    if (writes.meets_reset && writes.count++ == 1)
        assert_int_equal(poll(&watched, 1, 30000), 1);
    return sendto(fd, bytes, length, flags, NULL, 0);
}

/* The kernel tells of a reset once: where it told the write, a read finds an end that looks like any other. */
static void a_reset_that_a_write_has_met_is_none_the_less_one(void **state)
{
    (void)state;
    char *bytes = make_bytes(BODY);
    for (size_t i = 0; i < ARRAY_LENGTH(early_answers); i++) {
        if (!early_answers[i].resets)
            continue;
        writes.meets_reset = true;
        writes.count = 0;
        assert_early_answer_is_told(&early_answers[i], NULL, bytes);
    }
    writes.meets_reset = false;
    free(bytes);
}

static void a_large_body_to_a_slow_reader_leaves_whole(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    char *bytes = make_bytes(BODY);
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct answer answer;
        rig_start(&rig, folders[i], script_answer_ok, NULL);
        post_large(&rig, &answer, bytes);
        client_free(&rig.client);
        server_join(&rig.server);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_int_equal(answer.attempts, 1);
        assert_true(answer.timing.sent_us > 0);
        assert_true(answer.timing.first_byte_us >= answer.timing.sent_us);
        size_t head = strlen(answer.request_head);
        assert_int_equal(rig.server.requests[0].length, head + BODY);
        assert_memory_equal(rig.server.requests[0].data, answer.request_head, head);
        assert_memory_equal(rig.server.requests[0].data + head, bytes, BODY);
        exchange_end(&rig.server, &answer);
    }
    free(bytes);
}

/* --- which connections are used again --- */

struct keeping {
    const char *answer;
    const char *body;
    bool is_kept;
    bool server_ends;
};

/* Answers the first request as given, and a second over whichever connection it comes. */
static void answer_then_any(struct server *server)
{
    const struct keeping *keeping = rig_of(server)->given;
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, keeping->answer); /* a failure shows at the client */
    if (keeping->server_ends || !server_read(server, &peer)) {
        peer_close(&peer);
        script_answer_ok(server);
        return;
    }
    (void)peer_send(&peer, harness_ok); /* likewise */
    peer_answer_all(server, &peer);
}

static void assert_keeping(const struct keeping *keeping)
{
    struct rig rig;
    struct answer first, second;
    struct upstream_request get = get_request("/first"), post = post_request("/second", "{}");
    rig_start(&rig, NULL, answer_then_any, keeping);
    rig_connect(&rig);
    client_call(&rig.client, &first, &get);
    client_call(&rig.client, &second, &post);
    client_free(&rig.client);
    server_join(&rig.server);
    if (second.connection.reused != keeping->is_kept)
        fail_msg("%s, after\n%s", keeping->is_kept ? "not used again" : "used again", keeping->answer);
    assert_int_equal(first.failure, UPSTREAM_OK);
    assert_string_equal(first.response_body, keeping->body);
    assert_int_equal(second.failure, UPSTREAM_OK);
    assert_string_equal(second.response_body, "ok");
    assert_int_equal(atomic_load(&rig.server.accepted), keeping->is_kept ? 1 : 2);
    assert_int_equal(rig.server.request_count, 2);
    answer_free(&first);
    exchange_end(&rig.server, &second);
}

static void a_connection_is_used_again_where_the_answer_allows_it(void **state)
{
    (void)state;
    static const struct keeping cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", true, false },
        { "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", "ab", true, false },
        { "HTTP/1.1 200 OK\r\nX-Connection: close\r\nContent-Length: 2\r\n\r\nab", "ab", true, false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n", "ab", true, false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true, false },
        { "HTTP/1.1 204 No\r\n\r\n", "", true, false },
        { "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", "", true, false },
        { "HTTP/1.1 103 Early\r\nConnection: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", true,
          false },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", "ab", true, false },
        { "HTTP/1.0 200 OK\r\nconnection: x , Keep-Alive\r\nContent-Length: 2\r\n\r\nab", "ab", true, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", false, false },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nab", "ab", false, false },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "ab", false, false },
        { "HTTP/1.1 200 OK\r\nCONNECTION:CLOSE\r\nContent-Length: 2\r\n\r\nab", "ab", false, false },
        { "HTTP/1.1 200 OK\r\nConnection: x,\tClose , y\r\nContent-Length: 2\r\n\r\nab", "ab", false, false },
        { "HTTP/1.1 200 OK\r\nConnection: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", "ab", false, false },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab", false,
          false },
        { "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", "", false, false },
        { "HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", false, true },
        { "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nto the end", "to the end", false, true },
        { "HTTP/1.0 200 OK\r\n\r\n", "", false, true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_keeping(&cases[i]);
}

#define WIRE_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_head_leaves_as_it_was_said_to),
        WIRE_TEST(a_long_head_leaves_in_pieces_as_it_was_said_to),
        WIRE_TEST(an_answer_before_the_requests_end_is_told),
        WIRE_TEST(a_reset_that_a_write_has_met_is_none_the_less_one),
        WIRE_TEST(a_large_body_to_a_slow_reader_leaves_whole),
        WIRE_TEST(a_connection_is_used_again_where_the_answer_allows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
