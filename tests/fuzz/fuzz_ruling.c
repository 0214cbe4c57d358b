/* Rules against routers that read paths in every way that some router is known to. Whatever the spelling:
 *   - where one of these routers reads it as a denied path, it is refused;
 *   - where it passes by an allow rule before a deny of everything else, every router reads it as the allowed path.
 * And for any globs: matching agrees with a plain recursive matcher, and a rule that is said to be covered never matches what
 * the one before it does not.
 *
 * The first byte chooses: the rest is a spelling; edits of the denied path; or two globs and a path, one a line. */
#include "guard/glob.h"

#include "countersign/ruling.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPELLING_MAX = 400, RULE_COUNT = 2 };

static const char canonical[] = "/api/trade/order/cancelAll";

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* --- routers --- */

struct text {
    char bytes[SPELLING_MAX + 8];
    size_t length;
};

struct router {
    unsigned decodes; /* how often %-escapes are decoded: 0 to 2 */
    bool merges_slashes;
    bool takes_backslashes;
    bool resolves_dots;
    bool takes_authority; /* "//host/path" */
    unsigned parameters;  /* 0: kept, 1: cut off each segment, 2: everything behind the first ';' is cut off */
    unsigned end;         /* 0: kept, 1: cut at a NUL, 2: at a '?', 3: at a '#', 4: at a control byte */
    unsigned tail;        /* 0: kept, 1: slashes at the end cut off, 2: a suffix cut off, 3: blanks and dots cut off */
};

static int hex(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static void decode(struct text *text)
{
    size_t out = 0;
    for (size_t i = 0; i < text->length; i++) {
        bool is_escape = text->bytes[i] == '%' && i + 2 < text->length && hex(text->bytes[i + 1]) >= 0 &&
                         hex(text->bytes[i + 2]) >= 0;
        text->bytes[out++] =
            is_escape ? (char)(hex(text->bytes[i + 1]) * 16 + hex(text->bytes[i + 2])) : text->bytes[i];
        i += is_escape ? 2 : 0;
    }
    text->length = out;
}

static void cut_at(struct text *text, char byte)
{
    const char *found = memchr(text->bytes, byte, text->length);
    if (found != NULL)
        text->length = (size_t)(found - text->bytes);
}

static void cut_at_control(struct text *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if ((unsigned char)text->bytes[i] < 0x20)
            text->length = i;
    }
}

static void cut_parameters(struct text *text)
{
    size_t out = 0;
    bool inside = false;
    for (size_t i = 0; i < text->length; i++) {
        inside = text->bytes[i] != '/' && (inside || text->bytes[i] == ';');
        if (!inside)
            text->bytes[out++] = text->bytes[i];
    }
    text->length = out;
}

static void merge_slashes(struct text *text)
{
    size_t out = 0;
    for (size_t i = 0; i < text->length; i++) {
        if (text->bytes[i] != '/' || out == 0 || text->bytes[out - 1] != '/')
            text->bytes[out++] = text->bytes[i];
    }
    text->length = out;
}

/* RFC 3986 §5.2.4, segment by segment. */
static void resolve_dots(struct text *text)
{
    struct text out = { .length = 0 };
    struct slice rest = slice_of(text->bytes, text->length), segment;
    bool is_first = true;
    while (slice_next_part(&rest, '/', &segment)) {
        bool is_last = rest.data == NULL;
        bool is_dot = slice_equal_text(segment, "."), is_up = slice_equal_text(segment, "..");
        if (is_up) {
            while (out.length > 0 && out.bytes[--out.length] != '/')
                continue;
        }
        if (!is_dot && !is_up) {
            if (!is_first)
                out.bytes[out.length++] = '/';
            memcpy(out.bytes + out.length, segment.data, segment.length);
            out.length += segment.length;
        } else if (is_last) {
            out.bytes[out.length++] = '/';
        }
        is_first = false;
    }
    *text = out;
}

static void cut_tail(struct text *text, unsigned how)
{
    size_t slash = text->length;
    while (how == 1 && text->length > 1 && text->bytes[text->length - 1] == '/')
        text->length--;
    while (how == 3 && text->length > 1 &&
           ((unsigned char)text->bytes[text->length - 1] <= 0x20 || text->bytes[text->length - 1] == '.'))
        text->length--;
    while (slash > 0 && text->bytes[slash - 1] != '/')
        slash--;
    const char *dot = how == 2 ? memchr(text->bytes + slash, '.', text->length - slash) : NULL;
    if (dot != NULL)
        text->length = (size_t)(dot - text->bytes);
}

static void take_authority(struct text *text)
{
    if (text->length < 2 || text->bytes[0] != '/' || text->bytes[1] != '/')
        return;
    const char *slash = memchr(text->bytes + 2, '/', text->length - 2);
    text->length = slash == NULL ? 0 : text->length - (size_t)(slash - text->bytes);
    if (slash != NULL)
        memmove(text->bytes, slash, text->length);
}

static void route(struct text *text, const struct router *router, struct slice spelling)
{
    static const char ends[] = { 0, 0, '?', '#' };
    memcpy(text->bytes, spelling.data, spelling.length);
    text->length = spelling.length;
    cut_at(text, '?'); /* every router ends the path there */
    if (router->takes_authority)
        take_authority(text);
    for (unsigned i = 0; i < router->decodes; i++)
        decode(text);
    if (router->end == 4)
        cut_at_control(text);
    else if (router->end != 0)
        cut_at(text, ends[router->end]);
    for (size_t i = 0; router->takes_backslashes && i < text->length; i++)
        text->bytes[i] = text->bytes[i] == '\\' ? '/' : text->bytes[i];
    if (router->parameters == 1)
        cut_parameters(text);
    else if (router->parameters == 2)
        cut_at(text, ';');
    if (router->merges_slashes)
        merge_slashes(text);
    if (router->resolves_dots)
        resolve_dots(text);
    cut_tail(text, router->tail);
}

static bool is_read_as_canonical(const struct router *router, struct slice spelling)
{
    struct text text;
    route(&text, router, spelling);
    return slice_equal_text_caseless(slice_of(text.bytes, text.length), canonical);
}

/* All combinations: the next one; false behind the last. */
static bool next_router(struct router *router, unsigned *number)
{
    unsigned n = (*number)++;
    *router = (struct router){ .decodes = n % 3 };
    n /= 3;
    router->merges_slashes = n % 2, n /= 2;
    router->takes_backslashes = n % 2, n /= 2;
    router->resolves_dots = n % 2, n /= 2;
    router->takes_authority = n % 2, n /= 2;
    router->parameters = n % 3, n /= 3;
    router->end = n % 5, n /= 5;
    router->tail = n % 4, n /= 4;
    return n == 0;
}

/* Whether one of these bytes is in the spelling, however often it is encoded. */
static bool has(struct slice spelling, const char *bytes, size_t count)
{
    struct text text;
    memcpy(text.bytes, spelling.data, spelling.length);
    text.length = spelling.length;
    for (unsigned i = 0; i < 3; i++) {
        for (size_t j = 0; j < count; j++) {
            if (memchr(text.bytes, bytes[j], text.length) != NULL)
                return true;
        }
        decode(&text);
    }
    return false;
}

struct features {
    bool escape, backslash, dot, semicolon, end;
};

/* Whether the router does what this spelling gives no occasion for: another one reads it the same way. */
static bool is_idle(const struct router *router, const struct features *features)
{
    return (router->decodes > 1 && !features->escape) || (router->takes_backslashes && !features->backslash) ||
           (router->resolves_dots && !features->dot) || (router->parameters != 0 && !features->semicolon) ||
           (router->end != 0 && !features->end) || (router->tail > 1 && !features->dot && !features->end);
}

/* --- spellings --- */

static bool passes(const struct rule *rules, size_t count, enum policy policy, struct slice target)
{
    const struct ruling_rules own = { .items = rules, .count = count, .policy = policy };
    struct endpoint_path path;
    struct ruling ruling;
    char words[RULING_REFUSAL_MAX];
    endpoint_path_read(&path, target);
    ruling_make(&ruling, &own, SLICE_LITERAL("POST"), &path, (struct http_fields){ .count = 0 });
    if (!ruling.passes)
        require(ruling_write_refusal(words, sizeof(words), &ruling, &own, "bot", SLICE_LITERAL("POST"), target)[0] !=
                '\0');
    return ruling.passes;
}

static struct rule make_rule(enum rule_verdict verdict, const char *text)
{
    struct rule rule;
    struct buffer complaint;
    buffer_init(&complaint, 1024);
    require(rule_parse(&rule, verdict, slice_text(text), &complaint));
    buffer_free(&complaint);
    return rule;
}

static void check_spelling(struct slice spelling)
{
    const struct rule deny[] = { make_rule(RULE_DENY, "POST /api/trade/order/cancelAll") };
    const struct rule allow[] = { make_rule(RULE_ALLOW, "POST /api/trade/order/cancelAll"),
                                  make_rule(RULE_DENY, "* /**") };
    bool passes_deny = passes(deny, 1, POLICY_TRADE, spelling) || passes(deny, 1, POLICY_ALL, spelling);
    bool passes_allow = passes(allow, 2, POLICY_TRADE, spelling) || passes(allow, 2, POLICY_ALL, spelling);
    const struct features features = {
        .escape = has(spelling, "%", 1),
        .backslash = has(spelling, "\\", 1),
        .dot = has(spelling, ".", 1),
        .semicolon = has(spelling, ";", 1),
        .end = has(spelling, "\0?#\t\r\n \v", 8),
    };
    struct router router;
    if (!passes_deny && !passes_allow)
        return;
    for (unsigned number = 0; next_router(&router, &number);) {
        if (is_idle(&router, &features))
            continue;
        bool is_read = is_read_as_canonical(&router, spelling);
        require(!(is_read && passes_deny));
        /* Not decoding at all leaves another path where there is an escape, but none that a server could have. */
        require(!passes_allow || is_read || router.decodes == 0);
    }
}

/* The denied path with parts put in, as the bytes say: (place, part) and again. */
static void check_edits(const uint8_t *data, size_t size)
{
    static const char *const parts[] = { "/",     "//",      "/./",   "/../",  "/x/../", ";x",    ";",        "%2f",
                                         "%2e",   "%2E%2e/", "%252f", "%25",   "\\",     "%5c",   "%00",      "\t",
                                         " ",     "%20",     "#",     "%23x",  "%3f",    "?x",    ".",        "..",
                                         ".json", "%2ejson", "/%2e/", "/..;/", "%c0%af", "%3b",   "\xc0\xaf", "+",
                                         "*",     "a",       "/a",    "//a",   "%61",    "%2561", "/;/",      "/.;x/" };
    struct text text = { .length = sizeof(canonical) - 1 };
    memcpy(text.bytes, canonical, text.length);
    for (size_t i = 0; i + 1 < size; i += 2) {
        const char *part = parts[data[i + 1] % (sizeof(parts) / sizeof(parts[0]))];
        size_t length = strlen(part), at = data[i] % (text.length + 1);
        if (text.length + length + 2 > SPELLING_MAX)
            break;
        if (data[i + 1] >= 0xe0 && at < text.length) { /* this byte as its escape, or in the other case */
            static const char digits[] = "0123456789abcdef";
            unsigned char byte = (unsigned char)text.bytes[at];
            if (data[i + 1] >= 0xf0) {
                text.bytes[at] = (char)(byte ^ 0x20);
                continue;
            }
            memmove(text.bytes + at + 3, text.bytes + at + 1, text.length - at - 1);
            text.bytes[at] = '%';
            text.bytes[at + 1] = digits[byte >> 4];
            text.bytes[at + 2] = digits[byte & 15];
            text.length += 2;
            continue;
        }
        memmove(text.bytes + at + length, text.bytes + at, text.length - at);
        memcpy(text.bytes + at, part, length);
        text.length += length;
    }
    check_spelling(slice_of(text.bytes, text.length));
}

/* --- globs --- */

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool is_any(struct slice glob)
{
    return slice_starts_with(glob, "/**") && (glob.length == 3 || glob.data[3] == '/');
}

/* As the header says it, by trying everything. `steps` bounds it. */
static bool matches(struct slice glob, struct slice path, unsigned *steps)
{
    if (*steps == 0 || glob.length == 0)
        return path.length == 0;
    (*steps)--;
    if (is_any(glob) && (path.length == 0 || path.data[0] == '/')) {
        for (size_t i = 0; i <= path.length; i++) {
            if ((i == path.length || path.data[i] == '/') && matches(slice_from(glob, 3), slice_from(path, i), steps))
                return true;
        }
        return false;
    }
    if (glob.data[0] == '*') {
        for (size_t i = 0; i <= path.length; i++) {
            if (matches(slice_from(glob, 1), slice_from(path, i), steps))
                return true;
            if (i < path.length && path.data[i] == '/')
                return false;
        }
        return false;
    }
    return path.length > 0 && lower(glob.data[0]) == path.data[0] &&
           matches(slice_from(glob, 1), slice_from(path, 1), steps);
}

static void check_globs(struct slice text)
{
    struct slice lines[3] = { { 0 } };
    struct rule rules[RULE_COUNT];
    struct buffer complaint;
    bool is_rule[RULE_COUNT];
    unsigned steps = 200000;
    buffer_init(&complaint, 4096);
    for (size_t i = 0; i < 3 && text.data != NULL; i++)
        (void)slice_next_part(&text, '\n', &lines[i]); /* lines that are not there stay empty */
    for (size_t i = 0; i < RULE_COUNT; i++) {
        buffer_reset(&complaint);
        is_rule[i] = rule_parse(&rules[i], i == 0 ? RULE_DENY : RULE_ALLOW, lines[i], &complaint);
        require(is_rule[i] == (complaint.length == 0));
    }
    buffer_free(&complaint);
    if (!is_rule[0] || lines[2].length > SPELLING_MAX)
        return;
    struct endpoint_path path;
    endpoint_path_read(&path, lines[2]);
    struct request_methods methods = request_methods(SLICE_LITERAL("POST"));
    for (size_t i = 0; i < path.count; i++) {
        struct slice reading = endpoint_path_reading(&path, i);
        bool found = matches(rule_path(&rules[0]), reading, &steps);
        if (steps > 0)
            require(found == glob_matches(rule_path(&rules[0]), reading));
        if (is_rule[1] && rule_covers(&rules[0], &rules[1]) && rule_matches(&rules[1], methods, reading))
            require(rule_matches(&rules[0], methods, reading));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > SPELLING_MAX)
        return 0;
    struct slice rest = slice_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        check_spelling(rest);
    else if (data[0] % 3 == 1)
        check_edits(data + 1, size - 1);
    else
        check_globs(rest);
    return 0;
}
