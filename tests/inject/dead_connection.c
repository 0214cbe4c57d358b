/* Preloaded into the program by tests (LD_PRELOAD): from the second GET on that it sends without TLS, the connection takes no byte,
 * as one that the peer has reset in the meantime. TEST_DEAD_CONNECTION turns it on; where it is "POST", no POST is taken at all. It
 * makes no system call of its own but the one asked for. Any thread. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int gets_sent;

ssize_t send(int fd, const void *bytes, size_t size, int flags);

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    const char *what = getenv("TEST_DEAD_CONNECTION");
    bool is_post = what != NULL && strcmp(what, "POST") == 0 && size >= 5 && memcmp(bytes, "POST ", 5) == 0;
    bool is_get = what != NULL && strcmp(what, "POST") != 0 && size >= 4 && memcmp(bytes, "GET ", 4) == 0;
    if (is_post || (is_get && atomic_fetch_add(&gets_sent, 1) > 0)) {
        errno = EPIPE;
        return -1;
    }
    return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}
