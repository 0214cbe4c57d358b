/* Metrics of the record, the signer and the proxy's own state. */
#include "inspector_internal.h"

#include "countersign/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { NUMBER_SIZE = 24 };

/* --- the record --- */

static void write_journal(struct buffer *out, const struct metric *metric, const struct inspector *inspector,
                          size_t (*look)(const struct journal *journal))
{
    char number[NUMBER_SIZE];
    const struct metric_label label = { "worker", number };
    for (size_t i = 0; i < inspector->options.worker_count; i++) {
        (void)snprintf(number, sizeof(number), "%zu", i); /* fits: at most 64 workers */
        metric_sample(out, metric->name, &label, 1, look(inspector->options.workers[i].journal));
    }
}

void write_ring_used(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_journal(out, metric, inspector, journal_used);
}

void write_ring_size(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_journal(out, metric, inspector, journal_size);
}

void write_lag(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    char number[NUMBER_SIZE];
    const struct metric_label label = { "worker", number };
    for (size_t i = 0; i < inspector->options.worker_count; i++) {
        (void)snprintf(number, sizeof(number), "%zu", i); /* as above */
        metric_seconds(out, metric->name, &label, 1,
                       journal_lag_us(inspector->options.workers[i].journal, clock_monotonic_us()));
    }
}

static struct capture_state look_at_capture(const struct inspector *inspector)
{
    struct capture_state state;
    capture_look(&state, inspector->options.capture);
    return state;
}

void write_batches(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, look_at_capture(inspector).batches);
}

void write_write_errors(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, look_at_capture(inspector).write_errors);
}

void write_failing(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, look_at_capture(inspector).is_failing);
}

/* A file that is not there has no bytes: its write-ahead log comes and goes. */
static uint64_t size_of(const char *path, const char *suffix)
{
    char *name = NULL;
    struct stat status = { .st_size = 0 };
    if (asprintf(&name, "%s%s", path, suffix) < 0)
        return 0;
    if (stat(name, &status) != 0)
        status.st_size = 0;
    free(name);
    return (uint64_t)status.st_size;
}

void write_store(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    const char *path = capture_store_path(inspector->options.capture);
    metric_sample(out, metric->name, NULL, 0, size_of(path, "") + size_of(path, "-wal"));
}

/* --- the signer --- */

void write_signer(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, signer_client_is_alive(inspector->options.signer));
}

void write_key_left(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->account_count; i++) {
        const struct metric_label label = { "account", config->accounts[i].name };
        metric_seconds(out, metric->name, &label, 1, ready_key_left_us(inspector, i));
    }
}

void write_rotations(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, signer_client_rotations(inspector->options.signer));
}

/* --- the exchange's clock --- */

static void write_clock(struct buffer *out, const struct metric *metric, const struct inspector *inspector,
                        bool is_bound)
{
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct metric_label label = { "upstream", config->upstreams[i].name };
        struct clock_reading reading = clock_watch_read(inspector->options.clocks[i]);
        if (reading.is_known)
            metric_seconds(out, metric->name, &label, 1, is_bound ? reading.bound_us : reading.offset_us);
    }
}

void write_clock_offset(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_clock(out, metric, inspector, false);
}

void write_clock_bound(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    write_clock(out, metric, inspector, true);
}

/* --- the proxy --- */

void write_stopped(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, !trading_page_runs(inspector->options.trading));
}

void write_reloads(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    static const struct metric_label in_force = { "result", "in_force" }, failed = { "result", "old_one_stayed" };
    metric_sample(out, metric->name, &in_force, 1, atomic_load(&inspector->reloads));
    metric_sample(out, metric->name, &failed, 1, atomic_load(&inspector->reloads_failed));
}

void write_draining(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_sample(out, metric->name, NULL, 0, atomic_load(&inspector->draining));
}

void write_build(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    const struct metric_label label = { "version", COUNTERSIGN_VERSION };
    (void)inspector; /* it is the program's */
    metric_sample(out, metric->name, &label, 1, 1);
}
