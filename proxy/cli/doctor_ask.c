/* The requests of `countersign doctor`, each to its end before the next. Owns the loop, the pool and an upstream for each
 * way: as configured, and direct over each family. */
#include "doctor_ask.h"

#include "common.h"
#include "countersign/clock.h"
#include "countersign/policy.h"
#include "countersign/upstream.h"
#include "doctor_sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ANSWER_MAX = 8 << 20, /* bytes */
    AS_CONFIGURED = PROBE_WAYS,
    UPSTREAMS,
    FIELDS_MAX = 2 + DOCTOR_SIGN_FIELDS
};

struct doctor_asker {
    struct probes *probes;
    struct doctor_asker_options options;
    struct loop *loop;
    struct upstream_pool *pool;
    struct upstream *upstreams[UPSTREAMS]; /* NULL: no such way; PROBE_PROXY is AS_CONFIGURED's */
    struct doctor_signing *signing;
};

/* --- what is asked --- */

struct endpoint_asked {
    const char *method;
    const char *target;
    const char *body; /* NULL: none */
};

/* Reads, all of them, and documented. The first whose host's name begins so. */
static const struct {
    const char *host;
    struct endpoint_asked public;
    struct endpoint_asked signed_read;
} exchanges[] = {
    { "futures.", { "GET", "/api/configs/public", NULL }, { "GET", "/api/v2/trade/order/queryHisMatch", NULL } },
    { "", { "GET", "/api/v1/ticker/price", NULL }, { "POST", "/api/spot/accountList", "{}" } },
};

static const struct endpoint_asked *endpoint_of(const struct probes *probes, enum probe_trial trial)
{
    size_t at = 0;
    while (!slice_starts_with(slice_text(probes->host), exchanges[at].host))
        at++; /* the last row fits every host */
    return trial == PROBE_PUBLIC ? &exchanges[at].public : &exchanges[at].signed_read;
}

/* --- birth and end --- */

static struct upstream_options options_of(const struct doctor_asker_options *options)
{
    const struct config_upstream *upstream = options->upstream;
    int64_t connect = upstream->connect_timeout;
    return (struct upstream_options){
        .url = upstream->url,
        .http = (enum upstream_http)upstream->http,
        .ip_family = (enum upstream_ip_family)upstream->ip_family,
        .ca_file = upstream->ca_file,
        .bind_address = upstream->bind_address,
        .proxy = upstream->proxy,
        .connect_timeout_us = connect < options->timeout_us ? connect : options->timeout_us,
        .timeout_us = options->timeout_us,
        .response_max = ANSWER_MAX,
        .connections_max = 1,
        .connect_once = true,
        .describe_certificate = true,
    };
}

static bool has_route(const struct probes *probes, enum probe_family family)
{
    return probes->routes[family].local[0] != '\0';
}

static bool open_direct(struct doctor_asker *asker, enum probe_way way, enum upstream_ip_family family,
                        struct error *error)
{
    struct upstream_options options = options_of(&asker->options);
    options.ip_family = family;
    options.proxy = "";
    return upstream_create(&asker->upstreams[way], asker->pool, &options, error);
}

static bool open_upstreams(struct doctor_asker *asker, struct error *error)
{
    struct upstream_options options = options_of(&asker->options);
    if (!upstream_create(&asker->upstreams[AS_CONFIGURED], asker->pool, &options, error))
        return false;
    if (has_route(asker->probes, PROBE_FAMILY_4) && !open_direct(asker, PROBE_IPV4, UPSTREAM_IP_V4, error))
        return false;
    return !has_route(asker->probes, PROBE_FAMILY_6) || open_direct(asker, PROBE_IPV6, UPSTREAM_IP_V6, error);
}

static void note_used_ways(struct probes *probes, const struct config_upstream *upstream)
{
    bool is_direct = upstream->proxy[0] == '\0';
    probes->is_used[PROBE_PROXY] = !is_direct;
    probes->is_used[PROBE_IPV4] = is_direct && upstream->ip_family != CONFIG_IP_V6;
    probes->is_used[PROBE_IPV6] = is_direct && upstream->ip_family != CONFIG_IP_V4;
}

bool doctor_asker_open(struct doctor_asker **asker, struct probes *probes, const struct doctor_asker_options *options,
                       struct error *error)
{
    struct doctor_asker *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->probes = probes;
    made->options = *options;
    probes->requests_max = DOCTOR_REQUESTS_MAX;
    note_used_ways(probes, options->upstream);
    if (loop_create(&made->loop, error) && upstream_pool_create(&made->pool, made->loop, error) &&
        open_upstreams(made, error) && doctor_signing_open(&made->signing, options->signer, options->account, error)) {
        *asker = made;
        return true;
    }
    doctor_asker_close(made);
    return false;
}

void doctor_asker_close(struct doctor_asker *asker)
{
    if (asker == NULL)
        return;
    for (size_t i = 0; i < UPSTREAMS; i++)
        upstream_free(asker->upstreams[i]);
    upstream_pool_free(asker->pool);
    if (asker->loop != NULL)
        loop_free(asker->loop);
    doctor_signing_close(asker->signing);
    free(asker);
}

/* --- one request --- */

struct asking {
    struct doctor_asker *asker;
    enum probe_trial trial;
    bool is_by_proxy;
    struct http_field fields[FIELDS_MAX];
    struct doctor_signed_fields signed_fields;
    struct error error;
    struct probe_answer *answer;
    struct upstream_connection connection;
    bool has_date;
    char date[PROBE_TEXT_MAX];
    int64_t sent_us;
    int64_t first_byte_us;
};

/* What the exchange's clock is ahead of this one, where the trial is about that. */
static int64_t correction_us(const struct asking *asking)
{
    return asking->trial == PROBE_THEIR_TIME ? probe_clock_offset_us(&asking->asker->probes->clock) : 0;
}

/* The moment to sign: a connection is at hand. */
static bool about_to_send(void *context, const struct upstream_connection *connection, unsigned attempt,
                          struct upstream_request *request)
{
    struct asking *asking = context;
    (void)connection; /* the result has it */
    (void)attempt;    /* there is one */
    if (asking->trial == PROBE_PUBLIC)
        return true;
    int64_t expires_ms = (clock_wall_us() + correction_us(asking)) / 1000;
    if (!doctor_sign(&asking->signed_fields, asking->asker->signing, asking->trial, expires_ms, request->body,
                     &asking->error))
        return false;
    memcpy(asking->fields + request->field_count, asking->signed_fields.fields, sizeof(asking->signed_fields.fields));
    request->fields = asking->fields;
    request->field_count += DOCTOR_SIGN_FIELDS;
    return true;
}

static const struct {
    enum upstream_failure upstream;
    enum probe_failure probe;
} failures[] = {
    { UPSTREAM_NAME_RESOLUTION, PROBE_FAILURE_NAME },
    { UPSTREAM_CONNECT, PROBE_FAILURE_UNREACHABLE },
    { UPSTREAM_CONNECT_TIMEOUT, PROBE_FAILURE_SILENT },
    { UPSTREAM_TLS, PROBE_FAILURE_TLS },
    { UPSTREAM_EGRESS_PROXY, PROBE_FAILURE_EGRESS },
    { UPSTREAM_TIMEOUT, PROBE_FAILURE_SLOW },
    { UPSTREAM_LOST, PROBE_FAILURE_LOST },
    { UPSTREAM_RESPONSE_MALFORMED, PROBE_FAILURE_NOT_HTTP },
};

static enum probe_failure failure_of(const struct upstream_result *result, bool is_by_proxy)
{
    bool has_no_way = result->failure == UPSTREAM_CONNECT || result->failure == UPSTREAM_CONNECT_TIMEOUT ||
                      result->failure == UPSTREAM_NAME_RESOLUTION;
    if (is_by_proxy && has_no_way)
        return PROBE_FAILURE_EGRESS; /* the proxy is what was to be connected to */
    if (result->failure == UPSTREAM_CONNECT && result->system_error == ECONNREFUSED)
        return PROBE_FAILURE_REFUSED;
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        if (failures[i].upstream == result->failure)
            return failures[i].probe;
    }
    return PROBE_FAILURE_OTHER;
}

/* libcurl's own words say everything but the reason where a connection was refused. */
static void note_failure(struct asking *asking, const struct upstream_result *result)
{
    struct probe_answer *answer = asking->answer;
    const struct config_upstream *upstream = asking->asker->options.upstream;
    answer->reply = PROBE_NO_ANSWER;
    answer->failure = failure_of(result, asking->is_by_proxy);
    if (result->system_error == 0)
        (void)snprintf(answer->words, sizeof(answer->words), "%s", result->message); /* cut to fit, here and below */
    else
        (void)snprintf(answer->words, sizeof(answer->words), "could not connect to %s: %s",
                       asking->is_by_proxy ? upstream->proxy : upstream->url, strerror(result->system_error));
}

static void note_date(struct asking *asking, const struct upstream_result *result)
{
    const struct http_field *date = http_field_find(result->response_fields, "Date");
    bool is_stored = http_field_find(result->response_fields, "Age") != NULL; /* RFC 9111 §5.1: a cache's copy */
    if (date == NULL || is_stored || date->value.length >= sizeof(asking->date))
        return;
    memcpy(asking->date, date->value.data, date->value.length);
    asking->date[date->value.length] = '\0';
    asking->has_date = true;
    asking->sent_us = result->timing.connected_us; /* read before the first byte left; sent_us is after the last one */
    asking->first_byte_us = result->timing.first_byte_us;
}

static void note_answer(struct asking *asking, const struct upstream_result *result)
{
    const struct endpoint_asked *endpoint = endpoint_of(asking->asker->probes, asking->trial);
    const struct probe_response response = { .method = slice_text(endpoint->method),
                                             .target = slice_text(endpoint->target),
                                             .is_public = asking->trial == PROBE_PUBLIC,
                                             .status = result->status,
                                             .fields = result->response_fields,
                                             .body = result->response_body };
    probe_answer_read(asking->answer, &response);
    doctor_signing_mask(asking->answer->words, asking->asker->signing);
    note_date(asking, result);
}

static void copy_address(char *to, const char *from)
{
    (void)snprintf(to, PROBE_TEXT_MAX, "%s", from); /* of the same size */
}

static void done(void *context, struct upstream_result *result)
{
    struct asking *asking = context;
    asking->connection = result->connection;
    if (result->attempts == 0)
        asking->asker->probes->requests--; /* it was not begun to be sent */
    copy_address(asking->answer->local, result->connection.local_address);
    copy_address(asking->answer->remote, result->connection.remote_address);
    if (result->failure == UPSTREAM_OK)
        note_answer(asking, result);
    else
        note_failure(asking, result);
    loop_stop(asking->asker->loop);
}

/* The bound holds for what is sent and for what it can be: nothing but reads. */
static bool may_send(struct probes *probes, struct probe_answer *answer, const struct endpoint_asked *endpoint,
                     struct error *error)
{
    enum endpoint_class class = endpoint_classify(slice_text(endpoint->method), slice_text(endpoint->target));
    if (class != ENDPOINT_PUBLIC && class != ENDPOINT_READ)
        return error_set(error, ERROR_INTERNAL, "%s %s is no read: not sent", endpoint->method, endpoint->target);
    if (probes->requests < DOCTOR_REQUESTS_MAX) {
        probes->requests++;
        return true;
    }
    answer->reply = PROBE_NO_ANSWER;
    answer->failure = PROBE_FAILURE_BUDGET;
    (void)snprintf(answer->words, sizeof(answer->words), "not asked: %d requests were sent", DOCTOR_REQUESTS_MAX);
    return error_set(error, ERROR_LIMIT, "%d requests were sent: no more", DOCTOR_REQUESTS_MAX);
}

static bool send_one(struct asking *asking, struct upstream *upstream, struct error *error)
{
    static const struct upstream_callbacks callbacks = { .about_to_send = about_to_send, .done = done };
    const struct slice agent = SLICE_LITERAL("countersign/" COUNTERSIGN_VERSION " (doctor)");
    const struct endpoint_asked *endpoint = endpoint_of(asking->asker->probes, asking->trial);
    struct upstream_request request = { .method = slice_text(endpoint->method),
                                        .target = slice_text(endpoint->target),
                                        .fields = asking->fields,
                                        .body = slice_text(endpoint->body),
                                        .has_body = endpoint->body != NULL };
    struct upstream_call *call = NULL;
    asking->fields[request.field_count++] = (struct http_field){ SLICE_LITERAL("User-Agent"), agent };
    if (request.has_body)
        asking->fields[request.field_count++] =
            (struct http_field){ SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json") };
    if (!may_send(asking->asker->probes, asking->answer, endpoint, error) ||
        !upstream_send(&call, upstream, &request, false, &callbacks, asking, error) ||
        !loop_run(asking->asker->loop, error))
        return false;
    return asking->error.kind == ERROR_NONE || error_set(error, asking->error.kind, "%s", asking->error.message);
}

bool doctor_has_way(const struct doctor_asker *asker, enum probe_way way)
{
    return way == PROBE_PROXY ? asker->options.upstream->proxy[0] != '\0' : asker->upstreams[way] != NULL;
}

bool doctor_ask(struct doctor_asker *asker, enum probe_way way, enum probe_trial trial, struct error *error)
{
    struct asking asking = {
        .asker = asker, .trial = trial, .is_by_proxy = way == PROBE_PROXY, .answer = &asker->probes->answers[way][trial]
    };
    return send_one(&asking, asker->upstreams[way == PROBE_PROXY ? AS_CONFIGURED : (size_t)way], error);
}

/* --- the main way --- */

static enum probe_way main_way_of(const struct doctor_asker *asker, const struct upstream_connection *connection)
{
    if (asker->options.upstream->proxy[0] != '\0')
        return PROBE_PROXY;
    if (connection->ip_family != 0)
        return connection->ip_family == 6 ? PROBE_IPV6 : PROBE_IPV4;
    bool is_4_used = asker->probes->is_used[PROBE_IPV4], is_6_used = asker->probes->is_used[PROBE_IPV6];
    if (!is_4_used || !is_6_used) /* a way that is not used was not tried, whatever route there is */
        return is_4_used ? PROBE_IPV4 : PROBE_IPV6;
    return has_route(asker->probes, PROBE_FAMILY_4) || !has_route(asker->probes, PROBE_FAMILY_6) ? PROBE_IPV4
                                                                                                 : PROBE_IPV6;
}

static void sleep_until(int64_t wall_us)
{
    int64_t left_us = wall_us - clock_wall_us();
    const struct timespec pause = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
    if (left_us > 0)
        (void)nanosleep(&pause, NULL); /* a shorter one makes the bound wider, no more */
}

static void note_tls(struct probes *probes, const struct upstream *upstream,
                     const struct upstream_connection *connection)
{
    struct upstream_certificate seen;
    struct probe_tls *tls = &probes->tls;
    tls->was_seen = upstream_last_certificate(&seen, upstream);
    tls->is_connected = connection->tls_version[0] != '\0';
    copy_address(tls->version, connection->tls_version);
    copy_address(tls->cipher, connection->tls_cipher);
    if (!tls->was_seen)
        return;
    tls->trust = (enum probe_trust)seen.trust;
    tls->is_for_host = seen.is_for_host;
    tls->chain_length = seen.chain_length;
    tls->not_before_s = seen.not_before_s;
    tls->not_after_s = seen.not_after_s;
    (void)snprintf(tls->subject, sizeof(tls->subject), "%s", seen.subject); /* these are smaller */
    (void)snprintf(tls->issuer, sizeof(tls->issuer), "%s", seen.issuer);
    (void)snprintf(tls->reason, sizeof(tls->reason), "%s", seen.reason);
}
_Static_assert((int)UPSTREAM_TRUSTED == (int)PROBE_TRUSTED && (int)UPSTREAM_CERTIFICATE_EXPIRED == (int)PROBE_EXPIRED &&
                   (int)UPSTREAM_CERTIFICATE_NOT_YET_VALID == (int)PROBE_NOT_YET_VALID &&
                   (int)UPSTREAM_ISSUER_UNKNOWN == (int)PROBE_ISSUER_UNKNOWN &&
                   (int)UPSTREAM_CERTIFICATE_REFUSED == (int)PROBE_CERTIFICATE_REFUSED,
               "trust is the same number in both rooms");

static void add_date(struct probe_clock *clock, const struct asking *asking)
{
    if (asking->has_date && asking->answer->reply == PROBE_JSON)
        (void)probe_clock_add(clock, slice_text(asking->date), asking->sent_us,
                              asking->first_byte_us); /* a Date that is none says nothing */
}

bool doctor_ask_main_way(struct doctor_asker *asker, struct error *error)
{
    struct probes *probes = asker->probes;
    struct probe_answer answer = { .reply = PROBE_NOT_ASKED };
    for (int i = 0; i < DOCTOR_CLOCK_ANSWERS; i++) {
        struct probe_answer again = { .reply = PROBE_NOT_ASKED };
        struct asking asking = { .asker = asker, .trial = PROBE_PUBLIC, .answer = i == 0 ? &answer : &again };
        asking.is_by_proxy = asker->options.upstream->proxy[0] != '\0';
        sleep_until(probe_clock_best_moment(&probes->clock, clock_wall_us()));
        if (!send_one(&asking, asker->upstreams[AS_CONFIGURED], error))
            return false;
        add_date(&probes->clock, &asking);
        if (i == 0) {
            probes->main_way = main_way_of(asker, &asking.connection);
            probes->answers[probes->main_way][PROBE_PUBLIC] = answer;
            note_tls(probes, asker->upstreams[AS_CONFIGURED], &asking.connection);
        }
        if (probes->clock.answers == 0)
            return true; /* no answer, or none with a Date: more would say no more */
    }
    return true;
}
