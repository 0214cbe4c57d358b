/* Lower-case hexadecimal. */
#ifndef COUNTERSIGN_HEX_H
#define COUNTERSIGN_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Writes 2*length characters to `text`, no NUL. */
void hex_encode(char *text, const unsigned char *bytes, size_t length);

/* Reads 2*length hex characters of either case. False where one is none. */
bool hex_decode(unsigned char *bytes, const char *text, size_t length);

#endif
