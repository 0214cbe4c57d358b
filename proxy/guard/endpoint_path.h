/* The path of a request as the tables of endpoints have it. Private to this room. */
#ifndef COUNTERSIGN_GUARD_ENDPOINT_PATH_H
#define COUNTERSIGN_GUARD_ENDPOINT_PATH_H

#include "countersign/slice.h"

enum { ENDPOINT_PATH_MAX = 512 /* bytes; the longest documented path has 47 */ };

/* Writes the path's normal form into `normal` of ENDPOINT_PATH_MAX bytes: decoded, lower case, slashes single, parameters
 * (";x" to the segment's end) cut off, no slash at the end. False where it is in doubt. */
bool endpoint_path_normalise(char *normal, size_t *normal_length, struct slice path);

#endif
