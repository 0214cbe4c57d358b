/* Files written whole or not at all. Owns a descriptor and a name; one thread. */
#include "export_file.h"

#include "countersign/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 64 << 20 };

#define SUFFIX ".XXXXXX" /* of temporary names, see mkstemp(3) */

/* What cannot be written is for a person to put right. */
static bool unwritable(const char *name, struct error *error)
{
    (void)error_system(error, errno, "%s", name);
    error->kind = ERROR_INPUT;
    return false;
}

static bool refuse_existing(const char *name, struct error *error)
{
    return error_set(error, ERROR_INPUT, "%s is there already: --force overwrites it", name);
}

bool export_file_begin(struct export_file *file, const char *name, bool may_overwrite, struct error *error)
{
    *file = (struct export_file){ .name = name, .may_overwrite = may_overwrite, .fd = -1 };
    buffer_init(&file->kept, NAMES_MAX);
    if (!may_overwrite && access(name, F_OK) == 0)
        return refuse_existing(name, error);
    if (asprintf(&file->temporary, "%s" SUFFIX, name) < 0) {
        file->temporary = NULL;
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    file->fd = mkostemp(file->temporary, O_CLOEXEC); /* with mode 0600 */
    if (file->fd >= 0)
        return true;
    free(file->temporary);
    file->temporary = NULL;
    return unwritable(name, error);
}

static bool write_all(int fd, struct slice bytes, const char *name, struct error *error)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written < 0 && errno != EINTR)
            return unwritable(name, error);
        bytes = slice_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

bool export_file_write(struct export_file *file, struct slice bytes, struct error *error)
{
    return write_all(file->fd, bytes, file->name, error);
}

/* Of "NAME.XXXXXX", which a file is called until all are whole, the length of NAME. */
static size_t final_length(struct slice temporary)
{
    return temporary.length - (sizeof(SUFFIX) - 1);
}

/* A body's file under its temporary name, which is `path`. */
static bool write_body(const struct export_file *file, char *path, struct slice body, struct error *error)
{
    int fd = mkostemp(path, O_CLOEXEC); /* with mode 0600 */
    if (fd < 0)
        return unwritable(file->name, error);
    bool done = write_all(fd, body, path, error);
    if (close(fd) != 0 && done)
        done = unwritable(path, error);
    if (!done)
        (void)unlink(path); /* there is nothing better to do about it */
    return done;
}

bool export_file_keep_body(void *context, struct buffer *name, int64_t id, struct slice body, struct error *error)
{
    struct export_file *file = context;
    char path[PATH_MAX], text[RECORD_ID_TEXT_MAX];
    int length = snprintf(path, sizeof(path), "%s.body-%s" SUFFIX, file->name, record_id_text(text, id));
    if (length <= 0 || (size_t)length >= sizeof(path))
        return error_set(error, ERROR_INPUT, "%s: too long a name for files beside it", file->name);
    if (!write_body(file, path, body, error))
        return false;
    if (!buffer_append(&file->kept, path, (size_t)length + 1)) {
        (void)unlink(path); /* there is nothing better to do about it */
        return error_set(error, ERROR_LIMIT, "too many bodies in files of their own: export fewer exchanges at once");
    }
    file->body_count++;
    path[final_length(slice_of(path, (size_t)length))] = '\0';
    const char *folder_end = strrchr(path, '/');
    return buffer_append_text(name, folder_end != NULL ? folder_end + 1 : path) ||
           error_set(error, ERROR_MEMORY, "out of memory");
}

/* link(2) fails where the name is taken, rename(2) replaces. */
static bool give_name(const struct export_file *file, const char *temporary, const char *name, struct error *error)
{
    if (file->may_overwrite)
        return rename(temporary, name) == 0 || unwritable(name, error);
    if (link(temporary, name) != 0)
        return errno == EEXIST ? refuse_existing(name, error) : unwritable(name, error);
    (void)unlink(temporary); /* a second name at worst */
    return true;
}

/* Each name in `kept` is cut to the file's own once it has it, so that it is known what is to be removed. */
static bool name_bodies(struct export_file *file, struct error *error)
{
    char name[PATH_MAX];
    for (size_t at = 0; at < file->kept.length;) {
        char *temporary = file->kept.data + at;
        size_t length = strlen(temporary), own = final_length(slice_of(temporary, length));
        (void)snprintf(name, sizeof(name), "%.*s", (int)own, temporary); /* fits, as the longer one did */
        if (!give_name(file, temporary, name, error))
            return false;
        memset(temporary + own, '\0', length - own);
        at += length + 1;
    }
    return true;
}

bool export_file_finish(struct export_file *file, struct error *error)
{
    int fd = file->fd;
    file->fd = -1;
    if (close(fd) != 0)
        return unwritable(file->name, error);
    if (!name_bodies(file, error) || !give_name(file, file->temporary, file->name, error))
        return false;
    free(file->temporary);
    file->temporary = NULL;
    return true;
}

static void remove_bodies(struct slice names)
{
    for (size_t length; names.length > 0; names = slice_from(names, length + 1)) {
        length = slice_find(names, '\0');
        if (length > 0)
            (void)unlink(names.data); /* there is nothing better to do about it */
    }
}

void export_file_end(struct export_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd); /* it is thrown away */
    if (file->temporary != NULL) {
        (void)unlink(file->temporary); /* there is nothing better to do about it */
        remove_bodies(buffer_slice(&file->kept));
    }
    free(file->temporary);
    buffer_free(&file->kept);
}
