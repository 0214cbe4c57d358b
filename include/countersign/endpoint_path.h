/* The path of a request target as the exchange's routers may read it. Pure; any thread. */
#ifndef COUNTERSIGN_ENDPOINT_PATH_H
#define COUNTERSIGN_ENDPOINT_PATH_H

#include "countersign/slice.h"

enum {
    ENDPOINT_PATH_MAX = 512, /* bytes; the longest documented path has 47 */
    ENDPOINT_READINGS_MAX = 3
};

/* All readings that a path has, each decoded and in lower case. The first is the path with its slashes and parameters as
 * they came; most paths have no other. */
struct endpoint_path {
    size_t count; /* 0: in doubt, it may be read as anything */
    size_t lengths[ENDPOINT_READINGS_MAX];
    char texts[ENDPOINT_READINGS_MAX][ENDPOINT_PATH_MAX];
};

/* Reads the target's path. Percent-escapes of plain characters are decoded (RFC 3986 §6.2.2.2), case is ignored. One oddity
 * gives a second reading, because routers differ in it: a parameter behind the last segment (";x": kept, cut off), a suffix
 * of the last segment (".json": likewise), doubled slashes (kept, one), a slash at the end (kept, cut off), two slashes at the
 * beginning (kept, one; a third reading takes what follows for a host). In doubt is what has more than one of these, dot segments, encoded slashes, dots, percent
 * signs, semicolons or question marks, a parameter in the middle, bad escapes, backslashes, fragments, blanks, control
 * bytes, bytes outside ASCII, more than ENDPOINT_PATH_MAX bytes, and what does not begin with a slash. */
void endpoint_path_read(struct endpoint_path *path, struct slice target);

struct slice endpoint_path_reading(const struct endpoint_path *path, size_t index);

/* The reading without the oddity: what the client most likely means. Not where count is 0. */
struct slice endpoint_path_plain(const struct endpoint_path *path);

#endif
