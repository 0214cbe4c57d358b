/* What the record itself knows of orders that look alike: which of the exchange's belong to other recorded requests. The
 * reader's one thread. */
#include "reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBOURS_MAX = 20000, /* requests of the same minutes that are looked at */
    FORMER_MAX = 200,       /* latest orders among which one with a clOrdId is looked for */
    BODY_MAX = 8 << 20      /* bytes that a compressed answer may unfold to */
};

/* --- whose order is it --- */

static bool is_word(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Whether the id stands there whole: not as a part of a longer one. */
static bool names_id(struct slice text, const char *id)
{
    size_t length = strlen(id);
    const char *found = text.data, *end = text.data + text.length;
    while (text.length >= length && (found = memmem(found, (size_t)(end - found), id, length)) != NULL) {
        bool begins = found == text.data || !is_word(found[-1]);
        bool ends = found + length == end || !is_word(found[length]);
        if (begins && ends)
            return true;
        found++;
    }
    return false;
}

struct neighbours {
    struct reconcile_finding *finding;
    const struct reconcile_request *request;
    const struct reconcile_order *order;
    struct reconcile_request *other; /* room for the one at hand */
    size_t rivals;
};

/* What another order carried as its clOrdId is that one's; `own` is none of them. */
static bool has_client_id_of(const struct reconcile_seen *seen, const struct reconcile_request *request,
                             const struct reconcile_order *own)
{
    for (size_t i = 0; seen->client_id[0] != '\0' && i < request->count; i++) {
        if (&request->orders[i] != own && strcmp(request->orders[i].client_id, seen->client_id) == 0)
            return true;
    }
    return false;
}

/* The answer to a request that placed, or what was settled of it, says whose an order is; that of a cancel does not. */
static void drop_theirs(struct reconcile_finding *finding, const struct record *record,
                        const struct reconcile_request *request, const struct reconcile_order *own)
{
    struct buffer decoded;
    buffer_init(&decoded, BODY_MAX);
    struct slice body = slice_of(NULL, 0), settled = slice_of(NULL, 0);
    if (own == NULL)
        body = log_decoded_body(&decoded, &record->views[RECORD_UPSTREAM_RESPONSE]);
    if (own == NULL && record->is_settled)
        settled = record->reconciled_detail;
    size_t kept = 0;
    for (size_t i = 0; i < finding->count; i++) {
        const char *id = finding->seen[i].id;
        if (names_id(body, id) || names_id(settled, id) || has_client_id_of(&finding->seen[i], request, own))
            (void)buffer_append_format(&finding->looked, "ordId %s belongs to another order of exchange %lld\n", id,
                                       (long long)record->id); /* a line that is missing claims nothing */
        else
            finding->seen[kept++] = finding->seen[i];
    }
    finding->count = kept;
    buffer_free(&decoded);
}

/* An order in doubt that carried no clOrdId and looks the same: what is found may be that one's. */
static void count_rivals(struct neighbours *neighbours, const struct record *record)
{
    bool is_in_doubt =
        (record->outcome == RECORD_UNKNOWN && !record->is_settled) || record->outcome == RECORD_IN_FLIGHT;
    if (!is_in_doubt)
        return;
    for (size_t i = 0; i < neighbours->other->count; i++) {
        const struct reconcile_order *other = &neighbours->other->orders[i];
        if (other->client_id[0] == '\0' && reconcile_is_alike(neighbours->order, other))
            neighbours->rivals++;
    }
}

static bool look_at_neighbour(void *context, const struct record *record)
{
    struct neighbours *neighbours = context;
    bool is_own = record->id == neighbours->request->id;
    if (is_own) {
        drop_theirs(neighbours->finding, record, neighbours->request, neighbours->order);
        return true;
    }
    reconcile_request_read(neighbours->other, record);
    if (neighbours->other->kind == RECONCILE_PLACES) {
        drop_theirs(neighbours->finding, record, neighbours->other, NULL);
        count_rivals(neighbours, record);
    }
    return true;
}

/* Its own batch may hold the same order twice. */
static size_t own_rivals(const struct reconcile_request *request, const struct reconcile_order *order)
{
    size_t count = 0;
    for (size_t i = 0; i < request->count; i++) {
        const struct reconcile_order *other = &request->orders[i];
        count += other != order && other->client_id[0] == '\0' && reconcile_is_alike(order, other) ? 1 : 0;
    }
    return count;
}

bool reconcile_sort_out(struct reconcile_finding *finding, size_t *rivals, const struct log_run *run,
                        const struct reconcile_request *request, const struct reconcile_order *order,
                        struct error *error)
{
    const struct capture_query query = {
        .filter = { .since_us = request->from_ms * 1000,
                    .until_us = request->to_ms * 1000,
                    .account = slice_text(request->account),
                    .method = SLICE_LITERAL("POST") },
        .limit = NEIGHBOURS_MAX,
        .with_views = true,
    };
    struct neighbours neighbours = {
        .finding = finding, .request = request, .order = order, .other = malloc(sizeof(*neighbours.other))
    };
    if (neighbours.other == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool done = capture_reader_list(run->reader, &query, look_at_neighbour, &neighbours, error);
    free(neighbours.other);
    *rivals = neighbours.rivals + own_rivals(request, order);
    return done;
}

/* --- a former order --- */

struct former {
    struct reconcile_request *request;
    char *client_id;
    int64_t *exchange;
};

static bool look_at_former(void *context, const struct record *record)
{
    struct former *former = context;
    reconcile_request_read(former->request, record);
    for (size_t i = 0; former->request->kind == RECONCILE_PLACES && i < former->request->count; i++) {
        if (former->request->orders[i].client_id[0] == '\0')
            continue;
        memcpy(former->client_id, former->request->orders[i].client_id, RECONCILE_TEXT_MAX);
        *former->exchange = record->id;
        return false;
    }
    return true;
}

bool reconcile_former_client_id(char *client_id, int64_t *exchange, const struct log_run *run,
                                const struct reconcile_request *request, struct error *error)
{
    const struct capture_query query = {
        .filter = { .account = slice_text(request->account),
                    .method = SLICE_LITERAL("POST"),
                    .path_glob = SLICE_LITERAL("*/trade/order/place"),
                    .outcomes = 1u << RECORD_OK },
        .limit = FORMER_MAX,
        .with_views = true,
    };
    struct former former = { .request = malloc(sizeof(*former.request)), .client_id = client_id, .exchange = exchange };
    client_id[0] = '\0';
    *exchange = 0;
    if (former.request == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool done = capture_reader_list(run->reader, &query, look_at_former, &former, error);
    free(former.request);
    return done;
}
