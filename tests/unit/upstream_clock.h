/* For tests of what becomes of connections with time: clocks that a test puts ahead, so that minutes pass at once. clock_gettime of
 * the whole program is this file's. Its timers expire when its loop runs next; what the kernel itself counts stays as it is. */
#ifndef UPSTREAM_CLOCK_H
#define UPSTREAM_CLOCK_H

/* So many seconds have passed, for everybody. */
void clock_pass(unsigned seconds);

/* So many seconds have passed while the machine slept: CLOCK_BOOTTIME has gone on, CLOCK_MONOTONIC stood still. */
void clock_sleep(unsigned seconds);

/* So many seconds have passed as libcurl reads its clocks, and nobody else. */
void clock_pass_for_libcurl(unsigned seconds);

/* All clocks are right again: cmocka's setup. */
int clock_restore(void **state);

#endif
