/* Starting threads. Any thread. */
#include "countersign/thread.h"

#include <signal.h>
#include <stdlib.h>

struct beginning {
    const char *name;
    void *(*run)(void *context);
    void *context;
};

/* A thread names itself: another's name is written through /proc, which the sandbox keeps closed. */
static void *begin(void *context)
{
    struct beginning own = *(struct beginning *)context;
    free(context);
    (void)pthread_setname_np(pthread_self(), own.name); /* nothing depends on it */
    return own.run(own.context);
}

static int create(pthread_t *thread, struct beginning *beginning)
{
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    /* It inherits the mask: so it starts with all signals blocked. */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* cannot fail: the first argument is right */
    int number = pthread_create(thread, NULL, begin, beginning);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* likewise */
    return number;
}

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context, struct error *error)
{
    struct beginning *beginning = malloc(sizeof(*beginning));
    if (beginning == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for the thread %s", name);
    *beginning = (struct beginning){ name, run, context };
    int number = create(thread, beginning);
    if (number == 0)
        return true; /* the thread frees it */
    free(beginning);
    return error_system(error, number, "cannot start the thread %s", name);
}
