/* The switch in the proxy: mapped once, watched over by a thread.
 *
 * Workers read the mapping alone. The thread looks whether the file is still the one that is mapped and still to be believed,
 * whenever the kernel tells of a change (inotify). On the file systems that tell of each, it looks once a minute besides; on
 * others, and while there is no file to be told of, once a second. Where it is not to be believed, zeros are mapped in its
 * place, which is no page that lets orders leave; where it is again, the file.
 *
 * A file that is cut short to nothing has no page any more: the next look at the mapping raises SIGBUS. The handler maps zeros
 * there, and the look is repeated. It needs the mapping's address, hence the one variable of this file that is not in a
 * struct. */
#include "trading_file.h"

#include "countersign/log.h"
#include "countersign/thread.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    LOOK_MS = 1000,
    TOLD_LOOK_MS =
        60000, /* where changes are told: what is left is that a folder above is moved away, or mounted over */
    EVENTS_SIZE = 4096
};

struct trading_watch {
    struct trading_paths paths;
    char *page; /* the mapping: always of TRADING_PAGE_SIZE bytes, of the file or of zeros */
    bool is_file;
    dev_t device; /* of the file that is mapped */
    ino_t inode;
    enum trading_page_kind told; /* what was logged last */
    char told_page[TRADING_PAGE_SIZE];
    int inotify; /* -1: the kernel gives none */
    int end;     /* an event descriptor that ends the thread */
    pthread_t thread;
    bool has_thread;
};

/* --- the mapping --- */

static _Atomic(char *) guarded_page;
static struct sigaction earlier_action;

/* Puts another page in this one's place. The kernel does so at once: who reads meanwhile sees the one or the other. By
 * syscall(2), as ThreadSanitizer takes the function for one that writes all its bytes. */
static bool map_over(char *at, int flags, int fd)
{
    return syscall(SYS_mmap, at, TRADING_PAGE_SIZE, PROT_READ, flags | MAP_FIXED, fd, 0) != -1;
}

static bool map_zeros(char *at)
{
    return map_over(at, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* map_zeros is a bare system call. A fault elsewhere is none of ours: it comes again, to who took the signal before. */
static void page_is_gone(int number, siginfo_t *info, void *context)
{
    char *page = atomic_load(&guarded_page), *fault = info->si_addr;
    int saved = errno;
    (void)context;
    if (page == NULL || fault < page || fault >= page + TRADING_PAGE_SIZE || !map_zeros(page))
        (void)sigaction(number, &earlier_action, NULL); /* cannot fail with what sigaction gave */
    errno = saved;
}

static bool guard_page(struct trading_watch *watch, struct error *error)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO, .sa_sigaction = page_is_gone };
    (void)sigemptyset(&action.sa_mask); /* cannot fail */
    watch->page = mmap(NULL, TRADING_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (watch->page == MAP_FAILED) {
        watch->page = NULL;
        return error_system(error, errno, "cannot map a page for the switch %s", watch->paths.page);
    }
    atomic_store(&guarded_page, watch->page);
    return sigaction(SIGBUS, &action, &earlier_action) == 0 || error_system(error, errno, "cannot take SIGBUS");
}

static bool map_file(struct trading_watch *watch, int fd, const struct stat *status)
{
    if (watch->is_file && watch->device == status->st_dev && watch->inode == status->st_ino)
        return true;
    watch->is_file = map_over(watch->page, MAP_SHARED, fd);
    watch->device = status->st_dev;
    watch->inode = status->st_ino;
    return watch->is_file;
}

static void drop_file(struct trading_watch *watch)
{
    watch->is_file = false;
    if (!map_zeros(watch->page))
        abort(); /* orders that could leave against the user's word are worse than none */
}

/* --- looking --- */

/* Whether the mapping shows what the file says, while nobody can change it: not all file systems keep the two the same. What
 * is read is written again byte for byte, so `state` is the file. */
static bool shows_file(const struct trading_watch *watch, const struct trading_state *state, struct error *reason)
{
    struct trading_page page;
    return (trading_page_write(&page, state) && memcmp(page.bytes, watch->page, sizeof(page.bytes)) == 0) ||
           error_set(reason, ERROR_SYSTEM,
                     "a mapping of %s does not show what the file says, as on some network file systems: choose a "
                     "state_dir on a local one",
                     watch->paths.page);
}

/* The file by its name, judged, and mapped where it can be believed. `reason` says why not. */
static enum trading_page_kind look_at_file(struct trading_watch *watch, struct trading_state *state,
                                           struct error *reason)
{
    struct stat status;
    int fd = -1;
    enum trading_page_kind kind = TRADING_DAMAGED;
    if (trading_file_open(&fd, &watch->paths, reason) && fd < 0) {
        (void)error_set(reason, ERROR_CONFIG, /* the kind says it */
                        "%s is missing: `countersign stop-trading` keeps orders from leaving, `countersign "
                        "resume-trading` lets them; both make it anew",
                        watch->paths.page);
    } else if (fd >= 0 && trading_file_lock(fd, LOCK_SH, &watch->paths, reason)) {
        kind = trading_file_judge(state, fd, &watch->paths, reason);
        if (kind != TRADING_DAMAGED && (fstat(fd, &status) != 0 || !map_file(watch, fd, &status))) {
            (void)error_system(reason, errno, "cannot map %s", watch->paths.page); /* the kind says it */
            kind = TRADING_DAMAGED;
        }
        if (kind != TRADING_DAMAGED && !shows_file(watch, state, reason))
            kind = TRADING_DAMAGED;
    }
    if (fd >= 0) {
        (void)flock(fd, LOCK_UN); /* a mapping would keep it beyond the end of the descriptor; cannot fail */
        (void)close(fd);          /* the mapping stays */
    }
    return kind;
}

static void tell_stop(const struct trading_stop *stop)
{
    const struct log_value values[] = {
        { "event", "trading-stopped", 0 }, { "listener", stop->listener[0] == '\0' ? "*" : stop->listener, 0 },
        { "since", stop->since, 0 },       { "uid", NULL, stop->uid },
        { "reason", stop->reason, 0 },     { NULL, NULL, 0 },
    };
    bool is_for_all = stop->listener[0] == '\0';
    log_line_values(LOG_LEVEL_WARNING, values,
                    "trading is stopped for %s%s since %s, by user id %lld%s%s: orders are refused, cancels and reads "
                    "pass; `countersign resume-trading%s%s` lifts it",
                    is_for_all ? "all listeners" : "listener ", stop->listener, stop->since, (long long)stop->uid,
                    stop->reason[0] == '\0' ? "" : ": ", stop->reason, is_for_all ? "" : " --listener ",
                    stop->listener);
}

static void tell(enum trading_page_kind kind, const struct trading_state *state, const struct error *reason)
{
    const struct log_value runs[] = { { "event", "trading-resumed", 0 }, { NULL, NULL, 0 } };
    const struct log_value damaged[] = { { "event", "trading-switch-damaged", 0 }, { NULL, NULL, 0 } };
    for (size_t i = 0; kind == TRADING_STOPPED && i < state->count; i++)
        tell_stop(&state->stops[i]);
    if (kind == TRADING_RUNS)
        log_line_values(LOG_LEVEL_INFO, runs, "trading goes on: orders may leave again");
    else if (kind != TRADING_STOPPED)
        log_line_values(LOG_LEVEL_ERROR, damaged,
                        "orders are refused, as whether trading is stopped cannot be read: %s", reason->message);
}

static void look(struct trading_watch *watch)
{
    struct trading_state state = { .count = 0 };
    struct error reason;
    enum trading_page_kind kind = look_at_file(watch, &state, &reason);
    if (kind == TRADING_DAMAGED)
        drop_file(watch);
    struct trading_page now = { .bytes = { 0 } };
    if (!trading_page_write(&now, &state) || kind == TRADING_DAMAGED)
        memset(now.bytes, 0, sizeof(now.bytes));
    bool is_told = kind == watch->told && memcmp(now.bytes, watch->told_page, sizeof(now.bytes)) == 0;
    watch->told = kind;
    memcpy(watch->told_page, now.bytes, sizeof(now.bytes));
    if (!is_told)
        tell(kind, &state, &reason);
}

/* --- the thread --- */

/* Whether nobody but this kernel changes files there, so that it can tell of every change. */
static bool is_local(const char *path)
{
    static const unsigned long local[] = {
        EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC,
    };
    struct statfs status;
    if (statfs(path, &status) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(local); i++) {
        if ((unsigned long)status.f_type == local[i])
            return true;
    }
    return false;
}

/* A name that comes or goes is told of the folder, everything else of the file. Asking for the same file again changes
 * nothing; a new one gets its own watch. Whether every change is told from now on. */
static bool listen_for_changes(const struct trading_watch *watch)
{
    const uint32_t of_file = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW;
    const uint32_t of_folder =
        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB | IN_ONLYDIR;
    if (watch->inotify < 0)
        return false;
    bool tells_of_file = inotify_add_watch(watch->inotify, watch->paths.page, of_file) >= 0;
    bool tells_of_folder = inotify_add_watch(watch->inotify, watch->paths.folder, of_folder) >= 0;
    return tells_of_file && tells_of_folder && is_local(watch->paths.folder);
}

static void *run(void *context)
{
    struct trading_watch *watch = context;
    struct pollfd wait[] = { { .fd = watch->end, .events = POLLIN }, { .fd = watch->inotify, .events = POLLIN } };
    for (;;) {
        _Alignas(struct inotify_event) char events[EVENTS_SIZE];
        bool is_told = listen_for_changes(watch);
        look(watch);
        /* A call that is interrupted looks again, which does no harm. */
        (void)poll(wait, 2, is_told && watch->told != TRADING_DAMAGED ? TOLD_LOOK_MS : LOOK_MS);
        if ((wait[0].revents & POLLIN) != 0)
            return NULL;
        if ((wait[1].revents & POLLIN) != 0)
            (void)!read(watch->inotify, events, sizeof(events)); /* that something changed is all that is wanted */
    }
}

static bool start_thread(struct trading_watch *watch, struct error *error)
{
    watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* without: poll heeds no descriptor below 0 */
    watch->end = eventfd(0, EFD_CLOEXEC);
    if (watch->end < 0)
        return error_system(error, errno, "cannot make an event descriptor for the switch's thread");
    watch->has_thread = thread_start(&watch->thread, "trading", run, watch, error);
    return watch->has_thread;
}

/* --- life --- */

/* A switch that was never made runs; one that is missed is not made anew. */
static bool make_if_none(const struct trading_paths *paths, struct error *error)
{
    static const struct trading_state none = { .count = 0 };
    struct trading_page page;
    int fd;
    bool is_made;
    if (!trading_file_open(&fd, paths, error))
        return false;
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
        return true;
    }
    if (trading_note_exists(paths))
        return error_set(error, ERROR_CONFIG,
                         "%s is missing, and %s says that trading is stopped: `countersign resume-trading` lets orders "
                         "leave, `countersign stop-trading` keeps them from it; both make it anew",
                         paths->page, paths->note);
    return trading_page_write(&page, &none) && trading_file_make(&is_made, paths, &page, error);
}

static bool open_steps(struct trading_watch *watch, const char *state_dir, struct error *error)
{
    struct trading_state state;
    if (!trading_paths_make(&watch->paths, state_dir, error) || !make_if_none(&watch->paths, error) ||
        !guard_page(watch, error))
        return false;
    watch->told = look_at_file(watch, &state, error);
    if (watch->told == TRADING_DAMAGED)
        return error_prefix(error, "whether trading is stopped cannot be read");
    memcpy(watch->told_page, watch->page, sizeof(watch->told_page));
    return start_thread(watch, error);
}

bool trading_watch_open(struct trading_watch **watch, const char *state_dir, struct error *error)
{
    struct trading_watch *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the switch that stops trading");
    made->inotify = made->end = -1;
    if (!open_steps(made, state_dir, error)) {
        trading_watch_close(made);
        return false;
    }
    *watch = made;
    return true;
}

const struct trading_page *trading_watch_page(const struct trading_watch *watch)
{
    return (const struct trading_page *)(const void *)watch->page;
}

void trading_watch_report(const struct trading_watch *watch)
{
    struct trading_state state;
    struct trading_page copy;
    memcpy(&copy, watch->page, sizeof(copy));
    if (trading_page_read(&state, slice_of(copy.bytes, sizeof(copy.bytes))) == TRADING_STOPPED)
        tell(TRADING_STOPPED, &state, NULL);
}

void trading_watch_close(struct trading_watch *watch)
{
    static const uint64_t one = 1;
    if (watch == NULL)
        return;
    if (watch->has_thread && write(watch->end, &one, sizeof(one)) == (ssize_t)sizeof(one))
        (void)pthread_join(watch->thread, NULL); /* joinable, and joined once: cannot fail */
    if (watch->page != NULL) {
        (void)sigaction(SIGBUS, &earlier_action, NULL); /* cannot fail with what sigaction gave */
        atomic_store(&guarded_page, NULL);
        (void)munmap(watch->page, TRADING_PAGE_SIZE); /* cannot fail for what was mapped */
    }
    if (watch->inotify >= 0)
        (void)close(watch->inotify); /* was read only */
    if (watch->end >= 0)
        (void)close(watch->end); /* likewise */
    free(watch);
}
