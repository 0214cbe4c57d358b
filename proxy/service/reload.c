/* SIGHUP: the configuration's file, read and checked whole, takes the old one's place in every worker, or in none. The main
 * thread. */
#include "reload.h"

#include "countersign/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_MAX = 1 << 20, /* bytes, as config_load takes them */
    FILE_STEP = 16384,
    REPORT_MAX = 65536, /* bytes of problems, and of changes */
    FOLLOW_S = 5        /* how long the workers may take: each goes over in its loop's next turn */
};

extern char **environ;

/* Keys that take effect at once; all others need a restart. */
static const struct {
    const char *kind;
    const char *key;
} in_place[] = {
    { "listener", "upstream" },     { "listener", "account" },
    { "listener", "mode" },         { "listener", "policy" },
    { "listener", "sign" },         { "listener", "allow" },
    { "listener", "deny" },         { "listener", "allowed_hosts" },
    { "listener", "peer" },         { "listener", "symbols" },
    { "listener", "max_notional" }, { "listener", "sides" },
    { "listener", "failures" },     { "proxy", "drain" },
    { "proxy", "in_flight_max" },   { "proxy", "pace" },
    { "proxy", "pace_wait" },       { "account", "rate" },
    { "upstream", "ip_rate" },
};

static bool is_in_place(const struct config_change *change)
{
    bool is = false;
    for (size_t i = 0; i < ARRAY_LENGTH(in_place); i++)
        is = is || (slice_starts_with(slice_text(change->section), in_place[i].kind) &&
                    strcmp(change->key, in_place[i].key) == 0);
    return is;
}

/* --- what the log says --- */

static void report_not_reloaded(struct slice why)
{
    static const struct log_value values[] = { { "event", "configuration-not-reloaded", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_ERROR, values, "configuration not read again, the old one stays entirely: %.*s",
                    SLICE_ARGUMENTS(why));
}

static void report_problems(const struct buffer *report, const struct error *error)
{
    struct slice rest = buffer_slice(report), line;
    if (rest.length == 0)
        report_not_reloaded(slice_text(error->message));
    while (rest.length > 0 && slice_next_part(&rest, '\n', &line)) {
        if (line.length > 0)
            report_not_reloaded(line);
    }
}

static void note_change(void *context, const struct config_change *change)
{
    struct buffer *text = context;
    if (is_in_place(change))
        (void)buffer_append_format(text, "%s%s: %s %s -> %s", text->length > 0 ? "; " : "", change->section,
                                   change->key, change->was[0] == '\0' ? "(none)" : change->was,
                                   change->now[0] == '\0' ? "(none)" : change->now); /* what fits is shown */
}

static void warn_of_restart(void *context, const struct config_change *change)
{
    (void)context;
    const struct log_value values[] = {
        { "event", "needs-restart", 0 },
        { "section", change->section, 0 },
        { "key", change->key, 0 },
        { NULL, NULL, 0 },
    };
    if (!is_in_place(change))
        log_line_values(LOG_LEVEL_WARNING, values,
                        "%s: %s stays as it was at the start: a new value of it needs a restart", change->section,
                        change->key);
}

static void report_reloaded(const struct reload *reload, const struct config *fresh)
{
    struct buffer changes;
    struct error error;
    buffer_init(&changes, REPORT_MAX);
    bool compared = config_each_change(reload->held, fresh, note_change, &changes, &error) &&
                    config_each_change(reload->started, fresh, warn_of_restart, NULL, &error);
    const char *text = changes.length > 0 ? buffer_text(&changes) : "nothing changed";
    const struct log_value values[] = { { "event", "configuration-reloaded", 0 },
                                        { "changes", text, 0 },
                                        { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_INFO, values, "configuration read again: %s", compared ? text : error.message);
    buffer_free(&changes);
}

/* --- the steps --- */

static bool read_file(struct buffer *text, int fd, struct error *error)
{
    for (;;) {
        char *room = buffer_reserve(text, FILE_STEP);
        if (room == NULL)
            return error_set(error, ERROR_CONFIG, "its file is larger than %d bytes", FILE_MAX);
        ssize_t got = read(fd, room, FILE_STEP);
        if (got < 0 && errno != EINTR)
            return error_system(error, errno, "cannot read its file");
        if (got == 0)
            return true;
        buffer_commit(text, got < 0 ? 0 : (size_t)got);
    }
}

static void ignore(void *context, const struct config_change *change)
{
    (void)context;
    (void)change;
}

/* Makes all that can fail, for every worker, before any goes over. */
static bool prepare(const struct reload *reload, struct generation *generation, struct error *error)
{
    for (size_t i = 0; i < reload->worker_count; i++) {
        if (worker_prepare(reload->workers[i], generation, reload->followed, error))
            continue;
        while (i-- > 0)
            worker_unprepare(reload->workers[i]);
        return false;
    }
    return true;
}

static void follow(const struct reload *reload)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end); /* cannot fail; what sem_timedwait(3) counts in */
    end.tv_sec += FOLLOW_S;
    for (size_t i = 0; i < reload->worker_count; i++)
        worker_follow(reload->workers[i]);
    for (size_t i = 0; i < reload->worker_count; i++) {
        while (sem_timedwait(reload->followed, &end) != 0) {
            if (errno == EINTR)
                continue;
            log_warning("a worker has not gone over to the new configuration within %d s: it will as soon as it can",
                        FOLLOW_S);
            return;
        }
    }
}

static bool load(struct config **fresh, const struct reload *reload, int fd, struct buffer *report, struct error *error)
{
    struct buffer text;
    buffer_init(&text, FILE_MAX + FILE_STEP);
    bool done = read_file(&text, fd, error) &&
                config_load_again(fresh, reload->started, environ, buffer_slice(&text), report, error);
    buffer_free(&text);
    if (done && !config_each_change(reload->started, *fresh, ignore, NULL, error)) {
        config_free(*fresh);
        *fresh = NULL;
        return false;
    }
    return done;
}

struct generation *reload_run(const struct reload *reload, int fd)
{
    struct config *fresh = NULL;
    struct generation *generation = NULL;
    struct buffer report;
    struct error error;
    buffer_init(&report, REPORT_MAX);
    bool done = load(&fresh, reload, fd, &report, &error) &&
                generation_make(&generation, fresh, reload->callers, &error) && prepare(reload, generation, &error);
    (void)close(fd); /* was only read */
    if (done) {
        follow(reload);
        report_reloaded(reload, generation->config);
    } else {
        report_problems(&report, &error);
        generation_release(generation);
        generation = NULL;
    }
    buffer_free(&report);
    return generation;
}
