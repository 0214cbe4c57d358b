/* See digits.h. */
#include "countersign/digits.h"

struct slice digits_of(char room[DIGITS_MAX], uint64_t number)
{
    size_t at = DIGITS_MAX;
    do {
        room[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return slice_of(room + at, DIGITS_MAX - at);
}
