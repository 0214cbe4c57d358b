/* Sockets that came with the start. Supervisor: it is the process that the manager started, LISTEN_PID; the proxy process,
 * which uses them, is another one, and gets copies. */
#include "supervisor_sockets.h"

#include "countersign/slice.h"
#include "countersign/supervisor_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_for_this_process(void)
{
    const char *process = getenv("LISTEN_PID");
    uint64_t pid;
    return process != NULL && slice_to_u64(slice_text(process), &pid) && pid == (uint64_t)getpid();
}

static bool read_count(size_t *count, struct error *error)
{
    const char *text = getenv("LISTEN_FDS");
    uint64_t number = 0;
    if (text != NULL && (!slice_to_u64(slice_text(text), &number) || number > SOCKETS_MAX))
        return error_set(error, ERROR_CONFIG, "LISTEN_FDS=%.40s: expected a number of sockets up to %d", text,
                         SOCKETS_MAX);
    *count = (size_t)number;
    return true;
}

static bool close_in_children(const struct handed *sockets, struct error *error)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (fcntl(SOCKETS_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC) != 0)
            return error_system(error, errno, "LISTEN_FDS says that descriptor %zu is a socket",
                                (size_t)SOCKETS_FIRST_FD + i);
    }
    return true;
}

static bool read_names(struct handed *sockets, struct error *error)
{
    const char *names = getenv("LISTEN_FDNAMES");
    if (names == NULL)
        return true;
    sockets->names = strdup(names);
    return sockets->names != NULL || error_set(error, ERROR_MEMORY, "no memory for the sockets' names");
}

bool handed_take(struct handed *sockets, struct error *error)
{
    static const char *const variables[] = { "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };
    *sockets = (struct handed){ .count = 0 };
    bool done = !is_for_this_process() ||
                (read_count(&sockets->count, error) && close_in_children(sockets, error) && read_names(sockets, error));
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        (void)unsetenv(variables[i]); /* fails for names that are none only */
    return done;
}

bool handed_pass_on(const struct handed *sockets, int link, struct error *error)
{
    struct slice names = slice_text(sockets->names != NULL ? sockets->names : ""), name;
    for (size_t i = 0; i < sockets->count; i++) {
        struct supervisor_message message = supervisor_message_of(SUPERVISOR_SOCKET);
        if (slice_next_part(&names, ':', &name) && name.length <= SUPERVISOR_NAME_MAX)
            memcpy(message.name, name.data, name.length);
        if (supervisor_link_send(link, &message, SOCKETS_FIRST_FD + (int)i) != SUPERVISOR_LINK_DONE)
            return error_set(error, ERROR_SYSTEM, "the proxy process did not take a listening socket");
    }
    return true;
}

void handed_end(struct handed *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        (void)close(SOCKETS_FIRST_FD + (int)i); /* a listening socket has nothing to lose */
    free(sockets->names);
    *sockets = (struct handed){ .count = 0 };
}
