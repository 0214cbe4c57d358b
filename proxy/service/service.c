/* The proxy process put together and taken apart. The main thread: opens everything, waits for a signal, drains. */
#include "countersign/service.h"

#include "admin.h"
#include "callers.h"
#include "clocks.h"
#include "descriptors.h"
#include "inherited.h"
#include "life.h"
#include "pacing.h"
#include "reload.h"
#include "report.h"
#include "sandbox_proxy.h"
#include "worker.h"

#include "countersign/endpoint.h"
#include "countersign/exchange.h"
#include "countersign/log.h"
#include "countersign/resident.h"
#include "countersign/running.h"
#include "countersign/trading_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t DAY_US = INT64_C(86400000000), MIB = INT64_C(1) << 20;

enum { TURNED_AWAY_ANSWER_MAX = 1024 /* bytes */ };

struct service {
    const struct config *config;   /* in force */
    const struct config *started;  /* what the process started with */
    struct generation *generation; /* of `config`; NULL: the start's */
    sem_t followed;
    struct signer_client *signer;
    struct callers *callers;
    struct life life;
    struct inherited inherited; /* the service manager's sockets */
    int lock;                   /* the state folder's, until the capture has it; -1: not held */
    struct capture *capture;
    struct admin *admin;
    struct trading_watch *trading;
    struct clocks *clocks;
    struct pacing *pacing;
    struct worker **workers; /* config->proxy.workers */
    size_t worker_count;     /* started */
    int *listen_fds;         /* [worker][listener]; -1 where taken over */
    size_t listen_fd_count;
    struct buffer turned_away;
    char (*addresses)[ENDPOINT_TEXT_MAX]; /* one for each listener */
};

/* --- sockets --- */

/* All workers accept from one socket. SO_REUSEPORT would let a second proxy, with another account, share the port. */
static bool open_listener_sockets(struct service *service, size_t listener, struct error *error)
{
    const struct config *config = service->config;
    size_t workers = (size_t)config->proxy.workers;
    const char *name = config->listeners[listener].name;
    struct endpoint endpoint;
    int *first = &service->listen_fds[listener];
    if (!inherited_find(first, &service->inherited, &config->listeners[listener], error))
        return false;
    if (*first < 0 && (!endpoint_parse(&endpoint, config->listeners[listener].listen, error) ||
                       !endpoint_listen(first, &endpoint, error)))
        return error_prefix(error, "listener %s", name);
    (void)endpoint_format_local(service->addresses[listener], *first); /* port 0: the one that the kernel picked */
    for (size_t w = 1; w < workers; w++) {
        int *fd = &service->listen_fds[w * config->listener_count + listener];
        *fd = fcntl(*first, F_DUPFD_CLOEXEC, 0);
        if (*fd < 0)
            return error_system(error, errno, "listener %s: cannot share its socket between workers", name);
    }
    return true;
}

static bool open_sockets(struct service *service, struct error *error)
{
    const struct config *config = service->config;
    service->listen_fd_count = (size_t)config->proxy.workers * config->listener_count;
    service->listen_fds = calloc(service->listen_fd_count, sizeof(int));
    service->addresses = calloc(config->listener_count, sizeof(*service->addresses));
    if (service->listen_fds == NULL || service->addresses == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the listeners");
    memset(service->listen_fds, -1, service->listen_fd_count * sizeof(int));
    for (size_t i = 0; i < config->listener_count; i++) {
        if (!open_listener_sockets(service, i, error))
            return false;
    }
    return inherited_all_used(&service->inherited, error);
}

/* --- life --- */

static bool check_accounts(const struct service *service, struct error *error)
{
    const struct config *config = service->config;
    bool same = signer_client_account_count(service->signer) == config->account_count;
    for (size_t i = 0; same && i < config->account_count; i++)
        same = strcmp(signer_client_account_name(service->signer, i), config->accounts[i].name) == 0;
    return same || error_set(error, ERROR_CONFIG,
                             "the signer holds other accounts than the configuration names; did the file "
                             "change during start-up? Start again");
}

static struct worker_options worker_options(struct service *service, size_t worker)
{
    return (struct worker_options){
        .config = service->config,
        .signer = service->signer,
        .callers = service->callers,
        .capture = service->capture,
        .trading = trading_watch_page(service->trading),
        .clocks = clocks_watches(service->clocks),
        .pacing = service->pacing,
        .turned_away = buffer_slice(&service->turned_away),
        .index = (unsigned)worker,
        .listen_fds = service->listen_fds + worker * service->config->listener_count,
        .ended_fd = service->life.ended,
        .warmed_fd = service->life.warmed,
    };
}

static bool start_workers(struct service *service, struct error *error)
{
    const struct config *config = service->config;
    size_t count = (size_t)config->proxy.workers;
    service->workers = calloc(count, sizeof(struct worker *));
    if (service->workers == NULL || !exchange_append_turned_away(&service->turned_away))
        return error_set(error, ERROR_MEMORY, "out of memory for the workers");
    for (size_t w = 0; w < count; w++) {
        struct worker_options options = worker_options(service, w);
        admin_fill(&options, service->admin);
        if (!worker_start(&service->workers[w], &options, error))
            return false;
        service->worker_count++;
    }
    life_wait_until_warm(&service->life, count); /* who asks for readiness meanwhile waits, too */
    const struct worker_options shared = worker_options(service, 0);
    return admin_start(service->admin, &shared, error);
}

static struct capture_options capture_options(const struct config *config)
{
    const struct config_capture *capture = &config->capture;
    return (struct capture_options){
        .state_dir = config->proxy.state_dir,
        .workers = (unsigned)config->proxy.workers,
        .ring_size = (size_t)capture->ring_size,
        .durability = (enum capture_durability)capture->durability,
        .when_full = (enum capture_when_full)capture->when_full,
        .keep = { .age_us = capture->keep_days * DAY_US,
                  .bytes = capture->keep_mib * MIB,
                  .count = capture->keep_count },
    };
}

/* A second proxy in the folder ends here, before it touches anything that the first one has: also its sockets' files. */
static bool open_all(struct service *service, const struct service_ends *ends, struct error *error)
{
    const struct config *config = service->config;
    struct capture_options capture = capture_options(config);
    struct capture_recovery recovery = { 0 };
    int signer_fd = ends->signer;
    if (!life_begin(&service->life, ends->supervisor, &service->inherited, error) ||
        !capture_claim_folder(&service->lock, config->proxy.state_dir, error) || !open_sockets(service, error) ||
        !admin_open(&service->admin, config, error)) {
        (void)close(signer_fd); /* owned; nothing was asked */
        return false;
    }
    descriptors_prepare(config);
    sandbox_proxy_enter(config); /* before any thread, and any byte from outside */
    if (!callers_open(&service->callers, config, signer_fd, error)) {
        (void)close(signer_fd); /* owned by now; nothing written can be lost */
        return false;
    }
    capture.is_claimed = true;
    capture.lock = service->lock;
    if (!signer_client_open(&service->signer, signer_fd, error) || !check_accounts(service, error) ||
        !capture_open(&service->capture, &capture, &recovery, error))
        return false;
    service->lock = -1; /* the capture's */
    report_recovery(&recovery);
    return trading_watch_open(&service->trading, config->proxy.state_dir, error) &&
           clocks_open(&service->clocks, config, error) && pacing_open(&service->pacing, config, error) &&
           start_workers(service, error);
}

/* Returns whether every worker ended because it was told to. */
static bool close_all(struct service *service)
{
    admin_drain(service->admin); /* as the workers, it may drain already, which this changes nothing about */
    for (size_t i = 0; i < service->worker_count; i++)
        worker_drain(service->workers[i]);
    bool in_order = true;
    for (size_t i = 0; i < service->worker_count; i++)
        in_order = worker_join(service->workers[i]) && in_order;
    admin_stop(service->admin);
    trading_watch_close(service->trading);
    capture_close(service->capture);
    if (service->signer != NULL)
        signer_client_close(service->signer);
    clocks_close(service->clocks);
    pacing_close(service->pacing);
    callers_close(service->callers);
    life_end(&service->life);
    inherited_end(&service->inherited);
    if (service->lock >= 0)
        (void)close(service->lock); /* gives the folder free */
    for (size_t i = 0; service->listen_fds != NULL && i < service->listen_fd_count; i++) {
        if (service->listen_fds[i] >= 0)
            (void)close(service->listen_fds[i]); /* never used */
    }
    admin_close(service->admin);
    generation_release(service->generation);
    buffer_free(&service->turned_away);
    free(service->listen_fds);
    free(service->addresses);
    free(service->workers);
    return in_order;
}

/* For tools that talk to this very proxy; it works without. */
static void note_listeners(const struct service *service)
{
    const struct config *config = service->config;
    struct running_listener *listeners = calloc(config->listener_count, sizeof(*listeners));
    struct error error = { .message = "out of memory" };
    for (size_t i = 0; listeners != NULL && i < config->listener_count; i++) {
        const struct config_listener *from = &config->listeners[i];
        struct running_listener *to = &listeners[i];
        (void)snprintf(to->name, sizeof(to->name), "%s", from->name); /* cut, it is not found: told then; as below */
        (void)snprintf(to->address, sizeof(to->address), "%s", service->addresses[i]);
        (void)snprintf(to->upstream, sizeof(to->upstream), "%s", service->started->upstreams[from->upstream].url);
        (void)snprintf(to->account, sizeof(to->account), "%s",
                       signer_client_account_name(service->signer, from->account));
        (void)snprintf(to->mode, sizeof(to->mode), "%s", exchange_mode_name((enum exchange_mode)from->mode));
    }
    if (listeners == NULL || !running_note(config->proxy.state_dir, listeners, config->listener_count, &error))
        log_warning("`countersign log replay` will not find this proxy: %s", error.message);
    free(listeners);
}

/* The signer passes it on when it gets SIGHUP. */
static void reload_configuration(void *context, int fd)
{
    struct service *service = context;
    const struct reload reload = { service->started, service->config,       service->callers,
                                   service->workers, service->worker_count, &service->followed };
    struct generation *fresh = reload_run(&reload, fd);
    admin_note_reload(service->admin, fresh != NULL);
    if (fresh != NULL) {
        service->config = fresh->config;
        pacing_follow(service->pacing, fresh->config);
        generation_release(service->generation);
        service->generation = fresh;
        note_listeners(service);
    }
}

static void tell_ready(const struct service *service,
                       void (*ready)(void *context, const char *const *addresses, size_t count), void *context)
{
    size_t count = service->config->listener_count;
    const char **addresses = calloc(count, sizeof(*addresses));
    const struct report_subject subject = { .config = service->config,
                                            .signer = service->signer,
                                            .trading = service->trading,
                                            .store_path = capture_store_path(service->capture),
                                            .addresses = service->addresses };
    report_ready(&subject);
    life_tell_ready(&service->life);
    for (size_t i = 0; addresses != NULL && i < count; i++)
        addresses[i] = service->addresses[i];
    if (addresses != NULL && ready != NULL)
        ready(context, addresses, count);
    free(addresses);
}

bool service_run(const struct config *config, const struct service_ends *ends,
                 void (*ready)(void *context, const char *const *addresses, size_t count), void *context,
                 struct error *error)
{
    struct service service = {
        .config = config, .started = config, .lock = -1, .turned_away = { .maximum = TURNED_AWAY_ANSWER_MAX }
    };
    (void)sem_init(&service.followed, 0, 0); /* cannot fail with 0 */
    bool opened = open_all(&service, ends, error), ran = false;
    if (opened) {
        service.life.on_configuration = reload_configuration;
        service.life.context = &service;
        note_listeners(&service);
        tell_ready(&service, ready, context);
        resident_let_go_of_files();
        ran = life_run(&service.life, service.signer, service.workers, service.worker_count, error);
        running_forget(config->proxy.state_dir);
        admin_drain(service.admin); /* it goes on answering, and says that this ends */
        life_drain(&service.life);
    }
    bool in_order = close_all(&service);
    if (!opened || !ran)
        return false;
    log_info("stopped");
    return in_order || error_set(error, ERROR_SYSTEM, "a worker ended on its own; see the error above");
}
