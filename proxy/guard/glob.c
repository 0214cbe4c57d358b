/* Path globs, matched in one walk: on a mismatch the last `*` takes one byte more, and where it may not, the last `**` one
 * segment more. An earlier one need not be tried again, because the last takes whatever that could have left. Pure; any
 * thread. */
#include "glob.h"

struct walk {
    struct slice glob;
    struct slice path;
    size_t g; /* at hand */
    size_t p;
    size_t
        star; /* where the glob goes on behind the last `*`, and up to where it has taken the path; 0: there is none */
    size_t star_taken;
    size_t segments; /* likewise for the last `**` */
    size_t segments_taken;
};

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* "**" behind a slash, up to a slash or the end. */
static bool is_any_segments(const struct walk *walk)
{
    const char *at = walk->glob.data + walk->g;
    size_t left = walk->glob.length - walk->g;
    return left >= 3 && at[0] == '/' && at[1] == '*' && at[2] == '*' && (left == 3 || at[3] == '/');
}

/* Moves on to where the next segment begins, or to the end. */
static bool take_segment(struct walk *walk)
{
    size_t at = walk->segments_taken;
    if (walk->segments == 0 || at == walk->path.length)
        return false;
    at++; /* its slash */
    while (at < walk->path.length && walk->path.data[at] != '/')
        at++;
    walk->segments_taken = walk->p = at;
    walk->g = walk->segments;
    walk->star = 0;
    return true;
}

static bool go_back(struct walk *walk)
{
    size_t at = walk->star_taken;
    if (walk->star == 0 || at == walk->path.length || walk->path.data[at] == '/' ||
        walk->path.data[at] == GLOB_ANY_SEGMENTS)
        return take_segment(walk);
    walk->star_taken = walk->p = at + 1;
    walk->g = walk->star;
    return true;
}

/* One step forward; false on a mismatch. */
static bool step(struct walk *walk)
{
    if (walk->g == walk->glob.length)
        return false;
    if ((walk->p == walk->path.length || walk->path.data[walk->p] == '/') && is_any_segments(walk)) {
        walk->segments = walk->g += 3;
        walk->segments_taken = walk->p;
        walk->star = 0;
        return true;
    }
    if (walk->glob.data[walk->g] == '*') {
        walk->star = ++walk->g;
        walk->star_taken = walk->p;
        return true;
    }
    if (walk->p == walk->path.length || lower(walk->glob.data[walk->g]) != walk->path.data[walk->p])
        return false;
    walk->g++;
    walk->p++;
    return true;
}

/* How far both are the same before the glob's first wildcard: most globs end there. False: they differ before it. */
static bool begins_alike(size_t *alike, struct slice glob, struct slice path)
{
    size_t i = 0;
    while (i < glob.length && i < path.length && glob.data[i] != '*' && lower(glob.data[i]) == path.data[i])
        i++;
    *alike = i;
    return i == glob.length || glob.data[i] == '*' ||
           (glob.data[i] == '/' && i + 1 < glob.length && glob.data[i + 1] == '*');
}

bool glob_matches(struct slice glob, struct slice path)
{
    size_t alike;
    if (!begins_alike(&alike, glob, path))
        return false;
    if (alike == glob.length)
        return path.length == alike;
    struct walk walk = { .glob = glob, .path = path };
    while (walk.g < glob.length || walk.p < path.length) {
        if (!step(&walk) && !go_back(&walk))
            return false;
    }
    return true;
}
