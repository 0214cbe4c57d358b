/* Starting threads. Any thread. */
#include "countersign/thread.h"

#include <signal.h>

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context, struct error *error)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    /* It inherits the mask: so it starts with all signals blocked. */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* cannot fail: the first argument is right */
    int number = pthread_create(thread, NULL, run, context);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* likewise */
    if (number != 0)
        return error_system(error, number, "cannot start the thread %s", name);
    (void)pthread_setname_np(*thread, name); /* nothing depends on it */
    return true;
}
