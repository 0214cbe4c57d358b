/* The inspector room's own parts. Everything runs on the inspector's thread. */
#ifndef COUNTERSIGN_INSPECTOR_INTERNAL_H
#define COUNTERSIGN_INSPECTOR_INTERNAL_H

#include "countersign/caller.h"
#include "countersign/inspector.h"

#include <pthread.h>

enum {
    INSPECTOR_ANSWER_MAX = 16 * 1024 * 1024, /* bytes of one answer */
    INSPECTOR_HEADER_MAX = 16 * 1024,        /* bytes of a request's line and fields */
    INSPECTOR_CONNECTIONS_MAX = 32,
    INSPECTOR_IDLE_US = 75000000,
    HEALTH_LOOK_US = 1000,   /* how often it is looked whether the workers' loops have turned, */
    HEALTH_WAIT_US = 2000000 /* and how long */
};

struct health_probe; /* an answer to /healthz that waits for the workers */

struct inspector {
    struct inspector_options options;
    struct loop *loop;
    struct front *front;
    struct peer_lookup *peers;
    struct peer_rule rule; /* who may ask */
    pthread_t thread;
    bool has_thread;
    _Atomic bool draining;
    _Atomic uint64_t reloads; /* that are, or were, in force */
    _Atomic uint64_t reloads_failed;
    int64_t started_us; /* wall clock */
    struct health_probe *probes;
};

/* answer.c */

/* Sends the text and frees it; 503 where there was no memory for it. */
void answer_send(struct front_request *request, int status, const char *type, struct buffer *text);
void answer_request(void *context, struct front_request *request); /* the front's handler */

/* access.c: the guard's verdict on this request; `reason` of CALLER_REASON_MAX bytes says what to do where it is none to let
 * in. */
enum caller_verdict access_judge(char *reason, const struct inspector *inspector, const struct front_request *request);

/* health.c: answers once each worker's loop has turned, or the time is over */
void health_answer(struct inspector *inspector, struct front_request *request);
void health_forget(struct inspector *inspector, struct front_request *request); /* its client has left */
void health_end(struct inspector *inspector);

/* ready.c: writes what /readyz says; whether a request would be accepted now */
bool ready_write(struct buffer *out, const struct inspector *inspector);

/* Until when the keys at hand last, from now, by the clock that the account is signed by: µs; 0 where there is none for this
 * moment. */
int64_t ready_key_left_us(const struct inspector *inspector, size_t account);

/* metrics.c: the table */
void metrics_write(struct buffer *out, const struct inspector *inspector);

/* One row of it. Its writer appends the samples, each under the row's name. */
struct metric {
    const char *name;
    const char *type; /* counter, gauge or histogram */
    const char *help; /* no backslash, no line end: it stands in the text format as it is */
    void (*write)(struct buffer *out, const struct metric *metric, const struct inspector *inspector);
    size_t place;                       /* of the number, in what its writer reads */
    const char *label;                  /* of an array's numbers */
    const char *(*names)(size_t index); /* likewise: the label's value; NULL: no such number */
    size_t length;                      /* likewise */
};

/* metrics_text.c: one sample's line. Label values are escaped. */
struct metric_label {
    const char *name;
    const char *value;
};
void metric_sample(struct buffer *out, const char *name, const struct metric_label *labels, size_t count,
                   uint64_t value);
void metric_seconds(struct buffer *out, const char *name, const struct metric_label *labels, size_t count, int64_t us);

/* metrics_exchanges.c, metrics_state.c, metrics_process.c: the writers */
typedef void metric_writer(struct buffer *out, const struct metric *metric, const struct inspector *inspector);
metric_writer write_requests, write_in_flight, write_count, write_array, write_histogram, write_connection_use;
metric_writer write_clients, write_clients_accepted, write_sockets, write_sockets_opened, write_reach;
metric_writer write_ring_used, write_ring_size, write_lag, write_batches, write_write_errors, write_failing,
    write_store;
metric_writer write_pace_waiting;
metric_writer write_clock_offset, write_clock_bound;
metric_writer write_signer, write_key_left, write_rotations, write_reloads, write_stopped, write_draining, write_build;
metric_writer write_start, write_processor, write_resident, write_descriptors, write_descriptors_max;

/* Sums one number over all workers. */
uint64_t sum_of_listener(const struct inspector *inspector, size_t listener, size_t place);

/* ready.c: what the worker that tried last found out of this upstream */
enum upstream_reach ready_reach(const struct inspector *inspector, size_t upstream);

#endif
