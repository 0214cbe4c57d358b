/* A request's body from the command line, a file or standard input. Owns nothing; one thread. */
#include "body_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_AT_ONCE = 65536 }; /* bytes */

static bool read_descriptor(struct buffer *body, int fd, const char *name, struct error *error)
{
    for (;;) {
        char *room = buffer_reserve(body, READ_AT_ONCE);
        if (room == NULL)
            return error_set(error, ERROR_INPUT, "--body-file %.200s is larger than %d MiB", name, CLI_BODY_MAX >> 20);
        ssize_t got = read(fd, room, READ_AT_ONCE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, ERROR_INPUT, "cannot read --body-file %.200s: %s", name, strerror(errno));
        if (got == 0)
            return true;
        buffer_commit(body, (size_t)got);
    }
}

static bool read_body_file(struct buffer *body, const char *path, struct error *error)
{
    if (strcmp(path, "-") == 0)
        return read_descriptor(body, STDIN_FILENO, "-", error);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, ERROR_INPUT, "cannot open --body-file %.200s: %s", path, strerror(errno));
    bool done = read_descriptor(body, fd, path, error);
    (void)close(fd); /* was only read */
    return done;
}

bool cli_body_read(struct buffer *body, const char *text, const char *file, struct error *error)
{
    buffer_init(body, CLI_BODY_MAX + READ_AT_ONCE);
    if (file != NULL)
        return read_body_file(body, file, error);
    if (text != NULL && !buffer_append_text(body, text))
        return error_set(error, ERROR_INPUT, "--body is larger than %d MiB", CLI_BODY_MAX >> 20);
    return true;
}
