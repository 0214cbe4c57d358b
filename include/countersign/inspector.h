/* The admin address: /healthz, /readyz and /metrics, for programs of this machine that watch over the proxy. One thread with
 * a loop of its own. It only looks: numbers that others write with atomic stores, descriptors of this process, the store's
 * size. Nothing it answers holds a key, a secret, a path that a client asked for, or any other byte of a client. */
#ifndef COUNTERSIGN_INSPECTOR_H
#define COUNTERSIGN_INSPECTOR_H

#include "countersign/capture.h"
#include "countersign/config.h"
#include "countersign/exchange_counts.h"
#include "countersign/front.h"
#include "countersign/pulse.h"
#include "countersign/signer_client.h"
#include "countersign/trading_state.h"
#include "countersign/upstream.h"

struct inspector;

/* What one worker lets others see. */
struct inspector_worker {
    struct pulse *pulse;
    const struct exchange_counts *listeners; /* in the configuration's order, as the next two */
    const struct front_counts *fronts;
    const struct upstream_counts *upstreams;
    const struct journal *journal;
};

/* All of it must outlive the inspector. What another part of the proxy wants shown becomes a member here, and a row in the
 * table of metrics.c. */
struct inspector_options {
    const struct config *config;
    int listen_fd; /* listening, non-blocking; owned by inspector_open, whatever it returns */
    const struct inspector_worker *workers;
    size_t worker_count;
    const struct capture *capture;
    const struct signer_client *signer;
    const struct trading_page *trading;
    struct clock_watch *const *clocks; /* the exchange's, one for each upstream */
};

MUST_CHECK bool inspector_open(struct inspector **inspector, const struct inspector_options *options,
                               struct error *error);

/* From now on /readyz says that the proxy is ending. Any thread; NULL is allowed. */
void inspector_drain(struct inspector *inspector);

/* Counts a configuration that was read again, and whether it is in force now or the old one stayed. Any thread; NULL is allowed. */
void inspector_note_reload(struct inspector *inspector, bool in_force);

/* Ends the thread and closes everything. NULL is allowed. */
void inspector_close(struct inspector *inspector);

/* Appends every metric: name, type and what it tells; from the table that /metrics is written from. */
void inspector_describe_metrics(struct buffer *out);

#endif
