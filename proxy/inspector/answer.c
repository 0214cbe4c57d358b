/* What is asked for, and how it is answered. */
#include "inspector_internal.h"

#include "countersign/json_write.h"
#include "countersign/log.h"

#include <stdlib.h>

static const char json_type[] = "application/json";
static const char metrics_type[] = "text/plain; version=0.0.4; charset=utf-8";

/* Answers change with each look, and no page may guess at what they are. */
static const struct http_field common_fields[] = {
    { { "Cache-Control", 13 }, { "no-store", 8 } },
    { { "X-Content-Type-Options", 22 }, { "nosniff", 7 } },
};

enum { FIELDS_MAX = ARRAY_LENGTH(common_fields) + 2 };

static void send_bytes(struct front_request *request, int status, const char *type, char *bytes, size_t length)
{
    struct error error;
    struct http_field fields[FIELDS_MAX] = { { SLICE_LITERAL("Content-Type"), slice_text(type) },
                                             common_fields[0],
                                             common_fields[1] };
    struct front_reply reply = { .status = status,
                                 .fields = fields,
                                 .field_count = 3,
                                 .body = slice_of(bytes, length),
                                 .has_length = true,
                                 .length = length,
                                 .close = status == 403 || status == 400,
                                 .release = free,
                                 .release_context = bytes };
    if (status == 405)
        fields[reply.field_count++] = (struct http_field){ SLICE_LITERAL("Allow"), SLICE_LITERAL("GET, HEAD") };
    if (front_reply(request, &reply, &error))
        return;
    log_warning("the admin address could not answer: %s", error.message);
    free(bytes);
    front_reset(request);
}

void answer_send(struct front_request *request, int status, const char *type, struct buffer *text)
{
    size_t length = 0;
    bool is_whole = !text->failed;
    char *bytes = buffer_take(text, &length);
    if (is_whole) {
        send_bytes(request, status, type, bytes, length);
        return;
    }
    free(bytes);
    send_bytes(request, 503, json_type, NULL, 0);
}

static void refuse(struct front_request *request, int status, const char *name, const char *message)
{
    struct buffer text;
    buffer_init(&text, INSPECTOR_ANSWER_MAX);
    (void)buffer_append_text(&text, "{\"error\":"); /* answer_send looks at `failed` */
    (void)json_append_string(&text, slice_text(name));
    (void)json_append_member(&text, "message", slice_text(message));
    (void)buffer_append_text(&text, "}\n");
    answer_send(request, status, json_type, &text);
}

/* --- the pages --- */

static void answer_ready(struct inspector *inspector, struct front_request *request)
{
    struct buffer text;
    buffer_init(&text, INSPECTOR_ANSWER_MAX);
    bool is_ready = ready_write(&text, inspector);
    answer_send(request, is_ready ? 200 : 503, json_type, &text);
}

static void answer_metrics(struct inspector *inspector, struct front_request *request)
{
    struct buffer text;
    buffer_init(&text, INSPECTOR_ANSWER_MAX);
    metrics_write(&text, inspector);
    answer_send(request, 200, metrics_type, &text);
}

static const struct route {
    const char *path;
    void (*answer)(struct inspector *inspector, struct front_request *request);
} routes[] = {
    { "/healthz", health_answer },
    { "/readyz", answer_ready },
    { "/metrics", answer_metrics },
};

static const struct route *find_route(struct slice target)
{
    struct slice path = slice_first(target, slice_find(target, '?'));
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (slice_equal_text(path, routes[i].path))
            return &routes[i];
    }
    return NULL;
}

static bool is_for_reading(struct slice method)
{
    return slice_equal_text(method, "GET") || slice_equal_text(method, "HEAD");
}

static const char *const names[] = {
    [CALLER_IS_A_BROWSER] = "browser", [CALLER_NAMES_ANOTHER_HOST] = "host", [CALLER_IS_ANOTHER_USER] = "peer",
    [CALLER_IS_UNKNOWN] = "peer",      [CALLER_HAS_ANOTHER_TOKEN] = "",
};

void answer_request(void *context, struct front_request *request)
{
    struct inspector *inspector = context;
    char reason[CALLER_REASON_MAX];
    const struct route *route = find_route(front_request_target(request));
    if (front_request_defect(request) != FRONT_DEFECT_NONE) {
        refuse(request, 400, "malformed-request", "this request is malformed, too large, or has a body");
        return;
    }
    enum caller_verdict verdict = access_judge(reason, inspector, request);
    if (verdict != CALLER_MAY_ASK)
        refuse(request, 403, names[verdict], reason);
    else if (!is_for_reading(front_request_method(request)))
        refuse(request, 405, "method-refused", "there is nothing to change here: GET and HEAD");
    else if (route == NULL)
        refuse(request, 404, "not-found", "there are /healthz, /readyz and /metrics");
    else
        route->answer(inspector, request);
}
