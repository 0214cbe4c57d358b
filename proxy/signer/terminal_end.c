/* Standard descriptors that were terminals and are none any more. Any thread. */
#include "terminal_end.h"

#include "countersign/compiler.h"

#include <poll.h>

void terminals_note(struct terminals *terminals)
{
    for (size_t fd = 0; fd < ARRAY_LENGTH(terminals->had); fd++)
        terminals->had[fd] = isatty((int)fd) == 1;
}

bool terminals_have_gone(const struct terminals *terminals)
{
    for (size_t fd = 0; fd < ARRAY_LENGTH(terminals->had); fd++) {
        struct pollfd terminal = { .fd = (int)fd };
        if (terminals->had[fd] && poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLHUP) != 0)
            return true;
    }
    return false;
}
