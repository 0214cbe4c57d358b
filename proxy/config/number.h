/* Numbers with units: "64MiB" is bytes, "10s" is µs. Pure; any thread. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_NUMBER_H
#define COUNTERSIGN_CONFIG_NUMBER_H

#include "keys.h"

/* Reads an integer, a size (B, KiB, MiB, GiB; none means bytes) or a duration (us, ms, s, m, h), without a sign, blank
 * or fraction. False where it is none or overflows; its range is not looked at. */
MUST_CHECK bool config_number_parse(int64_t *number, enum config_type type, struct slice text);

/* Writes it in the largest unit that divides it. */
void config_number_append(struct buffer *out, enum config_type type, int64_t number);

/* The way a near miss was meant: "64MB", "64M" and "64mib" are 64MiB, "10" and "10sec" are 10s. Appends nothing where
 * there is no telling. */
void config_number_append_meant(struct buffer *out, enum config_type type, struct slice text);

#endif
