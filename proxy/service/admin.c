/* The admin address: opened before the sandbox, answering once the workers run. Owns what they count, so that it can be read
 * until after their end. The main thread. */
#include "admin.h"

#include "countersign/endpoint.h"
#include "countersign/inspector.h"
#include "countersign/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct admin {
    const struct config *config;
    int listen_fd; /* -1: none, or taken over */
    char address[ENDPOINT_TEXT_MAX];
    size_t worker_count;
    struct pulse *pulses;              /* one for each worker */
    struct exchange_counts *exchanges; /* [worker][listener] */
    struct front_counts *fronts;       /* likewise */
    struct upstream_counts *upstreams; /* [worker][upstream] */
    struct inspector_worker *shown;    /* one for each worker */
    struct inspector *inspector;
};

/* With nobody's wish behind it, the address is a convenience: a second proxy on this machine does without. */
static bool do_without(const struct config *config, const struct error *error)
{
    const struct log_value values[] = { { "event", "no-admin", 0 },
                                        { "address", config->proxy.admin, 0 },
                                        { NULL, NULL, 0 } };
    if (strcmp(config->proxy.admin, CONFIG_ADMIN_DEFAULT) != 0)
        return false;
    log_line_values(LOG_LEVEL_WARNING, values,
                    "there is no admin address: %s. What answers there is another program, perhaps another proxy; give "
                    "this one an address of its own: [proxy] admin = 127.0.0.1:PORT, or none: admin =",
                    error->message);
    return true;
}

static bool open_socket(struct admin *admin, struct error *error)
{
    const char *text = admin->config->proxy.admin;
    struct endpoint endpoint;
    if (text[0] == '\0')
        return true;
    if (!endpoint_parse(&endpoint, text, error) || !endpoint_listen(&admin->listen_fd, &endpoint, error))
        return do_without(admin->config, error) || error_prefix(error, "[proxy] admin");
    (void)endpoint_format_local(admin->address, admin->listen_fd); /* port 0: the one that the kernel picked */
    return true;
}

static bool make_counts(struct admin *admin, struct error *error)
{
    const struct config *config = admin->config;
    size_t workers = admin->worker_count;
    admin->pulses = calloc(workers, sizeof(*admin->pulses));
    admin->exchanges = calloc(workers * config->listener_count, sizeof(*admin->exchanges));
    admin->fronts = calloc(workers * config->listener_count, sizeof(*admin->fronts));
    admin->upstreams = calloc(workers * config->upstream_count, sizeof(*admin->upstreams));
    admin->shown = calloc(workers, sizeof(*admin->shown));
    if (admin->pulses == NULL || admin->exchanges == NULL || admin->fronts == NULL || admin->upstreams == NULL ||
        admin->shown == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for what the workers count");
    for (size_t i = 0; i < workers; i++)
        pulse_init(&admin->pulses[i]);
    return true;
}

bool admin_open(struct admin **opened, const struct config *config, struct error *error)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the admin address");
    admin->config = config;
    admin->listen_fd = -1;
    admin->worker_count = (size_t)config->proxy.workers;
    if (!make_counts(admin, error) || !open_socket(admin, error)) {
        admin_close(admin);
        return false;
    }
    *opened = admin;
    return true;
}

void admin_fill(struct worker_options *options, const struct admin *admin)
{
    size_t worker = options->index;
    options->pulse = &admin->pulses[worker];
    options->counts = &admin->exchanges[worker * admin->config->listener_count];
    options->front_counts = &admin->fronts[worker * admin->config->listener_count];
    options->reachings = &admin->upstreams[worker * admin->config->upstream_count];
    admin->shown[worker] = (struct inspector_worker){ .pulse = options->pulse,
                                                      .listeners = options->counts,
                                                      .fronts = options->front_counts,
                                                      .upstreams = options->reachings,
                                                      .journal = capture_journal(options->capture, options->index) };
}

static void report(const struct admin *admin)
{
    const struct log_value values[] = { { "event", "admin", 0 }, { "address", admin->address, 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_INFO, values, "admin: %s has /healthz, /readyz and /metrics", admin->address);
}

bool admin_start(struct admin *admin, const struct worker_options *shared, struct error *error)
{
    if (admin->listen_fd < 0)
        return true;
    const struct inspector_options options = { .config = admin->config,
                                               .listen_fd = admin->listen_fd,
                                               .workers = admin->shown,
                                               .worker_count = admin->worker_count,
                                               .capture = shared->capture,
                                               .signer = shared->signer,
                                               .trading = shared->trading,
                                               .clocks = shared->clocks };
    admin->listen_fd = -1; /* whatever comes of it */
    if (!inspector_open(&admin->inspector, &options, error))
        return error_prefix(error, "[proxy] admin");
    report(admin);
    return true;
}

void admin_note_reload(struct admin *admin, bool in_force)
{
    if (admin != NULL)
        inspector_note_reload(admin->inspector, in_force);
}

void admin_drain(struct admin *admin)
{
    if (admin != NULL)
        inspector_drain(admin->inspector);
}

void admin_stop(struct admin *admin)
{
    if (admin == NULL)
        return;
    inspector_close(admin->inspector);
    admin->inspector = NULL;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL)
        return;
    admin_stop(admin);
    if (admin->listen_fd >= 0)
        (void)close(admin->listen_fd); /* never used */
    free(admin->pulses);
    free(admin->exchanges);
    free(admin->fronts);
    free(admin->upstreams);
    free(admin->shown);
    free(admin);
}
