/* STATE_DIR/pace. A process that is killed leaves in it all that its last instruction had stored: the kernel has the page. A new
 * file takes the old one's place once it is whole, so that a start that is killed loses nothing. The main thread. */
#include "pacing_file.h"

#include "countersign/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = S_IRUSR | S_IWUSR, HEAD_SIZE = 64, PATH_SIZE = 4096 };

/* Names the layout: a file with another one is not read. */
static const char head[HEAD_SIZE] = "countersign pace 1\n";

struct slot {
    struct pacing_name name;
    struct pace_memory memory;
};

static struct slot *slot_at(const struct pacing_file *file, size_t index)
{
    return (struct slot *)(void *)((char *)file->mapping + HEAD_SIZE) + index;
}

struct pace_memory *pacing_file_memory(const struct pacing_file *file, size_t index)
{
    return &slot_at(file, index)->memory;
}

/* --- what the last process left --- */

static void recall_slot(const struct pacing_file *file, size_t count, const struct slot *last)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(slot_at(file, i)->name.text, last->name.text, PACING_NAME_MAX) == 0)
            pace_recall(&slot_at(file, i)->memory, &last->memory, clock_boot_us());
    }
}

/* Without a file, or with one that cannot be read, nothing has left before. */
static bool recall(const struct pacing_file *file, size_t count, const char *path, struct error *error)
{
    char text[HEAD_SIZE];
    struct slot *last = malloc(sizeof(*last));
    if (last == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the pace of requests");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_ours =
        fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && memcmp(text, head, sizeof(head)) == 0;
    while (is_ours && read(fd, last, sizeof(*last)) == (ssize_t)sizeof(*last))
        recall_slot(file, count, last);
    if (fd >= 0)
        (void)close(fd); /* was only read */
    free(last);
    return true;
}

/* --- the new file --- */

static bool map_new(struct pacing_file *file, const char *path, struct error *error)
{
    (void)unlink(path); /* of a start that was killed; where it stays, it is not opened below */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0)
        return error_system(error, errno, "cannot make %s", path);
    int number = posix_fallocate(fd, 0, (off_t)file->length);
    void *mapping = MAP_FAILED;
    if (number == 0) {
        mapping = mmap(NULL, file->length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        number = errno;
    }
    (void)close(fd); /* the mapping stays */
    if (mapping == MAP_FAILED)
        return error_system(error, number, "cannot map %s, which takes %zu bytes of the disk", path, file->length);
    file->mapping = mapping;
    return true;
}

bool pacing_file_open(struct pacing_file *file, const char *state_dir, const struct pacing_name *names, size_t count,
                      struct error *error)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    *file = (struct pacing_file){ .length = HEAD_SIZE + count * sizeof(struct slot) };
    if (snprintf(path, sizeof(path), "%s/pace", state_dir) >= PATH_SIZE ||
        snprintf(fresh, sizeof(fresh), "%s/.pace.new", state_dir) >= PATH_SIZE)
        return error_set(error, ERROR_CONFIG, "the path of the state folder is too long: %.80s...", state_dir);
    if (!map_new(file, fresh, error))
        return false;
    memcpy(file->mapping, head, sizeof(head));
    for (size_t i = 0; i < count; i++)
        slot_at(file, i)->name = names[i];
    bool done = recall(file, count, path, error);
    if (done && rename(fresh, path) != 0)
        done = error_system(error, errno, "cannot rename %s to %s", fresh, path);
    if (!done)
        pacing_file_close(file);
    return done;
}

void pacing_file_close(struct pacing_file *file)
{
    if (file->mapping != NULL)
        (void)munmap(file->mapping, file->length); /* it is a mapping of this length */
    *file = (struct pacing_file){ .mapping = NULL };
}
