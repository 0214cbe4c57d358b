/* The path of a request target as the exchange's routers may read it. Pure; any thread. */
#include "countersign/endpoint_path.h"

#include "countersign/hex.h"
#include "countersign/http_message.h"

#include <string.h>

/* Takes one byte of the path, percent-decoded. False where two routers could read it in two ways: an encoded slash,
 * backslash, percent sign, semicolon, question mark, dot or control byte, a bad escape, anything outside ASCII. */
static bool path_byte(struct slice *rest, char *byte)
{
    static const char two_ways[] = "/\\%;?.#";
    unsigned char value = (unsigned char)rest->data[0];
    if (value != '%') {
        *byte = rest->data[0];
        *rest = slice_from(*rest, 1);
        return value > 0x20 && value < 0x7f && value != '\\' && value != '#';
    }
    if (rest->length < 3 || !hex_decode(&value, rest->data + 1, 1))
        return false;
    *byte = (char)value;
    *rest = slice_from(*rest, 3);
    return value > 0x20 && value < 0x7f && slice_find(SLICE_LITERAL(two_ways), *byte) == sizeof(two_ways) - 1;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool decode(struct endpoint_path *path, struct slice written)
{
    size_t length = 0;
    while (written.length > 0) {
        char byte;
        if (length == ENDPOINT_PATH_MAX || !path_byte(&written, &byte))
            return false;
        path->texts[0][length++] = lower(byte);
    }
    path->lengths[0] = length;
    return length > 0 && path->texts[0][0] == '/';
}

/* What routers differ in. */
enum {
    ODDITY_PARAMETER = 1,
    ODDITY_SUFFIX = 2,
    ODDITY_DOUBLED = 4,
    ODDITY_TRAILING = 8,
    ODDITY_LEADING = 16,
    ODDITY_DOUBT = 32
};

/* "place.json": Spring MVC before 5.3 routes it as "place". More than one dot, or nothing before it, is in doubt. */
static unsigned oddity_of_name(struct slice name)
{
    size_t dot = slice_find(name, '.');
    if (dot == name.length)
        return 0;
    bool is_suffix = dot > 0 && slice_find(slice_from(name, dot + 1), '.') == name.length - dot - 1;
    return is_suffix ? ODDITY_SUFFIX : ODDITY_DOUBT;
}

static unsigned oddity_of_segment(struct slice segment, bool is_first, bool is_last)
{
    size_t name = slice_find(segment, ';');
    struct slice cut = slice_first(segment, name);
    if (slice_equal_text(cut, ".") || slice_equal_text(cut, ".."))
        return ODDITY_DOUBT;
    if (name < segment.length)
        return is_last && cut.length > 0 ? ODDITY_PARAMETER | oddity_of_name(cut) : ODDITY_DOUBT;
    if (segment.length > 0)
        return is_last ? oddity_of_name(cut) : 0;
    if (is_last)
        return is_first ? 0 : ODDITY_TRAILING; /* "/" itself has none */
    return is_first ? ODDITY_LEADING : ODDITY_DOUBLED;
}

static unsigned find_oddities(struct slice text)
{
    unsigned found = 0;
    struct slice rest = slice_from(text, 1), segment;
    bool is_first = true;
    while (slice_next_part(&rest, '/', &segment)) {
        found |= oddity_of_segment(segment, is_first, rest.data == NULL);
        is_first = false;
    }
    return found;
}

/* --- the other readings --- */

static void add(struct endpoint_path *path, struct slice text)
{
    memcpy(path->texts[path->count], text.data, text.length);
    path->lengths[path->count++] = text.length;
}

static void add_with_single_slashes(struct endpoint_path *path, struct slice text)
{
    char *out = path->texts[path->count];
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (i == 0 || text.data[i] != '/' || text.data[i - 1] != '/')
            out[length++] = text.data[i];
    }
    path->lengths[path->count++] = length;
}

static size_t last_dot(struct slice text)
{
    size_t at = text.length;
    while (at > 0 && text.data[at - 1] != '.')
        at--;
    return at - 1; /* there is one */
}

/* "//host/path": some parsers take what follows two slashes for an authority (RFC 3986 §3.2). */
static void add_behind_authority(struct endpoint_path *path, struct slice text)
{
    struct slice behind = slice_from(text, 2);
    behind = slice_from(behind, slice_find(behind, '/'));
    add(path, behind.length > 0 ? behind : SLICE_LITERAL("/"));
}

void endpoint_path_read(struct endpoint_path *path, struct slice target)
{
    path->count = 0;
    if (!decode(path, http_target_path(target)))
        return;
    struct slice text = slice_of(path->texts[0], path->lengths[0]);
    unsigned oddities = find_oddities(text);
    if ((oddities & ODDITY_DOUBT) != 0 || (oddities & (oddities - 1)) != 0)
        return; /* more than one: what routers make of both together is anyone's guess */
    path->count = 1;
    if (oddities == ODDITY_PARAMETER)
        add(path, slice_first(text, slice_find(text, ';')));
    else if (oddities == ODDITY_SUFFIX)
        add(path, slice_first(text, last_dot(text)));
    else if (oddities == ODDITY_TRAILING)
        add(path, slice_first(text, text.length - 1));
    else if (oddities != 0)
        add_with_single_slashes(path, text);
    if (oddities == ODDITY_LEADING)
        add_behind_authority(path, text);
}

struct slice endpoint_path_reading(const struct endpoint_path *path, size_t index)
{
    return slice_of(path->texts[index], path->lengths[index]);
}

struct slice endpoint_path_plain(const struct endpoint_path *path)
{
    return endpoint_path_reading(path, path->count > 1 ? 1 : 0);
}
