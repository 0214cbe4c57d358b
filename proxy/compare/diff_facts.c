/* What became of the two exchanges, how they reached the exchange, how long it took. Owns nothing; one thread. */
#include "diff_private.h"

enum { COUNT_TEXT_MAX = 24 };

static void compare_texts(struct diff_run *run, const struct diff_finding *base, struct slice a, struct slice b)
{
    struct diff_finding finding = *base;
    if (slice_equal(a, b))
        return;
    finding.has[0] = a.length > 0;
    finding.has[1] = b.length > 0;
    finding.values[0] = a;
    finding.values[1] = b;
    finding.change = !finding.has[1] ? DIFF_MISSING : !finding.has[0] ? DIFF_ADDED : DIFF_VALUE;
    diff_add(run, &finding);
}

static struct slice count_text(struct diff_run *run, uint64_t count)
{
    struct buffer text;
    buffer_init(&text, COUNT_TEXT_MAX);
    buffer_append_format(&text, "%llu", (unsigned long long)count);
    return diff_keep_buffer(run, &text);
}

/* What is known of one exchange's end. */
struct outcome_fact {
    const char *subject;
    struct slice value;
};

enum { OUTCOME_FACTS = 4 };

static void list_outcome(struct outcome_fact facts[OUTCOME_FACTS], const struct record *record)
{
    facts[0] = (struct outcome_fact){ "outcome", slice_text(record_outcome_name(record->outcome)) };
    facts[1] = (struct outcome_fact){ "code", record->api_code };
    facts[2] = (struct outcome_fact){ "message", record->api_message };
    facts[3] = (struct outcome_fact){ "error", record->error_name };
}

static struct diff_finding outcome_finding(const char *subject, enum diff_weight weight, const char *note)
{
    return (struct diff_finding){ .section = DIFF_ANSWER,
                                  .part = DIFF_PART_OUTCOME,
                                  .weight = weight,
                                  .subject = slice_text(subject),
                                  .note = note };
}

void diff_compare_outcomes(struct diff_run *run)
{
    const struct record *a = run->diff->sides[0].record, *b = run->diff->sides[1].record;
    struct outcome_fact facts[2][OUTCOME_FACTS];
    list_outcome(facts[0], a);
    list_outcome(facts[1], b);
    for (size_t i = 0; i < OUTCOME_FACTS; i++) {
        const struct diff_finding base = outcome_finding(facts[0][i].subject, DIFF_REAL, NULL);
        compare_texts(run, &base, facts[0][i].value, facts[1][i].value);
    }
    const struct diff_finding said = outcome_finding("error message", DIFF_INFO, NULL);
    compare_texts(run, &said, a->error_message, b->error_message);
}

static void tell_fact(struct diff_run *run, size_t side, const char *subject, struct slice value)
{
    struct diff_finding finding = outcome_finding(subject, DIFF_INFO, NULL);
    if (value.length == 0)
        return;
    finding.change = side == 0 ? DIFF_MISSING : DIFF_ADDED;
    finding.has[side] = true;
    finding.values[side] = value;
    diff_add(run, &finding);
}

void diff_tell_outcome(struct diff_run *run, size_t side)
{
    const struct record *record = run->diff->sides[side].record;
    struct outcome_fact facts[OUTCOME_FACTS];
    list_outcome(facts, record);
    for (size_t i = 0; i < OUTCOME_FACTS; i++)
        tell_fact(run, side, facts[i].subject, facts[i].value);
    tell_fact(run, side, "error message", record->error_message);
    if (record->status > 0)
        tell_fact(run, side, "status", count_text(run, (uint64_t)record->status));
}

static void compare_fact(struct diff_run *run, const char *subject, enum diff_weight weight, const char *note,
                         const struct slice values[2])
{
    const struct diff_finding base = {
        .section = DIFF_NETWORK, .part = DIFF_PART_FACT, .weight = weight, .subject = slice_text(subject), .note = note
    };
    compare_texts(run, &base, values[0], values[1]);
}

static struct slice family_text(int ip_family)
{
    return ip_family == 6 ? SLICE_LITERAL("IPv6") : SLICE_LITERAL("IPv4");
}

static struct slice reuse_text(bool is_reused)
{
    return is_reused ? SLICE_LITERAL("reused") : SLICE_LITERAL("new");
}

/* Where a request comes from counts, because a key's whitelist looks at it; where it went and over what is told. */
static void compare_connections(struct diff_run *run, const struct record_connection *a,
                                const struct record_connection *b)
{
    const char *whitelist = "a key's whitelist looks at where a request comes from";
    bool same_family = a->ip_family == b->ip_family;
    compare_fact(run, "IP family", DIFF_REAL, whitelist,
                 (const struct slice[2]){ family_text(a->ip_family), family_text(b->ip_family) });
    compare_fact(run, "local address", same_family ? DIFF_REAL : DIFF_INFO,
                 same_family ? whitelist : "follows from the IP family",
                 (const struct slice[2]){ a->local_address, b->local_address });
    compare_fact(run, "remote address", DIFF_INFO, NULL,
                 (const struct slice[2]){ a->remote_address, b->remote_address });
    if (a->remote_port != b->remote_port)
        compare_fact(run, "remote port", DIFF_INFO, NULL,
                     (const struct slice[2]){ count_text(run, (uint64_t)a->remote_port),
                                              count_text(run, (uint64_t)b->remote_port) });
    compare_fact(run, "connection", DIFF_INFO, NULL,
                 (const struct slice[2]){ reuse_text(a->reused), reuse_text(b->reused) });
    compare_fact(run, "HTTP", DIFF_INFO, NULL, (const struct slice[2]){ a->http_version, b->http_version });
    compare_fact(run, "TLS", DIFF_INFO, NULL, (const struct slice[2]){ a->tls_version, b->tls_version });
    compare_fact(run, "TLS cipher", DIFF_INFO, NULL, (const struct slice[2]){ a->tls_cipher, b->tls_cipher });
}

static void tell_no_connection(struct diff_run *run, bool is_first)
{
    struct diff_finding finding = { .section = DIFF_NETWORK,
                                    .part = DIFF_PART_FACT,
                                    .change = is_first ? DIFF_MISSING : DIFF_ADDED,
                                    .weight = DIFF_INFO,
                                    .subject = SLICE_LITERAL("connection"),
                                    .note = "of one side alone a connection is recorded" };
    finding.has[is_first ? 0 : 1] = true;
    finding.values[is_first ? 0 : 1] = SLICE_LITERAL("recorded");
    diff_add(run, &finding);
}

void diff_compare_network(struct diff_run *run)
{
    const struct record *a = run->diff->sides[0].record, *b = run->diff->sides[1].record;
    if (a->listener.length > 0 && b->listener.length > 0)
        compare_fact(run, "listener", DIFF_INFO, NULL, (const struct slice[2]){ a->listener, b->listener });
    if (a->connection.ip_family != 0 && b->connection.ip_family != 0)
        compare_connections(run, &a->connection, &b->connection);
    else if (a->connection.ip_family != 0 || b->connection.ip_family != 0)
        tell_no_connection(run, a->connection.ip_family != 0);
    if (a->attempts != b->attempts && a->attempts != 0 && b->attempts != 0)
        compare_fact(run, "attempts", DIFF_INFO, NULL,
                     (const struct slice[2]){ count_text(run, a->attempts), count_text(run, b->attempts) });
}

static int64_t duration(int64_t from_us, int64_t to_us)
{
    return from_us != 0 && to_us != 0 ? to_us - from_us : -1;
}

void diff_list_durations(struct diff_run *run)
{
    const struct record *a = run->diff->sides[0].record, *b = run->diff->sides[1].record;
    const struct {
        const char *subject;
        int64_t us[2];
    } durations[] = {
        { "until sent", { duration(a->received_us, a->sent_us), duration(b->received_us, b->sent_us) } },
        { "until the first byte", { duration(a->sent_us, a->first_byte_us), duration(b->sent_us, b->first_byte_us) } },
        { "until the last byte",
          { duration(a->first_byte_us, a->complete_us), duration(b->first_byte_us, b->complete_us) } },
        { "until replied", { duration(a->complete_us, a->replied_us), duration(b->complete_us, b->replied_us) } },
        { "in all", { duration(a->received_us, a->replied_us), duration(b->received_us, b->replied_us) } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(durations); i++) {
        const int64_t *us = durations[i].us;
        if (us[0] < 0 && us[1] < 0)
            continue;
        diff_add(run, &(struct diff_finding){ .section = DIFF_TIMING,
                                              .part = DIFF_PART_DURATION,
                                              .change = us[0] == us[1] ? DIFF_SAME : DIFF_VALUE,
                                              .weight = DIFF_INFO,
                                              .subject = slice_text(durations[i].subject),
                                              .numbers = { us[0], us[1] } });
    }
}
