/* The state folder and its lock. */
#include "state_dir.h"

#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DIR_MODE = S_IRWXU, LOCK_MODE = S_IRUSR | S_IWUSR, PID_TEXT_MAX = 32, LOCK_TRIES = 5, LOCK_PAUSE_MS = 20 };

char *state_dir_file(const char *path, const char *name)
{
    char *file;
    return asprintf(&file, "%s/%s", path, name) < 0 ? NULL : file;
}

static bool make_one(const char *path, struct error *error)
{
    if (mkdir(path, DIR_MODE) != 0)
        return errno == EEXIST || error_system(error, errno, "cannot create the folder %s", path);
    if (chmod(path, DIR_MODE) != 0) /* whatever the umask took away */
        return error_system(error, errno, "cannot set the mode of the folder %s", path);
    return true;
}

static bool make_each(char *path, struct error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool done = make_one(path, error);
        *slash = '/';
        if (!done)
            return false;
    }
    return make_one(path, error);
}

static bool check(const char *path, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return error_system(error, errno, "cannot look at the folder %s", path);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ERROR_CONFIG, "%s is no folder: choose another state_dir", path);
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        log_warning("others may look into the folder %s (mode %03o); its files are for their owner alone, but "
                    "`chmod 700 %s` is better",
                    path, (unsigned)(status.st_mode & 0777), path);
    return true;
}

bool state_dir_create(const char *path, struct error *error)
{
    if (path[0] == '\0')
        return error_set(error, ERROR_CONFIG, "state_dir is empty: name a folder");
    char *copy = strdup(path);
    if (copy == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the name of the folder %s", path);
    bool done = make_each(copy, error);
    free(copy);
    return done;
}

bool state_dir_make(const char *path, struct error *error)
{
    return state_dir_create(path, error) && check(path, error);
}

/* Who holds the lock: the process id in the file, digits only. */
static void read_holder(char *text, int fd)
{
    ssize_t length = pread(fd, text, PID_TEXT_MAX - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    text[strspn(text, "0123456789")] = '\0';
    if (text[0] == '\0')
        memcpy(text, "unknown", sizeof("unknown"));
}

/* A tool that only looks whether the lock is held holds it itself for a moment. */
static bool take_lock(int fd)
{
    const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        if (i + 1 < LOCK_TRIES)
            (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
    }
    errno = EWOULDBLOCK;
    return false;
}

static bool lock_on(int fd, const char *path, struct error *error)
{
    char text[PID_TEXT_MAX];
    if (!take_lock(fd)) {
        if (errno != EWOULDBLOCK)
            return error_system(error, errno, "cannot lock the folder %s", path);
        read_holder(text, fd);
        return error_set(error, ERROR_SYSTEM,
                         "another countersign (process %s) records in %s: stop it, or give this one a folder of its "
                         "own (--state-dir)",
                         text, path);
    }
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (fchmod(fd, LOCK_MODE) != 0) /* whatever the umask took away */
        return error_system(error, errno, "cannot set the mode of %s/lock", path);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)length, 0) != length)
        return error_system(error, errno, "cannot write %s/lock", path);
    return true;
}

bool state_dir_lock(int *fd, const char *path, struct error *error)
{
    char *file = state_dir_file(path, "lock");
    if (file == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the lock of %s", path);
    int opened = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    bool done = opened >= 0 ? lock_on(opened, path, error) : error_system(error, errno, "cannot open %s", file);
    if (done)
        *fd = opened;
    else if (opened >= 0)
        (void)close(opened); /* nothing was written */
    free(file);
    return done;
}

bool state_dir_sync(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return done || error_system(error, number, "cannot sync the folder %s", path);
}
