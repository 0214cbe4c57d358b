/* STATE_DIR/learned-N: written by the worker that learned it, read by it at its start and by `countersign policy suggest`.
 * A process that is killed loses what the last seconds added; the record still has it. */
#include "learning.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = S_IRUSR | S_IWUSR, WRITE_EVERY_US = 2000000, FILE_TEXT_MAX = 16 << 20 };

struct learning {
    const struct config *config;
    struct loop *loop;
    struct loop_timer timer;
    char *path;
    char *path_new; /* beside it, renamed over it once it is whole */
    bool has_failed;
    struct learned **tables; /* one for each listener, also where it no longer learns: what it did is kept */
};

static char *file_in(const char *state_dir, unsigned worker, const char *ending)
{
    char *path;
    return asprintf(&path, "%s/learned-%u%s", state_dir, worker, ending) < 0 ? NULL : path;
}

/* --- reading --- */

/* Reads the file's text; one that is not there is empty. */
static bool read_file(struct buffer *text, const char *path, struct error *error)
{
    enum { STEP = 65536 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT || error_system(error, errno, "cannot read %s", path);
    ssize_t got = 1;
    char *room = NULL;
    while (got > 0 && (room = buffer_reserve(text, STEP)) != NULL) {
        got = read(fd, room, STEP);
        buffer_commit(text, got > 0 ? (size_t)got : 0);
    }
    int number = room == NULL ? EFBIG : errno;
    (void)close(fd); /* was only read */
    return got == 0 || error_system(error, number, "cannot read %s", path);
}

static bool add_file(struct learned *learned, const char *path, const char *listener, struct error *error)
{
    struct buffer text;
    buffer_init(&text, FILE_TEXT_MAX);
    bool done = read_file(&text, path, error);
    if (done)
        learned_add(learned, buffer_slice(&text), listener);
    buffer_free(&text);
    return done;
}

bool learning_read(struct learned *learned, const char *state_dir, const char *listener, struct error *error)
{
    bool done = true;
    for (unsigned worker = 0; done && worker < LEARNING_WORKERS_MAX; worker++) {
        char *path = file_in(state_dir, worker, "");
        done =
            path != NULL ? add_file(learned, path, listener, error) : error_set(error, ERROR_MEMORY, "out of memory");
        free(path);
    }
    return done;
}

/* --- writing --- */

static bool write_new(const char *path, struct slice text, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return error_system(error, errno, "cannot write %s", path);
    bool done = fchmod(fd, FILE_MODE) == 0 && write(fd, text.data, text.length) == (ssize_t)text.length;
    int number = errno;
    if (close(fd) != 0 && done) {
        number = errno;
        done = false;
    }
    return done || error_system(error, number, "cannot write %s", path);
}

static bool replace(const struct learning *learning, struct slice text, struct error *error)
{
    return write_new(learning->path_new, text, error) &&
           (rename(learning->path_new, learning->path) == 0 ||
            error_system(error, errno, "cannot rename %s to %s", learning->path_new, learning->path));
}

static bool has_changed(const struct learning *learning)
{
    bool changed = false;
    for (size_t i = 0; i < learning->config->listener_count; i++) {
        changed = changed || learning->tables[i]->has_changed;
        learning->tables[i]->has_changed = false;
    }
    return changed;
}

static void write_changes(struct learning *learning)
{
    struct buffer text;
    struct error error = { .message = "out of memory" };
    if (!has_changed(learning))
        return;
    buffer_init(&text, FILE_TEXT_MAX);
    for (size_t i = 0; i < learning->config->listener_count; i++)
        learned_append(&text, learning->tables[i], learning->config->listeners[i].name);
    bool done = !text.failed && replace(learning, buffer_slice(&text), &error);
    if (!done && !learning->has_failed)
        log_warning("what the listeners learn is not kept: %s", error.message);
    learning->has_failed = !done;
    buffer_free(&text);
}

static void expired(struct loop_timer *timer)
{
    write_changes(timer->context);
}

/* Of any table: the first change since the file was written has it written again in a while. */
static void changed(void *context)
{
    struct learning *learning = context;
    if (learning->timer.slot == 0)
        loop_timer_start(learning->loop, &learning->timer, WRITE_EVERY_US);
}

/* --- life --- */

static bool learns(const struct config *config)
{
    bool any = false;
    for (size_t i = 0; i < config->listener_count; i++)
        any = any || config->listeners[i].learn != 0;
    return any;
}

static void learning_free(struct learning *learning)
{
    for (size_t i = 0; learning->tables != NULL && i < learning->config->listener_count; i++)
        free(learning->tables[i]);
    free(learning->tables);
    free(learning->path);
    free(learning->path_new);
    free(learning);
}

static bool open_tables(struct learning *learning, struct error *error)
{
    for (size_t i = 0; i < learning->config->listener_count; i++) {
        const struct config_listener *listener = &learning->config->listeners[i];
        learning->tables[i] = calloc(1, sizeof(struct learned));
        if (learning->tables[i] == NULL)
            return error_set(error, ERROR_MEMORY, "out of memory for what listener %s learns", listener->name);
        if (!add_file(learning->tables[i], learning->path, listener->name, error))
            return error_prefix(error, "listener %s: what it learned before", listener->name);
        learning->tables[i]->changed = changed;
        learning->tables[i]->context = learning;
    }
    return true;
}

bool learning_open(struct learning **opened, const struct config *config, struct loop *loop, unsigned worker,
                   struct error *error)
{
    *opened = NULL;
    if (!learns(config))
        return true;
    struct learning *learning = calloc(1, sizeof(*learning));
    if (learning == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for what the listeners learn");
    learning->config = config;
    learning->loop = loop;
    learning->path = file_in(config->proxy.state_dir, worker, "");
    learning->path_new = file_in(config->proxy.state_dir, worker, ".new");
    learning->tables = calloc(config->listener_count, sizeof(struct learned *));
    bool done = false;
    if (learning->path == NULL || learning->path_new == NULL || learning->tables == NULL)
        (void)error_set(error, ERROR_MEMORY, "out of memory for what the listeners learn"); /* false, as `done` is */
    else
        done = open_tables(learning, error);
    if (!done) {
        learning_free(learning);
        return false;
    }
    learning->timer = (struct loop_timer){ .expired = expired, .context = learning };
    *opened = learning;
    return true;
}

struct learned *learning_of(const struct learning *learning, size_t listener)
{
    bool learns = learning != NULL && learning->config->listeners[listener].learn != 0;
    return learns ? learning->tables[listener] : NULL;
}

void learning_close(struct learning *learning)
{
    if (learning == NULL)
        return;
    loop_timer_stop(learning->loop, &learning->timer);
    write_changes(learning);
    learning_free(learning);
}
