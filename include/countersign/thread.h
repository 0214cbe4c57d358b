/* Threads beside the main one. */
#ifndef COUNTERSIGN_THREAD_H
#define COUNTERSIGN_THREAD_H

#include "countersign/compiler.h"
#include "countersign/error.h"

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that takes no signals: these are for the main thread. `name`: at most 15 bytes, a literal, for people who look
 * at threads. ERROR_SYSTEM where there is none to be had, ERROR_MEMORY; the caller joins it otherwise. */
MUST_CHECK bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context,
                             struct error *error);

#endif
