/* How long a client may take. libmicrohttpd's own timeout begins anew with each byte, so that a byte a minute holds a
 * connection for ever: here a request has a time to come whole in, and an answer to be taken. What is late with its request
 * gets an answer (through its gate, as a request with a defect); what does not take its answer is reset. Each phase's
 * connections stand in the order in which they entered it, so looking for late ones looks at those alone. The loop's thread. */
#include "front_private.h"

#include "countersign/log.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    SILENT_SPARED_US = 250000, /* a connection that is younger than this makes no room for others */
    KEPT_SPARED_US = 5000000,  /* nor does a kept one that was used less than this long ago */
    LOOKED_AT_MAX = 8          /* connections that are tried for room at a time */
};

/* --- the queues --- */

static void append(struct front *front, struct front_connection *from, enum front_phase phase)
{
    struct front_queue *queue = &front->phases[phase];
    from->phase = phase;
    from->since_us = loop_now_us(front->options.loop);
    from->previous = queue->last;
    from->next = NULL;
    if (queue->last != NULL)
        queue->last->next = from;
    else
        queue->first = from;
    queue->last = from;
}

static void take_out(struct front *front, struct front_connection *from)
{
    struct front_queue *queue = &front->phases[from->phase];
    if (from->previous != NULL)
        from->previous->next = from->next;
    else
        queue->first = from->next;
    if (from->next != NULL)
        from->next->previous = from->previous;
    else
        queue->last = from->previous;
}

/* --- what is late --- */

/* What wakes libmicrohttpd: to it, the client has closed its sending side. Its next read meets the end that the gate gives
 * the request. Without a gate (TLS), or where nothing more passes one, the connection just ends. */
static void end_request(struct front *front, struct front_connection *from)
{
    size_t passed = 0;
    bool has_gate = from->fd >= 0 && !from->is_shut;
    if (has_gate) {
        gate_time_out(&from->gate);
        from->ending = gate_ending(&from->gate, &passed);
        from->is_shut = true;
    }
    (void)shutdown(from->socket,
                   has_gate ? SHUT_RD : SHUT_RDWR); /* fails where the client is gone: it ends then, too */
    phase_enter(front, from, FRONT_PHASE_WAITING);
}

/* Over TCP by a reset: what the kernel still holds of the answer goes, too. */
static void end_answer(struct front *front, struct front_connection *from)
{
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    log_debug("%s: has not taken its answer in time; its connection is ended", from->peer);
    (void)connect(from->socket, &nobody, sizeof(nobody)); /* as in front_reset */
    (void)shutdown(from->socket, SHUT_RDWR);              /* of a unix socket; the other has ended */
    phase_enter(front, from, FRONT_PHASE_WAITING);
}

static const struct late_row {
    enum front_phase phase;
    size_t timeout; /* where its bound is in front_options */
    void (*end)(struct front *front, struct front_connection *from);
} rows[] = {
    { FRONT_PHASE_READING, offsetof(struct front_options, request_timeout_us), end_request },
    { FRONT_PHASE_WRITING, offsetof(struct front_options, answer_timeout_us), end_answer },
};

static int64_t timeout_of(const struct front *front, const struct late_row *row)
{
    const char *options = (const char *)&front->options;
    return *(const int64_t *)(const void *)(options + row->timeout);
}

static void expired(struct loop_timer *timer);

/* Where it runs for an earlier moment already, it stays. */
static void wake_in(struct front *front, int64_t delay_us)
{
    struct loop_timer *timer = &front->phase_timer;
    if (timer->slot != 0 && timer->deadline_us <= loop_now_us(front->options.loop) + delay_us)
        return;
    *timer = timer->slot != 0 ? *timer : (struct loop_timer){ .expired = expired, .context = front };
    loop_timer_start(front->options.loop, timer, delay_us);
}

static void expired(struct loop_timer *timer)
{
    struct front *front = timer->context;
    int64_t now = loop_now_us(front->options.loop);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct front_queue *queue = &front->phases[rows[i].phase];
        int64_t timeout = timeout_of(front, &rows[i]);
        while (queue->first != NULL && timeout > 0 && queue->first->since_us + timeout <= now)
            rows[i].end(front, queue->first);
        if (queue->first != NULL && timeout > 0)
            wake_in(front, queue->first->since_us + timeout - now);
    }
}

/* --- the door of this file --- */

void phase_begin(struct front *front, struct front_connection *from)
{
    append(front, from, FRONT_PHASE_SILENT);
}

void phase_enter(struct front *front, struct front_connection *from, enum front_phase phase)
{
    take_out(front, from);
    append(front, from, phase);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t timeout = timeout_of(front, &rows[i]);
        if (rows[i].phase == phase && timeout > 0)
            wake_in(front, timeout);
    }
}

void phase_end(struct front *front, struct front_connection *from)
{
    take_out(front, from);
}

void phase_stop(struct front *front)
{
    loop_timer_stop(front->options.loop, &front->phase_timer);
}

/* --- making room --- */

/* Not one whose request is on its way in. recv is this room's own; see gate_recv.c. */
static bool is_idle(const struct front_connection *from)
{
    char byte;
    return recvfrom(from->socket, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT, NULL, NULL) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

static bool spare_one(struct front *front, enum front_phase phase, int64_t before_us)
{
    struct front_connection *from = front->phases[phase].first;
    for (int i = 0; i < LOOKED_AT_MAX && from != NULL && from->since_us <= before_us; i++, from = from->next) {
        if (!is_idle(from))
            continue;
        (void)shutdown(from->socket, SHUT_RDWR); /* fails where the client is gone: it ends then, too */
        phase_enter(front, from, FRONT_PHASE_WAITING);
        return true;
    }
    return false;
}

bool phase_make_room(struct front *front)
{
    int64_t now = loop_now_us(front->options.loop);
    return spare_one(front, FRONT_PHASE_SILENT, now - SILENT_SPARED_US) ||
           spare_one(front, FRONT_PHASE_KEPT, now - KEPT_SPARED_US);
}
