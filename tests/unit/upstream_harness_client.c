/* The client's side of the upstream room's tests: one loop, one upstream, calls whose ends are copied. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- names: libcurl's getaddrinfo is ours, so that no test asks a name server --- */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    if (name != NULL && strcmp(name, "unknown.test") == 0)
        return EAI_NONAME;
    if (name != NULL && strcmp(name, "slow.test") == 0) {
        (void)nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL); /* a name server that does not answer */
        return EAI_AGAIN;
    }
    return real(name, service, hints, found);
}

/* --- the client's side --- */

static void guard_expired(struct loop_timer *timer)
{
    struct client *client = timer->context;
    client->timed_out = true;
    loop_stop(client->loop);
}

struct upstream_options client_options(char *url, size_t size, const char *scheme, const char *host, int port)
{
    (void)snprintf(url, size, "%s://%s:%d", scheme, host, port);
    return (struct upstream_options){ .url = url,
                                      .ca_file = "",
                                      .bind_address = "",
                                      .proxy = "",
                                      .connect_timeout_us = 5000000,
                                      .timeout_us = 10000000,
                                      .response_max = 8 * 1024 * 1024,
                                      .connections_max = 8 };
}

void client_start(struct client *client, const struct upstream_options *options)
{
    struct error error = { 0 };
    memset(client, 0, sizeof(*client));
    client->guard = (struct loop_timer){ .expired = guard_expired, .context = client };
    assert_true(loop_create(&client->loop, &error));
    assert_true(upstream_pool_create(&client->pool, client->loop, &error));
    if (!upstream_create(&client->upstream, client->pool, options, &error))
        fail_msg("%s", error.message);
}

void client_start_plain(struct client *client, int port)
{
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    client_start(client, &options);
}

void client_free(struct client *client)
{
    upstream_free(client->upstream);
    upstream_pool_free(client->pool);
    loop_free(client->loop);
}

static char *copy_slice(struct slice slice)
{
    char *copy = calloc(1, slice.length + 1);
    assert_non_null(copy);
    if (slice.length > 0)
        memcpy(copy, slice.data, slice.length);
    return copy;
}

static void take_answer(struct answer *answer, struct upstream_result *result)
{
    assert_false(answer->is_done);
    answer->is_done = true;
    answer->failure = result->failure;
    memcpy(answer->message, result->message, sizeof(answer->message));
    answer->bytes_left = result->bytes_left;
    answer->attempts = result->attempts;
    answer->status = result->status;
    answer->field_count = result->response_fields.count;
    answer->request_head = copy_slice(result->request_head);
    answer->response_head = copy_slice(result->response_head);
    answer->response_body = copy_slice(result->response_body);
    answer->response_body_length = result->response_body.length;
    answer->connection = result->connection;
    answer->timing = result->timing;
}

static void done(void *context, struct upstream_result *result)
{
    struct call_context *call = context;
    struct client *client = call->client;
    take_answer(call->answer, result);
    client->open_calls--;
    if (call->then != NULL)
        call->then(call);
    if (client->open_calls == 0)
        loop_stop(client->loop);
}

static bool about_to_send(void *context, const struct upstream_connection *connection, unsigned attempt,
                          struct upstream_request *request)
{
    struct call_context *call = context;
    assert_true(connection->remote_port > 0);
    call->answer->asked++;
    return call->about_to_send == NULL || call->about_to_send(call, attempt, request);
}

void client_send(struct call_context *context, const struct upstream_request *request, bool may_repeat)
{
    static const struct upstream_callbacks callbacks = { .about_to_send = about_to_send, .done = done };
    struct error error = { 0 };
    memset(context->answer, 0, sizeof(*context->answer));
    if (!upstream_send(&context->call, context->client->upstream, request, may_repeat, &callbacks, context, &error))
        fail_msg("%s", error.message);
    assert_false(context->answer->is_done);
    context->client->open_calls++;
}

void client_run(struct client *client)
{
    struct error error = { 0 };
    if (client->open_calls == 0)
        return;
    loop_timer_start(client->loop, &client->guard, HARNESS_LIMIT_US);
    assert_true(loop_run(client->loop, &error));
    loop_timer_stop(client->loop, &client->guard);
    assert_false(client->timed_out);
}

void client_call(struct client *client, struct answer *answer, const struct upstream_request *request)
{
    struct call_context context = { .client = client, .answer = answer };
    client_send(&context, request, false);
    client_run(client);
    assert_true(answer->is_done);
}

void answer_free(struct answer *answer)
{
    free(answer->request_head);
    free(answer->response_head);
    free(answer->response_body);
    memset(answer, 0, sizeof(*answer));
}

struct upstream_request get_request(const char *target)
{
    return (struct upstream_request){ .method = SLICE_LITERAL("GET"), .target = slice_text(target) };
}

struct upstream_request post_request(const char *target, const char *body)
{
    return (struct upstream_request){
        .method = SLICE_LITERAL("POST"), .target = slice_text(target), .body = slice_text(body), .has_body = true
    };
}

void call_once(struct answer *answer, const struct upstream_options *options, const struct upstream_request *request)
{
    struct client client;
    client_start(&client, options);
    client_call(&client, answer, request);
    client_free(&client);
}

void exchange_once(struct server *server, struct answer *answer, const struct upstream_request *request,
                   void (*script)(struct server *))
{
    struct client client;
    server_start(server, "127.0.0.1", 0, NULL, script);
    client_start_plain(&client, server->port);
    client_call(&client, answer, request);
    client_free(&client);
    server_join(server);
}

void exchange_end(struct server *server, struct answer *answer)
{
    answer_free(answer);
    server_free(server);
}

int closed_port(void)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0); /* for who listens there later */
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    return ntohs(name.sin_port); /* bound until the process ends: closed, the port would be another test's */
}

static void start_late(struct loop_timer *timer)
{
    struct late_server *late = timer->context;
    server_start(&late->server, "127.0.0.1", late->port, NULL, late->script);
}

void late_server_expect(struct late_server *late, struct client *client, int64_t delay_us,
                        void (*script)(struct server *))
{
    late->script = script;
    late->timer = (struct loop_timer){ .expired = start_late, .context = late };
    loop_timer_start(client->loop, &late->timer, delay_us);
}

int64_t answer_took_us(const struct answer *answer)
{
    return answer->timing.complete_us - answer->timing.started_us;
}
