/* Whole numbers in decimal digits, without printf: several are written for each request. Pure; any thread,
 * and handlers of signals. */
#ifndef COUNTERSIGN_DIGITS_H
#define COUNTERSIGN_DIGITS_H

#include "countersign/slice.h"

enum { DIGITS_MAX = 20 }; /* of the greatest 64-bit number */

/* The number's digits, which stand somewhere in `room` (no NUL). */
struct slice digits_of(char room[DIGITS_MAX], uint64_t number);

#endif
