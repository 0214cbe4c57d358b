/* Path globs. Pure; any thread. Private to this room. */
#ifndef COUNTERSIGN_GUARD_GLOB_H
#define COUNTERSIGN_GUARD_GLOB_H

#include "countersign/slice.h"

/* Stands in a path for any number of segments, none included, where one glob is held against another (rule_covers). No
 * path of a request has it. */
enum { GLOB_ANY_SEGMENTS = 1 };

/* Whether the glob matches the whole path. In the glob `*` is any text within a segment, none included, and a segment `**`
 * any number of segments, none included, so that "/a/.." with `**` at its end also is "/a". Letters of the glob match in
 * either case; the path is in lower case. */
bool glob_matches(struct slice glob, struct slice path);

#endif
