/* Preloaded into the program by tests (LD_PRELOAD): a kernel that does not answer what is asked over netlink sockets, as one without
 * a module does. TEST_SILENT_KERNEL is the errno value. Other sockets are as they are: the program's processes use recvmsg(2)
 * among themselves. It makes no system call of its own, for their filters know what they make. Any thread. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t recvmsg(int fd, struct msghdr *message, int flags);

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    const char *number = getenv("TEST_SILENT_KERNEL");
    if (number != NULL && message->msg_name != NULL) { /* asks who sent it: of the program's, netlink sockets alone */
        errno = atoi(number);
        return -1;
    }
    return syscall(SYS_recvmsg, fd, message, flags);
}
