/* What `countersign reconcile` found, for scripts: one object for each exchange. Ids and numbers are strings, as written.
 * Pure. */
#include "reconcile.h"

#include "countersign/json_write.h"

static void add_text(struct buffer *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        (void)buffer_append_format(out, ",\"%s\":null", name); /* `failed` is checked at the end of the run, as below */
    else
        (void)json_append_member(out, name, slice_text(text));
}

static void add_seen(struct buffer *out, const struct reconcile_seen *seen)
{
    (void)buffer_append_format(out, "{\"timestampMs\":%lld", (long long)seen->time_ms);
    add_text(out, "ordId", seen->id);
    add_text(out, "clOrdId", seen->client_id);
    add_text(out, "symbol", seen->symbol);
    add_text(out, "side", seen->side);
    add_text(out, "state", seen->state);
    add_text(out, "price", seen->price);
    add_text(out, "quantity", seen->quantity);
    add_text(out, "executed", seen->executed);
    (void)buffer_append_byte(out, '}');
}

static void add_looked(struct buffer *out, struct slice looked)
{
    struct slice line;
    bool is_first = true;
    (void)buffer_append_text(out, ",\"looked\":[");
    while (looked.length > 0 && slice_next_part(&looked, '\n', &line)) {
        if (line.length == 0)
            continue;
        (void)buffer_append_text(out, is_first ? "" : ",");
        (void)json_append_string(out, line);
        is_first = false;
    }
    (void)buffer_append_byte(out, ']');
}

static void add_order(struct buffer *out, const struct reconcile_order *order, const struct reconcile_finding *finding)
{
    (void)buffer_append_format(out, "{\"verdict\":\"%s\",\"settled\":%s", reconcile_verdict_name(finding->verdict),
                               finding->is_settled ? "true" : "false");
    add_text(out, "reason", finding->reason);
    add_text(out, "side", order->side);
    add_text(out, "symbol", order->symbol);
    add_text(out, "price", order->price);
    add_text(out, "quantity", order->quantity);
    add_text(out, "amount", order->amount);
    add_text(out, "clOrdId", order->client_id);
    add_text(out, "ordId", order->id);
    (void)buffer_append_text(out, ",\"found\":[");
    for (size_t i = 0; i < finding->count; i++) {
        (void)buffer_append_text(out, i == 0 ? "" : ",");
        add_seen(out, &finding->seen[i]);
    }
    (void)buffer_append_byte(out, ']');
    add_looked(out, buffer_slice(&finding->looked));
    (void)buffer_append_byte(out, '}');
}

static void begin_request(struct buffer *plain, const struct reconcile_request *request, bool is_settled,
                          const char *remark)
{
    static const char *const actions[] = {
        [RECONCILE_LOOKS] = "look",         [RECONCILE_PLACES] = "place", [RECONCILE_CANCELS] = "cancel",
        [RECONCILE_CANCELS_ALL] = "cancel", [RECONCILE_OTHER] = "other",  [RECONCILE_UNREADABLE] = "unreadable",
    };
    buffer_init(plain, LOG_OUTPUT_MAX);
    (void)buffer_append_format(plain, "{\"id\":%lld,\"action\":\"%s\",\"settled\":%s", (long long)request->id,
                               actions[request->kind], is_settled ? "true" : "false");
    add_text(plain, "target", request->target);
    add_text(plain, "listener", request->listener);
    add_text(plain, "account", request->account);
    add_text(plain, "remark", remark);
    (void)buffer_append_text(plain, ",\"orders\":[");
}

static void end_request(struct buffer *out, struct buffer *plain)
{
    (void)buffer_append_text(plain, "]}");
    terminal_append_json(out, buffer_slice(plain));
    (void)buffer_append_byte(out, '\n');
    out->failed = out->failed || plain->failed;
    buffer_free(plain);
}

void reconcile_append_json_remark(struct buffer *out, const struct reconcile_request *request, bool is_settled,
                                  const char *remark)
{
    struct buffer plain;
    begin_request(&plain, request, is_settled, remark);
    end_request(out, &plain);
}

void reconcile_append_json(struct buffer *out, const struct reconcile_request *request,
                           const struct reconcile_finding *findings)
{
    struct buffer plain;
    bool is_settled = true;
    for (size_t i = 0; i < request->count; i++)
        is_settled = is_settled && findings[i].is_settled;
    begin_request(&plain, request, is_settled, "");
    for (size_t i = 0; i < request->count; i++) {
        (void)buffer_append_text(&plain, i == 0 ? "" : ",");
        add_order(&plain, &request->orders[i], &findings[i]);
    }
    end_request(out, &plain);
}
