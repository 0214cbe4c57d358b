/* The keystore's file on the disk. A new one is written beside the old one and takes its name when it is whole and synced, so
 * that whatever happens in between, one of the two is there. One thread. */
#include "keystore_file.h"

#include "keystore_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MODE = S_IRUSR | S_IWUSR, FOLDER_MODE = S_IRWXU, LOCK_TRIES = 1500, LOCK_PAUSE_MS = 20 };

char *keystore_file_path(const char *folder, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* --- reading --- */

static bool check_status(const struct stat *status, const char *path, struct error *error)
{
    if (!S_ISREG(status->st_mode))
        return error_set(error, ERROR_CONFIG, "%s is not a regular file: move it away", path);
    if (status->st_uid != geteuid())
        return error_set(error, ERROR_CONFIG,
                         "%s belongs to user %u, and this runs as user %u: run it as its owner, or change the owner",
                         path, (unsigned)status->st_uid, (unsigned)geteuid());
    if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return error_set(error, ERROR_CONFIG, "others than its owner may use %s (mode %04o): chmod 600 %s", path,
                         status->st_mode & 07777U, path);
    if (status->st_size > KEYSTORE_FILE_MAX)
        return error_set(error, ERROR_INPUT, "%s is larger than %d MiB: this is no keystore", path,
                         KEYSTORE_FILE_MAX >> 20);
    return true;
}

static bool read_all(struct buffer *bytes, int fd, const char *path, struct error *error)
{
    for (;;) {
        char *room = buffer_reserve(bytes, 4096);
        if (room == NULL)
            return error_set(error, ERROR_MEMORY, "no memory for what %s holds", path);
        ssize_t got = read(fd, room, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_system(error, errno, "cannot read %s", path);
        if (got == 0)
            return true;
        buffer_commit(bytes, (size_t)got);
    }
}

bool keystore_file_read(struct buffer *bytes, bool *is_there, const char *path, struct error *error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    *is_there = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 && errno == ELOOP)
        return error_set(error, ERROR_CONFIG, "%s is a symbolic link: put the keystore itself there", path);
    if (fd < 0)
        return error_system(error, errno, "cannot open %s", path);
    bool done = fstat(fd, &status) == 0 || error_system(error, errno, "cannot look at %s", path);
    done = done && check_status(&status, path, error) && read_all(bytes, fd, path, error);
    (void)close(fd); /* was only read */
    return done;
}

/* --- writing --- */

/* The folder and what is missing above it, as capture's state folder is made: whichever of the two comes first. */
static bool make_folder(const char *folder, struct error *error)
{
    char *path = strdup(folder);
    bool done = path != NULL && path[0] == '/';
    for (char *end = path; done && end != NULL;) {
        end = strchr(end + 1, '/');
        if (end != NULL)
            *end = '\0';
        if (mkdir(path, FOLDER_MODE) == 0)
            done = chmod(path, FOLDER_MODE) == 0; /* whatever the umask took away */
        else
            done = errno == EEXIST;
        if (end != NULL)
            *end = '/';
    }
    if (!done)
        (void)error_system(error, errno, "cannot create the folder %s", folder); /* always false, as `done` is */
    free(path);
    return done;
}

static bool take_lock(int fd, struct error *error)
{
    const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_system(error, errno, "cannot lock the keystore");
        (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
    }
    return error_set(error, ERROR_SYSTEM,
                     "another program has been changing the keystore for %d s: nothing was changed; try again",
                     LOCK_TRIES * LOCK_PAUSE_MS / 1000);
}

bool keystore_file_lock(int *fd, const char *folder, struct error *error)
{
    if (!make_folder(folder, error))
        return false;
    char *path = keystore_file_path(folder, "keystore.lock");
    int opened = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    bool done = opened >= 0 || error_system(error, errno, "cannot open %s/keystore.lock", folder);
    done = done && take_lock(opened, error);
    if (!done && opened >= 0)
        (void)close(opened); /* nothing was written */
    free(path);
    if (done)
        *fd = opened;
    return done;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written < 0 && errno != EINTR)
            return false;
        bytes = slice_from(bytes, written < 0 ? 0 : (size_t)written);
    }
    return true;
}

/* What a writer that was killed left is taken away first: the lock is ours. */
static bool write_new(const char *path, struct slice bytes, struct error *error)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return error_system(error, errno, "cannot take %s away, which an earlier writer left", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return error_system(error, errno, "cannot create %s; nothing was changed", path);
    bool done = fchmod(fd, FILE_MODE) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
    int number = errno;
    done = close(fd) == 0 && done; /* synced: its failure is the sync's, or none of ours */
    if (done)
        return true;
    (void)unlink(path); /* the next writer takes it away where this fails */
    return error_system(error, number, "cannot write %s; nothing was changed", path);
}

static bool sync_folder(const char *folder, struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return done ||
           error_system(error, number,
                        "the new keystore is in place, but a power failure now may bring the old one back: cannot "
                        "sync the folder %s",
                        folder);
}

bool keystore_file_replace(const char *folder, struct slice bytes, struct error *error)
{
    char *beside = keystore_file_path(folder, "keystore.new");
    char *path = keystore_file_path(folder, "keystore");
    bool done = beside != NULL && path != NULL;
    if (!done)
        (void)error_set(error, ERROR_MEMORY, "no memory for the keystore's path; nothing was changed"); /* false */
    done = done && write_new(beside, bytes, error);
    if (done && rename(beside, path) != 0) {
        done = error_system(error, errno, "cannot put %s in the place of %s; nothing was changed", beside, path);
        (void)unlink(beside); /* as above */
    }
    free(beside);
    free(path);
    return done && sync_folder(folder, error);
}
