/* The one table of metrics: what /metrics writes and `countersign config metrics` lists. A metric more is a row here and, where
 * none of the writers fits, a writer. No label's value comes from a request or an answer: listeners, accounts and upstreams are
 * named by the configuration, all else by tables of this program. */
#include "inspector_internal.h"

static const char *status_name(size_t index)
{
    static const char *const statuses[COUNTS_STATUSES] = { "other", "1xx", "2xx", "3xx", "4xx", "5xx" };
    return index < COUNTS_STATUSES ? statuses[index] : NULL;
}

#define COUNT(member)     .write = write_count, .place = offsetof(struct exchange_counts, member)
#define HISTOGRAM(member) .write = write_histogram, .place = offsetof(struct exchange_counts, member)
#define ARRAY(member, word, namer, size)                                                                               \
    .write = write_array, .place = offsetof(struct exchange_counts, member), .label = (word), .names = (namer),        \
    .length = (size)

static const struct metric metrics[] = {
    { "countersign_requests_total", "counter",
      "Requests that have ended, by listener, endpoint class (none: refused before that was looked at), outcome and "
      "the "
      "answer's code (documented codes; other; none).",
      .write = write_requests },
    { "countersign_responses_total", "counter", "Answers that clients got, by HTTP status class.",
      ARRAY(statuses, "status", status_name, COUNTS_STATUSES) },
    { "countersign_refusals_total", "counter", "Requests that this proxy refused, by the name in Countersign-Error.",
      ARRAY(refusals, "reason", exchange_counts_refusal, COUNTS_REASONS_MAX) },
    { "countersign_upstream_failures_total", "counter",
      "Requests that failed on their way to the exchange, by the name in Countersign-Error.",
      ARRAY(failures, "reason", exchange_counts_failure, COUNTS_REASONS_MAX) },
    { "countersign_requests_in_flight", "gauge", "Requests received and not yet answered.", .write = write_in_flight },
    { "countersign_pace_waits_total", "counter", "Requests that waited, or wait, for a turn to leave (rate, ip_rate).",
      COUNT(pace_waits) },
    { "countersign_pace_waiting", "gauge", "Requests that wait for a turn.", .write = write_pace_waiting },
    { "countersign_pace_wait_seconds", "histogram", "How long those waited that no longer do, whether it came or not.",
      HISTOGRAM(pace_wait) },
    { "countersign_pace_refused_total", "counter",
      "Requests refused because no turn was free in time, by the limit that kept them: the account's (rate) or the IP "
      "address's (ip_rate).",
      ARRAY(pace_refused, "limit", exchange_counts_limit, COUNTS_LIMITS) },
    { "countersign_pace_pauses_total", "counter",
      "How often the exchange said that there were too many requests (429), so that none left for a while.",
      COUNT(pace_pauses) },
    { "countersign_clients_left_total", "counter", "Requests whose client left before its whole answer was sent.",
      COUNT(clients_left) },
    { "countersign_requests_unrecorded_total", "counter",
      "Requests that went out unrecorded because the ring had no room (when_full = drop).", COUNT(unrecorded) },
    { "countersign_request_duration_seconds", "histogram",
      "From a request's last byte received to its answer's last byte sent.", HISTOGRAM(whole) },
    { "countersign_added_duration_seconds", "histogram",
      "The part of it that passed in this proxy, connecting included; of requests that were answered by the exchange.",
      HISTOGRAM(added) },
    { "countersign_exchange_duration_seconds", "histogram",
      "The part of it from the request's last byte sent to the exchange to the answer's last byte.",
      HISTOGRAM(exchange) },
    { "countersign_client_connections", "gauge", "Client connections that are open.", .write = write_clients },
    { "countersign_client_connections_total", "counter", "Client connections accepted.",
      .write = write_clients_accepted },
    { "countersign_upstream_connections", "gauge", "Sockets to the exchange that are open.", .write = write_sockets },
    { "countersign_upstream_connections_total", "counter",
      "Sockets to the exchange opened, whether they connected or not.", .write = write_sockets_opened },
    { "countersign_upstream_requests_total", "counter",
      "Requests that were about to leave, each attempt counted, by whether on a new or a reused connection.",
      .write = write_connection_use },
    { "countersign_upstream_reachable", "gauge",
      "1: the last attempt to reach it got an answer, 0: no connection; missing while nothing was tried.",
      .write = write_reach },
    { "countersign_exchange_clock_offset_seconds", "gauge",
      "The exchange's clock less this machine's, as its answers tell; missing while nothing is known, as the next.",
      .write = write_clock_offset },
    { "countersign_exchange_clock_bound_seconds", "gauge", "How far from that the true offset can be.",
      .write = write_clock_bound },
    { "countersign_ring_used_bytes", "gauge", "Bytes of the ring in use, reservations included.",
      .write = write_ring_used },
    { "countersign_ring_size_bytes", "gauge", "Bytes of the ring.", .write = write_ring_size },
    { "countersign_recorder_lag_seconds", "gauge",
      "How long the recorder has not had all that is in the ring; 0: it has. The oldest unrecorded frame is no older.",
      .write = write_lag },
    { "countersign_recorder_transactions_total", "counter", "Transactions written into capture.db.",
      .write = write_batches },
    { "countersign_recorder_write_errors_total", "counter", "Writes into capture.db that failed, each try counted.",
      .write = write_write_errors },
    { "countersign_recorder_failing", "gauge", "1: the last write into capture.db failed.", .write = write_failing },
    { "countersign_store_bytes", "gauge", "Size of capture.db and its write-ahead log.", .write = write_store },
    { "countersign_signer_up", "gauge", "1: the signer answers.", .write = write_signer },
    { "countersign_signer_key_remaining_seconds", "gauge",
      "How long the keys at hand last: 0 where there is none for this moment; falls to 0 within a minute without a "
      "signer.",
      .write = write_key_left },
    { "countersign_key_rotations_total", "counter",
      "How often keys were replaced because their sources were read anew.", .write = write_rotations },
    { "countersign_configuration_reloads_total", "counter",
      "How often the configuration was read again, by whether it came into force or the old one stayed.",
      .write = write_reloads },
    { "countersign_trading_stopped", "gauge", "1: trading is stopped, for all listeners or for some.",
      .write = write_stopped },
    { "countersign_draining", "gauge", "1: the proxy is ending and takes no new requests.", .write = write_draining },
    { "countersign_build_info", "gauge", "Always 1; the label is this program's version.", .write = write_build },
    { "process_start_time_seconds", "gauge", "When the proxy process started, seconds since 1970.",
      .write = write_start },
    { "process_cpu_seconds_total", "counter", "Processor time of the proxy process.", .write = write_processor },
    { "process_resident_memory_bytes", "gauge", "Resident memory of the proxy process.", .write = write_resident },
    { "process_open_fds", "gauge", "Open file descriptors of the proxy process.", .write = write_descriptors },
    { "process_max_fds", "gauge", "Its bound of open file descriptors.", .write = write_descriptors_max },
};

void metrics_write(struct buffer *out, const struct inspector *inspector)
{
    for (size_t i = 0; i < ARRAY_LENGTH(metrics); i++) {
        const struct metric *metric = &metrics[i];
        (void)buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                                   metric->type); /* who sends it looks at `failed` */
        metric->write(out, metric, inspector);
    }
}

void inspector_describe_metrics(struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(metrics); i++)
        (void)buffer_append_format(out, "%s  (%s)\n    %s\n", metrics[i].name, metrics[i].type,
                                   metrics[i].help); /* the caller checks `failed` */
}
