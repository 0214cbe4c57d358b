/* One request under way: started, tried again while no connection can be had, ended. A call that has ended becomes a
 * spare, with its libcurl handle and its memory, for the next. */
#include "upstream_internal.h"

#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/log.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void deadline_expired(struct loop_timer *timer);
static void retry_expired(struct loop_timer *timer);

struct upstream_call *call_of_easy(CURL *easy)
{
    char *call = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call); /* set at the handle's birth */
    return (struct upstream_call *)(void *)call;
}

/* --- birth, spare life, death --- */

static struct upstream_call *call_create(struct upstream *upstream)
{
    struct upstream_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->upstream = upstream;
    call->deadline = (struct loop_timer){ .expired = deadline_expired, .context = call };
    call->retry = (struct loop_timer){ .expired = retry_expired, .context = call };
    buffer_init(&call->target, UPSTREAM_HEAD_MAX);
    buffer_init(&call->field_text, 2 * (size_t)UPSTREAM_HEAD_MAX); /* any head that passes request_check */
    buffer_init(&call->request_head, 4 * (size_t)UPSTREAM_HEAD_MAX);
    buffer_init(&call->earlier.request_head, 4 * (size_t)UPSTREAM_HEAD_MAX);
    buffer_init(&call->response_head, upstream->options.response_max);
    buffer_init(&call->response_body, upstream->options.response_max);
    if (upstream_has_wires(upstream) || handle_create(call) != NULL)
        return call;
    call_free(call);
    return NULL;
}

size_t upstream_call_bytes(size_t header_max)
{
    /* target, field text and what left, at two attempts, each buffer twice as large as what is in it; of the answer's head one
     * copy is the caller's */
    const size_t heads = (size_t)4 * 2 * header_max;
    const size_t answer = (size_t)2 * UPSTREAM_HEAD_FREE + UPSTREAM_ANSWER_FREE;
    return sizeof(struct upstream_call) + heads + answer + UPSTREAM_EASY_BYTES;
}

void call_free(struct upstream_call *call)
{
    if (call->easy != NULL)
        curl_easy_cleanup(call->easy);
    buffer_free(&call->target);
    buffer_free(&call->field_text);
    buffer_free(&call->request_head);
    buffer_free(&call->earlier.request_head);
    buffer_free(&call->response_head);
    buffer_free(&call->response_body);
    free(call);
}

static void shrink(struct buffer *buffer)
{
    if (buffer->capacity > UPSTREAM_SPARE_BUFFER_MAX)
        buffer_free(buffer);
    buffer_reset(buffer);
}

/* All but what the caller took over with the body. */
static void give_back_bytes(struct upstream_call *call)
{
    size_t *const charged[] = { &call->head_charged, &call->copy_charged, &call->body_charged, &call->result.charged };
    for (size_t i = 0; i < ARRAY_LENGTH(charged); i++)
        byte_room_give_back(call->upstream->options.bytes, charged[i]);
}

void call_make_spare(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    give_back_bytes(call);
    if (upstream->spare_count >= upstream->options.connections_max) {
        call_free(call);
        return;
    }
    handle_forget_request(call);
    shrink(&call->target);
    shrink(&call->field_text);
    shrink(&call->request_head);
    shrink(&call->earlier.request_head);
    call->earlier.number = 0;
    shrink(&call->response_head);
    shrink(&call->response_body);
    call->next = upstream->spare;
    upstream->spare = call;
    upstream->spare_count++;
}

static struct upstream_call *take_spare(struct upstream *upstream)
{
    struct upstream_call *call = upstream->spare;
    if (call == NULL)
        return call_create(upstream);
    upstream->spare = call->next;
    upstream->spare_count--;
    return call;
}

/* --- the list of live calls --- */

void call_link(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    call->previous = NULL;
    call->next = upstream->live;
    if (upstream->live != NULL)
        upstream->live->previous = call;
    upstream->live = call;
    upstream->pool->in_flight += !call->is_warming;
}

static void call_unlink(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        upstream->live = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    upstream->pool->in_flight -= !call->is_warming;
}

/* --- the end --- */

/* Takes the call out of libcurl (which closes the connection of a transfer under way), the timers and the list. */
void call_detach(struct upstream_call *call)
{
    struct loop *loop = call->upstream->pool->loop;
    loop_timer_stop(loop, &call->deadline);
    loop_timer_stop(loop, &call->retry);
    if (upstream_has_wires(call->upstream)) {
        wire_queue_leave(call);
        wire_abandon(call);
    } else {
        (void)curl_multi_remove_handle(call->upstream->multi, call->easy); /* one that is not in it stays so */
    }
    call_unlink(call);
}

void call_drop(struct upstream_call *call)
{
    call_detach(call);
    call_make_spare(call);
}

static void deadline_expired(struct loop_timer *timer)
{
    struct upstream_call *call = timer->context;
    call->stop = STOP_DEADLINE;
    if (call->is_writing)
        sockets_note_silence(call->upstream, call->released_us);
    call_conclude(call, CURLE_OPERATION_TIMEDOUT);
}

/* --- the way --- */

void call_begin_connect_timeout(struct upstream_call *call)
{
    if (call->connect_deadline_us == 0)
        call->connect_deadline_us = clock_monotonic_us() + call->upstream->options.connect_timeout_us;
}

static bool start_transfer(struct upstream_call *call)
{
    if (upstream_has_wires(call->upstream)) {
        wire_queue_enter(call);
        return true;
    }
    call_begin_connect_timeout(call);
    int64_t left_us = call->connect_deadline_us - clock_monotonic_us();
    call->curl_words[0] = '\0';
    return handle_set_connect_timeout(call->easy, left_us) &&
           curl_multi_add_handle(call->upstream->multi, call->easy) == CURLM_OK;
}

static void retry_expired(struct loop_timer *timer)
{
    struct upstream_call *call = timer->context;
    if (upstream_has_wires(call->upstream)) { /* it waits for one: see wire_queue.c */
        call->rests = false;
        wire_queue_look(call->upstream);
    } else if (!start_transfer(call))
        call_conclude(call, CURLE_OUT_OF_MEMORY);
}

static bool may_try_again(const struct upstream_call *call, CURLcode code)
{
    return !call->upstream->options.connect_once && call->result.attempts == 0 && call->stop == STOP_NONE &&
           failure_is_worth_retrying(code) &&
           clock_monotonic_us() + UPSTREAM_CONNECT_RETRY_US < call->connect_deadline_us;
}

/* libcurl repeats by itself what was lost with a reused connection; a new one that is lost just so is no other case. */
static bool may_repeat_now(const struct upstream_call *call, CURLcode code)
{
    return call->may_repeat && !call->is_repeated && call->result.attempts > 0 &&
           call->result.attempts < UPSTREAM_ATTEMPTS_MAX && call->stop == STOP_NONE && call->response_bytes == 0 &&
           failure_is_lost_connection(code);
}

/* Over a wire that had carried others, this is how an exchange ends one that was idle for long: no news of the exchange itself. */
static bool stays_lost(const struct upstream_call *call, CURLcode code)
{
    return upstream_has_wires(call->upstream) && call->result.attempts > 0 && call->result.connection.reused &&
           call->stop == STOP_NONE && call->response_bytes == 0 && failure_is_lost_connection(code);
}

static bool demand_new_connection(struct upstream_call *call)
{
    call->needs_new_wire = true;
    if (upstream_has_wires(call->upstream))
        return true;
    (void)curl_multi_remove_handle(call->upstream->multi, call->easy); /* it is in it: it has just ended */
    return handle_demand_new_connection(call);
}

/* libcurl has closed the one that the call had. Not another idle one, either: it may be in the same state. */
static void take_new_connection(struct upstream_call *call, const char *why)
{
    log_debug("%s: %s; the request takes a new connection", call->upstream->host, why);
    call->stop = STOP_NONE;
    call->is_writing = false;
    if (!demand_new_connection(call) || !start_transfer(call))
        call_conclude(call, CURLE_OUT_OF_MEMORY);
}

void call_transfer_ended(struct upstream_call *call, CURLcode code)
{
    if (call->stop == STOP_UNCLEAN) {
        take_new_connection(call, "bytes, or its end, came over a connection that was idle");
        return;
    }
    if (call->stop == STOP_SILENT) {
        call_leave_silent(call);
        take_new_connection(call, "nothing came over a connection where a request had waited in vain");
        return;
    }
    if (may_repeat_now(call, code)) {
        call->is_repeated = true;
        call->connect_deadline_us = 0;
        take_new_connection(call, "the connection was lost");
        return;
    }
    if (stays_lost(call, code))
        call->stop = STOP_REPEAT;
    if (!may_try_again(call, code)) {
        call_conclude(call, code);
        return;
    }
    log_debug("%s: %s; trying again", call->upstream->host, call->curl_words);
    call->retried_code = code;
    memcpy(call->retried_words, call->curl_words, sizeof(call->retried_words));
    if (call->is_waiting)
        call->rests = true;
    else
        (void)curl_multi_remove_handle(call->upstream->multi, call->easy); /* it is in it: it has just ended */
    loop_timer_start(call->upstream->pool->loop, &call->retry, UPSTREAM_CONNECT_RETRY_US);
}

static void reset_result(struct upstream_call *call)
{
    call->result = (struct upstream_result){ .response_fields = { .items = call->response_fields },
                                             .timing = { .started_us = clock_wall_us() } };
    call->stop = STOP_NONE;
    call->retried_code = CURLE_OK;
    call->is_repeated = false;
    call->needs_new_wire = false;
    call->os_error = 0;
    call->is_writing = false;
    call->response_head_is_whole = false;
    call->response_bytes = 0;
    call->coding_bytes = 0;
    call->body_sent = 0;
}

struct upstream_call *call_start(struct upstream *upstream, const struct upstream_request *request,
                                 const struct upstream_callbacks *callbacks, void *context)
{
    struct upstream_call *call = take_spare(upstream);
    if (call == NULL)
        return NULL;
    reset_result(call);
    call->request = *request;
    call->callbacks = *callbacks;
    call->context = context;
    call->connect_deadline_us = 0;
    if ((call->easy != NULL && !handle_set_request(call)) || !start_transfer(call)) {
        call_make_spare(call);
        return NULL;
    }
    loop_timer_start(upstream->pool->loop, &call->deadline, upstream->options.timeout_us);
    return call;
}

bool upstream_send(struct upstream_call **started, struct upstream *upstream, const struct upstream_request *request,
                   bool may_repeat, const struct upstream_callbacks *callbacks, void *context, struct error *error)
{
    if (!request_check(request, error))
        return false;
    struct upstream_call *call = call_start(upstream, request, callbacks, context);
    if (call == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for a request to %s", upstream->host);
    call->may_repeat = may_repeat;
    call->is_warming = false;
    call_link(call);
    *started = call;
    return true;
}

void call_keep_words(struct upstream_call *call, const char *words)
{
    memcpy(call->curl_words, words, sizeof(call->curl_words));
}

void upstream_cancel(struct upstream_call *call)
{
    call_drop(call);
}

/* A failed TLS write can have put whole records on the wire that neither libcurl nor OpenSSL counts: what was released to
 * a TLS connection may have left. */
bool upstream_call_bytes_left(const struct upstream_call *call)
{
    const struct upstream_result *result = &call->result;
    return result->bytes_left || (result->attempts > 0 && result->connection.tls_version[0] != '\0');
}

struct slice upstream_call_request_head(const struct upstream_call *call)
{
    return buffer_slice(&call->request_head);
}

int64_t upstream_call_sent_us(const struct upstream_call *call)
{
    return call->result.timing.sent_us;
}

char *upstream_result_take_body(struct upstream_result *result, size_t *length)
{
    static_assert(offsetof(struct upstream_call, result) == 0, "a result's address is its call's");
    struct upstream_call *call = (struct upstream_call *)(void *)result;
    result->charged = 0;
    return buffer_take(&call->response_body, length);
}
