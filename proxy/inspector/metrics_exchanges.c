/* Metrics of requests and their connections: sums over what the workers count. */
#include "inspector_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME_SIZE = 96, BOUND_SIZE = 24 };

#define PLACE(member)              offsetof(struct exchange_counts, member)
#define PLACE_OF(place, index)     ((place) + (index) * sizeof(count_value))
#define LISTENER(inspector, index) ((inspector)->options.config->listeners[index].name)
#define LISTENER_COUNT(inspector)  ((inspector)->options.config->listener_count)

uint64_t sum_of_listener(const struct inspector *inspector, size_t listener, size_t place)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < inspector->options.worker_count; i++) {
        const char *counts = (const char *)&inspector->options.workers[i].listeners[listener];
        sum += count_read((const count_value *)(const void *)(counts + place));
    }
    return sum;
}

/* Most of what could be has never happened, and is left out. */
static void write_request_counts(struct buffer *out, const struct metric *metric, const struct inspector *inspector,
                                 size_t listener, size_t endpoint_class, enum record_outcome outcome)
{
    size_t first = ((endpoint_class * RECORD_OUTCOME_COUNT) + (size_t)outcome) * COUNTS_CODES_MAX;
    for (size_t code = 0; exchange_counts_code(code) != NULL; code++) {
        uint64_t count = sum_of_listener(inspector, listener, PLACE_OF(PLACE(requests), first + code));
        const struct metric_label labels[] = { { "listener", LISTENER(inspector, listener) },
                                               { "class", exchange_counts_class(endpoint_class) },
                                               { "outcome", record_outcome_name(outcome) },
                                               { "code", exchange_counts_code(code) } };
        if (count > 0)
            metric_sample(out, metric->name, labels, ARRAY_LENGTH(labels), count);
    }
}

void write_requests(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        for (size_t c = 0; c < COUNTS_CLASSES; c++) {
            for (size_t o = 0; o < RECORD_OUTCOME_COUNT; o++)
                write_request_counts(out, metric, inspector, i, c, (enum record_outcome)o);
        }
    }
}

/* What has ended is read first: what ends meanwhile counts as in flight, and nothing falls below 0. */
void write_in_flight(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        const struct metric_label label = { "listener", LISTENER(inspector, i) };
        uint64_t ended = sum_of_listener(inspector, i, PLACE(ended));
        uint64_t begun = sum_of_listener(inspector, i, PLACE(begun));
        metric_sample(out, metric->name, &label, 1, begun > ended ? begun - ended : 0);
    }
}

void write_count(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        const struct metric_label label = { "listener", LISTENER(inspector, i) };
        metric_sample(out, metric->name, &label, 1, sum_of_listener(inspector, i, metric->place));
    }
}

void write_array(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        for (size_t at = 0; at < metric->length; at++) {
            const char *name = metric->names(at);
            if (name == NULL)
                continue;
            const struct metric_label labels[] = { { "listener", LISTENER(inspector, i) }, { metric->label, name } };
            metric_sample(out, metric->name, labels, ARRAY_LENGTH(labels),
                          sum_of_listener(inspector, i, PLACE_OF(metric->place, at)));
        }
    }
}

void write_connection_use(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    static const struct {
        const char *name;
        size_t place;
    } uses[] = { { "new", PLACE(opened) }, { "reused", PLACE(reused) } };
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        for (size_t use = 0; use < ARRAY_LENGTH(uses); use++) {
            const struct metric_label labels[] = { { "listener", LISTENER(inspector, i) },
                                                   { "connection", uses[use].name } };
            metric_sample(out, metric->name, labels, ARRAY_LENGTH(labels),
                          sum_of_listener(inspector, i, uses[use].place));
        }
    }
}

/* --- histograms --- */

static void write_bound(char *text, size_t bucket)
{
    int64_t us = exchange_counts_bound_us(bucket);
    if (us == INT64_MAX)
        (void)snprintf(text, BOUND_SIZE, "+Inf"); /* fits, and below */
    else
        (void)snprintf(text, BOUND_SIZE, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

/* Its count is the sum of its buckets as they were read, so that the two agree whatever is counted meanwhile. */
static void write_one_histogram(struct buffer *out, const struct metric *metric, const struct inspector *inspector,
                                size_t listener)
{
    char name[NAME_SIZE], bound[BOUND_SIZE];
    struct metric_label labels[] = { { "listener", LISTENER(inspector, listener) }, { "le", bound } };
    uint64_t count = 0;
    uint64_t sum_us = sum_of_listener(inspector, listener, metric->place + offsetof(struct count_histogram, sum_us));
    (void)snprintf(name, sizeof(name), "%s_bucket", metric->name); /* fits, and below */
    for (size_t bucket = 0; bucket < COUNTS_BUCKETS; bucket++) {
        count += sum_of_listener(inspector, listener,
                                 PLACE_OF(metric->place + offsetof(struct count_histogram, buckets), bucket));
        write_bound(bound, bucket);
        metric_sample(out, name, labels, 2, count);
    }
    (void)snprintf(name, sizeof(name), "%s_sum", metric->name);
    metric_seconds(out, name, labels, 1, (int64_t)sum_us);
    (void)snprintf(name, sizeof(name), "%s_count", metric->name);
    metric_sample(out, name, labels, 1, count);
}

void write_histogram(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++)
        write_one_histogram(out, metric, inspector, i);
}

/* Those that have ended are read first, as above. */
void write_pace_waiting(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        const struct metric_label label = { "listener", LISTENER(inspector, i) };
        uint64_t ended = 0;
        for (size_t bucket = 0; bucket < COUNTS_BUCKETS; bucket++)
            ended += sum_of_listener(inspector, i,
                                     PLACE_OF(PLACE(pace_wait) + offsetof(struct count_histogram, buckets), bucket));
        uint64_t begun = sum_of_listener(inspector, i, PLACE(pace_waits));
        metric_sample(out, metric->name, &label, 1, begun > ended ? begun - ended : 0);
    }
}

/* --- connections --- */

/* What is closed is read first, as above. */
static void write_fronts(struct buffer *out, const struct metric *metric, const struct inspector *inspector, bool open)
{
    for (size_t i = 0; i < LISTENER_COUNT(inspector); i++) {
        const struct metric_label label = { "listener", LISTENER(inspector, i) };
        uint64_t closed = 0, accepted = 0;
        for (size_t w = 0; w < inspector->options.worker_count; w++) {
            closed += count_read(&inspector->options.workers[w].fronts[i].closed);
            accepted += count_read(&inspector->options.workers[w].fronts[i].accepted);
        }
        metric_sample(out, metric->name, &label, 1,
                      open ? accepted - (closed < accepted ? closed : accepted) : accepted);
    }
}

void write_clients(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_fronts(out, metric, inspector, true);
}

void write_clients_accepted(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_fronts(out, metric, inspector, false);
}

static void write_upstreams(struct buffer *out, const struct metric *metric, const struct inspector *inspector,
                            bool open)
{
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct metric_label label = { "upstream", config->upstreams[i].name };
        uint64_t closed = 0, opened = 0;
        for (size_t w = 0; w < inspector->options.worker_count; w++) {
            closed += count_read(&inspector->options.workers[w].upstreams[i].closed);
            opened += count_read(&inspector->options.workers[w].upstreams[i].opened);
        }
        metric_sample(out, metric->name, &label, 1, open ? opened - (closed < opened ? closed : opened) : opened);
    }
}

void write_sockets(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_upstreams(out, metric, inspector, true);
}

void write_sockets_opened(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_upstreams(out, metric, inspector, false);
}

void write_reach(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct metric_label label = { "upstream", config->upstreams[i].name };
        enum upstream_reach reach = ready_reach(inspector, i);
        if (reach != UPSTREAM_NOT_TRIED)
            metric_sample(out, metric->name, &label, 1, reach == UPSTREAM_REACHED);
    }
}
