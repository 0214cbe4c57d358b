/* The switch's files: STATE_DIR/trading, which proxies map, and the note beside it. Any thread; owns nothing. */
#include "trading_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MODE = S_IRUSR | S_IWUSR, LOCK_TRIES = 100, LOCK_PAUSE_MS = 10 };

static const char advice[] = "`countersign stop-trading` keeps orders from leaving, `countersign resume-trading` lets "
                             "them; both make it anew";

bool trading_paths_make(struct trading_paths *paths, const char *state_dir, struct error *error)
{
    static const struct {
        const char *name;
        size_t offset;
    } files[] = { { "trading", offsetof(struct trading_paths, page) },
                  { "trading.stopped", offsetof(struct trading_paths, note) } };
    bool fits =
        snprintf(paths->folder, sizeof(paths->folder), "%s", state_dir) < TRADING_PATH_MAX &&
        snprintf(paths->fresh, sizeof(paths->fresh), "%s/.trading.%ld", state_dir, (long)getpid()) < TRADING_PATH_MAX;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        fits = fits && snprintf((char *)paths + files[i].offset, TRADING_PATH_MAX, "%s/%s", state_dir, files[i].name) <
                           TRADING_PATH_MAX;
    return fits || error_set(error, ERROR_CONFIG, "the path of the state folder is too long: %.80s...", state_dir);
}

bool trading_file_open(int *fd, const struct trading_paths *paths, struct error *error)
{
    *fd = open(paths->page, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd >= 0 || errno == ENOENT)
        return true;
    if (errno == EACCES || errno == EPERM)
        return error_set(error, ERROR_SYSTEM,
                         "%s belongs to another user or may not be written: only who owns the state folder can stop "
                         "and resume trading there",
                         paths->page);
    return error_system(error, errno, "cannot open %s", paths->page);
}

static bool sync_folder(const struct trading_paths *paths, struct error *error)
{
    int fd = open(paths->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return done || error_system(error, number, "cannot sync the folder %s", paths->folder);
}

/* Root can stop a user's proxy; what it makes belongs to the folder's owner, who must be able to use it. */
static bool give_to_owner(int fd, const struct trading_paths *paths)
{
    struct stat folder;
    return stat(paths->folder, &folder) == 0 && fchmod(fd, FILE_MODE) == 0 &&
           (folder.st_uid == geteuid() || fchown(fd, folder.st_uid, folder.st_gid) == 0);
}

static bool write_fresh(const char *path, struct slice text, const struct trading_paths *paths, struct error *error)
{
    (void)unlink(path); /* of a process with this id that died; where it stays, it is not opened below */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return error_system(error, errno, "cannot make %s", path);
    bool done = give_to_owner(fd, paths) && write(fd, text.data, text.length) == (ssize_t)text.length && fsync(fd) == 0;
    int number = done ? 0 : errno;
    (void)close(fd); /* it is on the disk, or not used */
    return done || error_system(error, number, "cannot write %s", path);
}

/* Gives the new page its name, and never replaces one that is there: unlike rename, so that a file that is mapped stays. Some
 * file systems know no second names. */
static bool give_name(const struct trading_paths *paths)
{
    if (link(paths->fresh, paths->page) == 0)
        return true;
    return errno != EEXIST && renameat2(AT_FDCWD, paths->fresh, AT_FDCWD, paths->page, RENAME_NOREPLACE) == 0;
}

bool trading_file_make(bool *made, const struct trading_paths *paths, const struct trading_page *page,
                       struct error *error)
{
    bool done = write_fresh(paths->fresh, slice_of(page->bytes, sizeof(page->bytes)), paths, error);
    *made = done && give_name(paths);
    int number = errno;
    (void)unlink(paths->fresh); /* it has its other name, or none */
    if (!done)
        return false;
    if (!*made && number != EEXIST)
        return error_system(error, number, "cannot make %s", paths->page);
    return sync_folder(paths, error);
}

bool trading_file_lock(int fd, int how, const struct trading_paths *paths, struct error *error)
{
    const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, how | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_system(error, errno, "cannot lock %s", paths->page);
        (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
    }
    return error_set(error, ERROR_SYSTEM, "%s is held by another command that changes it: try again", paths->page);
}

/* --- judging --- */

static bool is_ours(const struct stat *status, const struct trading_paths *paths)
{
    struct stat folder;
    return status->st_uid == geteuid() || (stat(paths->folder, &folder) == 0 && status->st_uid == folder.st_uid);
}

static bool check_file(int fd, const struct trading_paths *paths, struct error *reason)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_system(reason, errno, "cannot look at %s", paths->page);
    if (!S_ISREG(status.st_mode))
        return error_set(reason, ERROR_CONFIG, "%s is no file; take it away. %s", paths->page, advice);
    if (!is_ours(&status, paths))
        return error_set(reason, ERROR_CONFIG,
                         "%s belongs to user id %lu and not to the state folder's owner; take it away. %s", paths->page,
                         (unsigned long)status.st_uid, advice);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_set(reason, ERROR_CONFIG, "others may write %s (mode %03o): `chmod 600` it", paths->page,
                         (unsigned)(status.st_mode & 0777));
    return status.st_size == TRADING_PAGE_SIZE ||
           error_set(reason, ERROR_CONFIG, "%s has %lld bytes in place of %d. %s", paths->page,
                     (long long)status.st_size, (int)TRADING_PAGE_SIZE, advice);
}

enum trading_page_kind trading_file_judge(struct trading_state *state, int fd, const struct trading_paths *paths,
                                          struct error *reason)
{
    struct trading_page page;
    state->count = 0;
    if (!check_file(fd, paths, reason))
        return TRADING_DAMAGED;
    ssize_t length = pread(fd, page.bytes, sizeof(page.bytes), 0);
    enum trading_page_kind kind = trading_page_read(state, slice_of(page.bytes, length > 0 ? (size_t)length : 0));
    bool is_missed = kind == TRADING_RUNS && trading_note_exists(paths);
    if (kind != TRADING_CHANGING && kind != TRADING_DAMAGED && !is_missed)
        return kind;
    const char *what = is_missed ? "says that trading runs, and trading.stopped beside it that it does not"
                       : kind == TRADING_CHANGING ? "was left half changed"
                                                  : "is damaged";
    (void)error_set(reason, ERROR_CONFIG, "%s %s. %s", paths->page, what, advice); /* the kind says it */
    return TRADING_DAMAGED;
}

/* --- writing --- */

static bool write_at(int fd, const char *bytes, size_t length, off_t offset)
{
    return pwrite(fd, bytes, length, offset) == (ssize_t)length;
}

/* What runs is not looked at behind its word, so the rest is written first then. Otherwise orders of all listeners wait out
 * (or, where this process dies here, are refused by) the word of change. */
bool trading_file_write(int fd, const struct trading_page *page, enum trading_page_kind from,
                        const struct trading_paths *paths, struct error *error)
{
    size_t rest = TRADING_PAGE_SIZE - TRADING_WORD_SIZE;
    bool done = (from == TRADING_RUNS || write_at(fd, trading_word_changing, TRADING_WORD_SIZE, 0)) &&
                write_at(fd, page->bytes + TRADING_WORD_SIZE, rest, TRADING_WORD_SIZE) &&
                write_at(fd, page->bytes, TRADING_WORD_SIZE, 0) && ftruncate(fd, TRADING_PAGE_SIZE) == 0;
    return (done && fsync(fd) == 0) || error_system(error, errno, "cannot write %s", paths->page);
}

/* --- the note --- */

bool trading_note_exists(const struct trading_paths *paths)
{
    return access(paths->note, F_OK) == 0 || errno != ENOENT;
}

/* The page's text. It is for people, and replaced as a whole. */
bool trading_note_write(const struct trading_page *page, const struct trading_paths *paths, struct error *error)
{
    if (!write_fresh(paths->fresh, slice_text(page->bytes), paths, error))
        return false;
    if (rename(paths->fresh, paths->note) != 0)
        return error_system(error, errno, "cannot make %s", paths->note);
    return sync_folder(paths, error);
}

bool trading_note_remove(const struct trading_paths *paths, struct error *error)
{
    if (unlink(paths->note) != 0)
        return errno == ENOENT || error_system(error, errno, "cannot take %s away", paths->note);
    return sync_folder(paths, error);
}
