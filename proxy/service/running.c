/* STATE_DIR/listeners: a line for each listener, its parts between tabs. Whether the proxy that wrote it is at work, the
 * folder's lock says. */
#include "countersign/running.h"

#include "countersign/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = S_IRUSR | S_IWUSR, LIST_MAX = 65536, PARTS = 5 };

static char *file_in(const char *state_dir, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", state_dir, name) < 0 ? NULL : path;
}

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

/* --- writing --- */

static bool write_file(const char *path, struct slice text, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return error_system(error, errno, "cannot write %s", path);
    bool done = fchmod(fd, FILE_MODE) == 0 && write(fd, text.data, text.length) == (ssize_t)text.length;
    if (!done)
        (void)error_system(error, errno, "cannot write %s", path); /* false */
    (void)close(fd);                                               /* a file that is cut short names no listener */
    return done;
}

bool running_note(const char *state_dir, const struct running_listener *listeners, size_t count, struct error *error)
{
    char *path = file_in(state_dir, "listeners");
    struct buffer text;
    buffer_init(&text, LIST_MAX);
    for (size_t i = 0; i < count; i++)
        (void)buffer_append_format(&text, "%s\t%s\t%s\t%s\t%s\n", listeners[i].name, listeners[i].address,
                                   listeners[i].upstream, listeners[i].account,
                                   listeners[i].mode); /* `failed` is checked below */
    bool done = path != NULL && !text.failed ? write_file(path, buffer_slice(&text), error) : out_of_memory(error);
    buffer_free(&text);
    free(path);
    return done;
}

void running_forget(const char *state_dir)
{
    char *path = file_in(state_dir, "listeners");
    if (path != NULL)
        (void)unlink(path); /* one that stays is not believed: nobody holds the lock */
    free(path);
}

/* --- reading --- */

/* A proxy holds the folder's lock as long as it is at work. */
bool running_is_at_work(const char *state_dir)
{
    char *path = file_in(state_dir, "lock");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool is_held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        (void)close(fd); /* gives a lock that was taken free */
    free(path);
    return is_held;
}

static bool read_file(struct buffer *text, const char *state_dir)
{
    char *path = file_in(state_dir, "listeners");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *room = fd < 0 ? NULL : buffer_reserve(text, LIST_MAX / 2);
    ssize_t length = room == NULL ? -1 : read(fd, room, LIST_MAX / 2);
    buffer_commit(text, length > 0 ? (size_t)length : 0);
    if (fd >= 0)
        (void)close(fd); /* was read only */
    free(path);
    return length > 0;
}

/* A line's parts; false where it has others. */
static bool split(struct running_listener *listener, struct slice line)
{
    char *const parts[PARTS] = { listener->name, listener->address, listener->upstream, listener->account,
                                 listener->mode };
    struct slice rest = line, part;
    for (size_t i = 0; i < PARTS; i++) {
        if (!slice_next_part(&rest, '\t', &part) || part.length >= RUNNING_TEXT_MAX)
            return false;
        (void)snprintf(parts[i], RUNNING_TEXT_MAX, "%.*s", SLICE_ARGUMENTS(part)); /* was measured */
    }
    return true;
}

static bool fits(const struct running_listener *listener, const char *name, const char *address)
{
    if (address != NULL)
        return strcmp(listener->address, address) == 0;
    return name == NULL || strcmp(listener->name, name) == 0;
}

static bool choose(struct running_listener *listener, struct slice text, const char *name, const char *address,
                   const char *state_dir, struct error *error)
{
    struct running_listener one;
    struct buffer names;
    struct slice line;
    size_t count = 0;
    buffer_init(&names, ERROR_MESSAGE_MAX);
    while (slice_next_part(&text, '\n', &line)) {
        if (!split(&one, line))
            continue;
        (void)buffer_append_format(&names, "%s%s at %s", names.length > 0 ? ", " : "", one.name,
                                   one.address); /* cut is fine */
        if (!fits(&one, name, address))
            continue;
        *listener = one;
        count++;
    }
    const char *wanted = address != NULL ? address : name != NULL ? name : "";
    bool done = count == 1;
    if (count == 0)
        (void)error_set(error, ERROR_INPUT, "the proxy that records in %s has no listener %s; it has %s", state_dir,
                        wanted, buffer_text(&names)); /* false, as below */
    else if (!done)
        (void)error_set(error, ERROR_INPUT,
                        "the proxy that records in %s has several listeners, name one with --to: %s", state_dir,
                        buffer_text(&names));
    buffer_free(&names);
    return done;
}

/* The number behind the line's name in a small file, or 0. */
static long read_number(const char *path, const char *name)
{
    char text[LIST_MAX / 16];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd); /* was read only */
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtol(line + strlen(name), NULL, 10);
}

/* The lock names the proxy process; the signer is its parent (proc_pid_status(5)). */
bool running_process(long *process, const char *state_dir)
{
    char *lock = file_in(state_dir, "lock");
    char status[64];
    long proxy = lock != NULL && running_is_at_work(state_dir) ? read_number(lock, "") : 0;
    free(lock);
    (void)snprintf(status, sizeof(status), "/proc/%ld/status", proxy); /* fits */
    long parent = proxy <= 1 ? 0 : read_number(status, "\nPPid:");
    *process = parent;
    return parent > 1;
}

bool running_find(struct running_listener *listener, const char *state_dir, const char *name, const char *address,
                  struct error *error)
{
    struct buffer text;
    buffer_init(&text, LIST_MAX);
    bool done = running_is_at_work(state_dir) && read_file(&text, state_dir);
    if (!done)
        (void)error_set(error, ERROR_INPUT,
                        "no proxy is at work that records in %s: start `countersign serve` there first",
                        state_dir); /* false */
    done = done && choose(listener, buffer_slice(&text), name, address, state_dir, error);
    buffer_free(&text);
    return done;
}
