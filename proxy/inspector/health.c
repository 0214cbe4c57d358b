/* /healthz: whether each worker's loop turns. A worker is woken for it, and only then; an answer waits in a probe. */
#include "inspector_internal.h"

#include <stdlib.h>

struct health_probe {
    struct health_probe *next;
    struct inspector *inspector;
    struct front_request *request;
    struct loop_timer timer;
    int64_t deadline_us; /* monotonic */
    uint64_t asked[];    /* one for each worker */
};

static bool has_come(const struct health_probe *probe, size_t worker)
{
    const struct inspector *inspector = probe->inspector;
    bool ended_in_order = probe->asked[worker] == 0 && atomic_load(&inspector->draining);
    return ended_in_order || pulse_came(inspector->options.workers[worker].pulse, probe->asked[worker]);
}

static bool have_all_come(const struct health_probe *probe)
{
    bool all = true;
    for (size_t i = 0; i < probe->inspector->options.worker_count; i++)
        all = all && has_come(probe, i);
    return all;
}

static void write_stuck(struct buffer *text, const struct health_probe *probe)
{
    const char *separator = "";
    (void)buffer_append_text(text, "{\"alive\":false,\"stuck\":["); /* answer_send looks at `failed`, here and below */
    for (size_t i = 0; i < probe->inspector->options.worker_count; i++) {
        if (has_come(probe, i))
            continue;
        (void)buffer_append_format(text, "%s\"worker %zu\"", separator, i);
        separator = ",";
    }
    (void)buffer_append_text(text, "]}\n");
}

static void unlink_probe(struct health_probe *probe)
{
    struct health_probe **place = &probe->inspector->probes;
    while (*place != probe)
        place = &(*place)->next;
    *place = probe->next;
    loop_timer_stop(probe->inspector->loop, &probe->timer);
    front_request_set_context(probe->request, NULL);
}

static void conclude(struct health_probe *probe, bool is_alive)
{
    struct front_request *request = probe->request;
    struct buffer text;
    buffer_init(&text, INSPECTOR_ANSWER_MAX);
    if (is_alive)
        (void)buffer_append_text(&text, "{\"alive\":true}\n"); /* answer_send looks at `failed` */
    else
        write_stuck(&text, probe);
    unlink_probe(probe);
    free(probe);
    answer_send(request, is_alive ? 200 : 503, "application/json", &text);
}

static void look(struct loop_timer *timer)
{
    struct health_probe *probe = timer->context;
    bool is_alive = have_all_come(probe);
    if (is_alive || loop_now_us(probe->inspector->loop) >= probe->deadline_us)
        conclude(probe, is_alive);
    else
        loop_timer_start(probe->inspector->loop, timer, HEALTH_LOOK_US);
}

void health_answer(struct inspector *inspector, struct front_request *request)
{
    size_t count = inspector->options.worker_count;
    struct health_probe *probe = calloc(1, sizeof(*probe) + count * sizeof(probe->asked[0]));
    if (probe == NULL) {
        front_reset(request);
        return;
    }
    probe->inspector = inspector;
    probe->request = request;
    probe->timer = (struct loop_timer){ .expired = look, .context = probe };
    probe->deadline_us = loop_now_us(inspector->loop) + HEALTH_WAIT_US;
    probe->next = inspector->probes;
    inspector->probes = probe;
    front_request_set_context(request, probe);
    for (size_t i = 0; i < count; i++)
        probe->asked[i] = pulse_ask(inspector->options.workers[i].pulse);
    loop_timer_start(inspector->loop, &probe->timer, 0);
}

void health_forget(struct inspector *inspector, struct front_request *request)
{
    struct health_probe *probe = front_request_context(request);
    (void)inspector; /* the probe has it */
    if (probe == NULL)
        return;
    unlink_probe(probe);
    free(probe);
}

/* The front has ended all requests by then. */
void health_end(struct inspector *inspector)
{
    while (inspector->probes != NULL) {
        struct health_probe *probe = inspector->probes;
        inspector->probes = probe->next;
        loop_timer_stop(inspector->loop, &probe->timer);
        free(probe);
    }
}
