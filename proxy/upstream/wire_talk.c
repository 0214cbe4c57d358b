/* One request and its answer over a wire. The head and the body's beginning leave as one piece; nothing is ever written a second time,
 * and what came is read to the answer's end and no further: a byte behind it closes the connection. The loop's thread. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <stdio.h>

enum {
    PIECES_MAX = 64,      /* read, or written, in one go */
    PIECE_MAX = 16 * 1024 /* bytes handed to the connection at once: a TLS record's (RFC 8446 §5.1) */
};

/* --- what leaves --- */

static size_t body_length(const struct upstream_call *call)
{
    return call->request.has_body ? call->request.body.length : 0;
}

/* Head, and behind it so much of the body as one piece takes. */
static bool stage(struct upstream_call *call, const struct upstream_request *request)
{
    struct buffer *staged = &call->field_text;
    buffer_reset(staged);
    if (!head_write(staged, call->upstream, request))
        return false;
    call->head_bytes = staged->length;
    size_t room = PIECE_MAX - staged->length % PIECE_MAX, body = body_length(call);
    return buffer_append_slice(staged, slice_first(call->request.body, body < room ? body : room));
}

/* The same piece is offered until it was taken: OpenSSL demands it (SSL_write(3)). */
static struct slice next_piece(const struct upstream_wire *wire)
{
    const struct upstream_call *call = wire->call;
    struct slice staged = buffer_slice(&call->field_text);
    struct slice left = wire->written < staged.length
                            ? slice_from(staged, wire->written)
                            : slice_from(call->request.body, wire->written - call->head_bytes);
    return slice_first(left, left.length < PIECE_MAX ? left.length : PIECE_MAX);
}

static size_t request_length(const struct upstream_call *call)
{
    return call->head_bytes + body_length(call);
}

static bool is_written(const struct upstream_wire *wire)
{
    return wire->written == request_length(wire->call);
}

/* So many more bytes were taken: the record's head is what left of it. */
static void note_written(struct upstream_wire *wire, struct slice piece, size_t count)
{
    struct upstream_call *call = wire->call;
    if (wire->written < call->head_bytes) {
        size_t of_head = call->head_bytes - wire->written;
        /* out of memory: the record lacks it, the call goes on */
        (void)buffer_append(&call->request_head, piece.data, count < of_head ? count : of_head);
    }
    wire->written += count;
    call->result.bytes_left = call->result.bytes_left || count > 0;
    if (!is_written(wire))
        return;
    call->result.timing.sent_us = clock_wall_us();
    if (call->callbacks.sent != NULL)
        call->callbacks.sent(call->context);
}

static enum line_result write_on(struct upstream_wire *wire)
{
    for (unsigned pieces = 0; !is_written(wire); pieces++) {
        if (pieces == PIECES_MAX)
            return LINE_AGAIN;
        struct slice piece = next_piece(wire);
        size_t count = 0;
        enum line_result result = line_write(&wire->line, piece, &count);
        if (result != LINE_DONE)
            return result;
        note_written(wire, piece, count);
    }
    return LINE_DONE;
}

/* --- the end --- */

static void close_without(struct upstream_wire *wire)
{
    wire->call->wire = NULL;
    wire_close(wire);
}

/* The call goes on without the wire: it is told, or takes another. */
static void end(struct upstream_wire *wire, CURLcode code)
{
    struct upstream_call *call = wire->call;
    call_keep_words(call, wire->curl_words);
    call->tls_end_came = line_has_tls_end(&wire->line);
    close_without(wire);
    wire_queue_look(call->upstream);
    call_transfer_ended(call, code);
}

static bool may_carry_another(const struct upstream_wire *wire, size_t excess)
{
    const struct upstream_call *call = wire->call;
    const struct upstream_result *result = &call->result;
    return excess == 0 && is_written(wire) && result->status != 0 && line_is_empty(&wire->line) &&
           !failure_length_is_ambiguous(result->response_fields) &&
           answer_keeps_connection(buffer_slice(&call->response_head), result->status, result->response_fields,
                                   call->framing);
}

static void answered(struct upstream_wire *wire, size_t excess)
{
    struct upstream_call *call = wire->call;
    if (!may_carry_another(wire, excess)) {
        end(wire, CURLE_OK);
        return;
    }
    wire->call = NULL;
    call->wire = NULL;
    wire_move(wire, WIRE_IDLE);
    wire_queue_look(call->upstream);
    call_transfer_ended(call, CURLE_OK);
}

/* --- what comes --- */

static bool take_head(void *context, struct slice bytes)
{
    return response_take_head(context, bytes.data, bytes.length);
}

static enum answer_framing end_head(void *context, uint64_t *length)
{
    struct upstream_call *call = context;
    const struct upstream_result *result = &call->result;
    if (!response_end_head(call))
        return ANSWER_INTERIM;
    if (result->status == 101)
        call->stop = STOP_SWITCHED;
    call->framing = result->status == 0 ? ANSWER_NO_BODY /* cannot be read, so nor can what follows */
                                        : answer_framing_of(length, result->status, result->response_fields,
                                                            slice_equal_text(call->request.method, "HEAD"));
    return call->framing;
}

static bool take_body(void *context, struct slice bytes)
{
    return response_take_body(context, bytes.data, bytes.length);
}

static bool count_coding(void *context, size_t count)
{
    return response_count_coding(context, count);
}

static const struct answer_owner owner = {
    .head_bytes = take_head, .head_end = end_head, .body_bytes = take_body, .coding_bytes = count_coding
};

/* What ends a call where the bytes themselves do; libcurl's code for the same, see failure.c. */
static CURLcode code_of(struct upstream_call *call, enum answer_progress progress)
{
    switch (progress) {
    case ANSWER_FOLDED:
        call->stop = STOP_FOLDED_LINE;
        return CURLE_WRITE_ERROR;
    case ANSWER_NOT_HTTP:
        return CURLE_UNSUPPORTED_PROTOCOL;
    case ANSWER_BAD_CODING:
        return CURLE_BAD_CONTENT_ENCODING;
    default:
        return CURLE_WRITE_ERROR; /* call->stop says why */
    }
}

/* Whether the end is one that an answer may have whose framing is the connection's end. Where a write has failed it can be a reset: the
 * kernel tells of that once, and a read behind it finds no more than an end. */
static bool is_clean_end(const struct upstream_wire *wire)
{
    return !wire->cannot_write || line_has_tls_end(&wire->line);
}

/* The connection has ended. Whether the answer is whole then, its framing says. */
static CURLcode code_of_end(struct upstream_wire *wire)
{
    const struct upstream_call *call = wire->call;
    wire->curl_words[0] = '\0';
    if (call->response_bytes == 0)
        return CURLE_GOT_NOTHING;
    if (!call->response_head_is_whole || (answer_reader_may_end(&wire->reader) && is_clean_end(wire)))
        return CURLE_OK; /* failure.c looks whether the head is whole */
    (void)snprintf(wire->curl_words, sizeof(wire->curl_words), "%zu bytes of its body came",
                   call->response_body.length);
    return CURLE_PARTIAL_FILE;
}

enum step { STEP_MORE, STEP_WAIT, STEP_OVER /* the wire is the call's no more */ };

static enum step take(struct upstream_wire *wire, struct slice bytes)
{
    size_t used = 0;
    enum answer_progress progress = answer_reader_take(&wire->reader, &owner, wire->call, bytes, &used);
    if (progress == ANSWER_MORE)
        return STEP_MORE;
    if (progress == ANSWER_WHOLE)
        answered(wire, bytes.length - used);
    else
        end(wire, code_of(wire->call, progress));
    return STEP_OVER;
}

static enum step read_some(struct upstream_wire *wire)
{
    char *buffer = wire->upstream->read_buffer;
    size_t count = 0;
    enum line_result result = line_read(&wire->line, buffer, UPSTREAM_READ_BYTES, &count);
    if (result == LINE_DONE)
        return take(wire, slice_of(buffer, count));
    if (result == LINE_AGAIN && !line_waits(&wire->line)) /* a record that holds nothing for us */
        return STEP_MORE;
    if (result == LINE_AGAIN && !wire->cannot_write)
        return STEP_WAIT;
    if (result == LINE_AGAIN) /* nothing came that says more than that it could not be written */
        end(wire, CURLE_SEND_ERROR);
    else
        end(wire, result == LINE_END ? code_of_end(wire) : CURLE_RECV_ERROR);
    return STEP_OVER;
}

/* However much comes, and however little of it is for us, others have their turn. */
static enum step read_on(struct upstream_wire *wire)
{
    for (unsigned pieces = 0; pieces < PIECES_MAX; pieces++) {
        enum step step = read_some(wire);
        if (step != STEP_MORE)
            return step;
    }
    loop_timer_start(wire->upstream->pool->loop, &wire->again, 0);
    return STEP_WAIT;
}

/* --- both --- */

/* Where it fails, the call ends by its timeout. */
static void watch(struct upstream_wire *wire, unsigned events)
{
    struct error error;
    if (!loop_io_watch(wire->upstream->pool->loop, &wire->io, events, &error))
        log_error("a connection to %s: %s", wire->upstream->host, error.message);
}

/* A connection that takes no more may have brought the answer that says why. */
static void write_and_watch(struct upstream_wire *wire)
{
    enum line_result result = write_on(wire);
    bool waits = result == LINE_AGAIN;
    if (result == LINE_DONE || waits) {
        watch(wire, waits ? LOOP_READ | LOOP_WRITE : LOOP_READ);
        return;
    }
    wire->cannot_write = true;
    (void)read_on(wire); /* ends the call */
}

void wire_talk_ready(struct upstream_wire *wire, unsigned events)
{
    if ((events & (LOOP_READ | LOOP_FAILED)) != 0 && read_on(wire) == STEP_OVER)
        return;
    if ((events & (LOOP_WRITE | LOOP_FAILED)) != 0 && !is_written(wire))
        write_and_watch(wire);
}

/* Nothing is written unless the caller, asked now, gives what is to be sent. */
static enum upstream_stop ask(struct upstream_wire *wire, struct upstream_call *call, bool is_reused)
{
    struct upstream_request request;
    if (!attempt_may_begin(call))
        return STOP_REPEAT;
    call->result.connection = wire->connection;
    call->result.connection.reused = is_reused;
    enum upstream_stop stop = attempt_ask_caller(call, &request);
    if (stop != STOP_NONE)
        return stop;
    return stage(call, &request) ? STOP_NONE : STOP_MEMORY;
}

void wire_talk_begin(struct upstream_wire *wire, struct upstream_call *call, bool is_reused)
{
    const struct upstream_connection before = call->result.connection;
    const int64_t connected_us = clock_wall_us();
    call->stop = ask(wire, call, is_reused);
    if (call->stop != STOP_NONE) { /* the wire stays as it is */
        attempt_renounce(call, connected_us, &before);
        call_transfer_ended(call, CURLE_ABORTED_BY_CALLBACK);
        return;
    }
    attempt_begin(call, connected_us, &before);
    attempt_release(call);
    wire_move(wire, WIRE_BUSY);
    wire->has_carried = true;
    wire->call = call;
    wire->written = 0;
    wire->cannot_write = false;
    call->wire = wire;
    answer_reader_start(&wire->reader);
    write_and_watch(wire);
}
