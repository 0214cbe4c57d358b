/* Rules read from text, and what is wrong with one that could never match. Pure; any thread. */
#include "countersign/rule.h"

#include "endpoints.h"
#include "glob.h"
#include "methods.h"

#include <stdio.h>
#include <string.h>

static const char example[] = "`deny = POST /api/trade/order/cancelAll`";

static bool refuse(struct buffer *complaint, const char *format, ...) PRINTF_LIKE(2, 3);

/* Always returns false. */
static bool refuse(struct buffer *complaint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)buffer_append_format_list(complaint, format, arguments); /* a complaint cut short is still one */
    va_end(arguments);
    return false;
}

/* --- methods --- */

static bool read_method(unsigned *methods, struct slice word, struct buffer *complaint)
{
    unsigned bit = method_find(word), meant = method_find_caseless(word);
    if (slice_equal_text(word, "CONNECT") || slice_equal_text(word, "TRACE"))
        return refuse(complaint, "%.*s is never forwarded, so a rule for it decides nothing", SLICE_ARGUMENTS(word));
    if (bit == METHOD_OTHER && meant != METHOD_OTHER)
        return refuse(complaint, "methods are written in capitals: %.*s is another method than the one meant",
                      SLICE_ARGUMENTS(word));
    if (bit == METHOD_OTHER)
        return refuse(complaint,
                      "expected methods (GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, with commas between "
                      "them, or *) and a path, as in %s",
                      example);
    if ((*methods & bit) != 0)
        return refuse(complaint, "%.*s is given twice", SLICE_ARGUMENTS(word));
    *methods |= bit;
    return true;
}

static bool read_methods(unsigned *methods, struct slice words, struct buffer *complaint)
{
    struct slice word;
    *methods = slice_equal_text(words, "*") ? METHOD_ANY : 0;
    if (*methods != 0)
        return true;
    while (slice_next_part(&words, ',', &word)) {
        if (!read_method(methods, word, complaint))
            return false;
    }
    return true;
}

/* --- the path --- */

/* What a byte makes of a glob that then matches no path, for "a path has no ..."; NULL for what is fine. */
static const char *problem_of_byte(char byte)
{
    if (byte == '?')
        return "the query is not looked at: leave out the ? and what follows it";
    if (byte == '%')
        return "paths are compared decoded: write the character itself instead of its %-escape";
    if (byte == '#' || byte == '\\')
        return "no path that may pass holds # or a backslash";
    if (byte <= 0x20 || byte >= 0x7f)
        return "no path that may pass holds blanks, control bytes or bytes outside ASCII";
    return NULL;
}

static bool check_bytes(struct slice glob, struct buffer *complaint)
{
    for (size_t i = 0; i < glob.length; i++) {
        const char *problem = problem_of_byte(glob.data[i]);
        if (problem != NULL)
            return refuse(complaint, "%s", problem);
    }
    return true;
}

static bool check_segment(struct slice segment, bool is_last, struct buffer *complaint)
{
    struct slice name = slice_first(segment, slice_find(segment, ';'));
    if (segment.length == 0)
        return refuse(complaint, is_last ? "paths are compared without a slash at the end: leave it out, or write /** "
                                           "for what is below"
                                         : "paths are compared with single slashes: write / instead of //");
    if (slice_equal_text(name, ".") || slice_equal_text(name, ".."))
        return refuse(complaint, "no path that may pass has a segment %.*s: write the path that is meant",
                      SLICE_ARGUMENTS(name));
    if (name.length < segment.length && (!is_last || name.length == 0))
        return refuse(complaint, "a parameter (;name=value) may pass behind the last segment alone: leave it out");
    if (memmem(segment.data, segment.length, "**", 2) != NULL && segment.length != 2)
        return refuse(complaint, "** is a segment of its own (/api/v2/**); within a segment a single * is any text");
    return true;
}

/* All that the exchange has is below /api: a rule without it is a slip, and a deny that never matches is a hole. */
static bool begins_as_the_exchange_has_it(struct slice glob)
{
    struct slice first = slice_first(glob, 1 + slice_find(slice_from(glob, 1), '/'));
    return slice_equal_text(first, "/**") || glob_matches(first, SLICE_LITERAL("/api"));
}

static bool check_path(struct slice glob, struct buffer *complaint)
{
    struct slice rest = slice_from(glob, 1), segment;
    if (glob.length == 0 || glob.data[0] != '/')
        return refuse(complaint, "expected a path that begins with / behind the method, as in %s", example);
    if (glob.length > RULE_PATH_MAX)
        return refuse(complaint, "the path is longer than %d bytes", (int)RULE_PATH_MAX);
    if (!check_bytes(glob, complaint))
        return false;
    while (slice_next_part(&rest, '/', &segment)) {
        if (!check_segment(segment, rest.data == NULL, complaint))
            return false;
    }
    return begins_as_the_exchange_has_it(glob) ||
           refuse(complaint, "the exchange's paths begin with /api: write /api%.*s", SLICE_ARGUMENTS(glob));
}

static bool names_funds(struct slice glob)
{
    char lowered[RULE_PATH_MAX];
    size_t begin = glob.length;
    while (begin > 0 && glob.data[begin - 1] != '/')
        begin--;
    struct slice last = slice_from(glob, begin);
    for (size_t i = 0; i < last.length; i++)
        lowered[i] = endpoint_lower(last.data[i]);
    return slice_find(last, '*') == last.length || endpoint_names_funds(slice_of(lowered, last.length));
}

bool rule_parse(struct rule *rule, enum rule_verdict verdict, struct slice text, struct buffer *complaint)
{
    struct slice line = slice_trim_blanks(text);
    size_t blank = 0;
    while (blank < line.length && line.data[blank] != ' ' && line.data[blank] != '\t')
        blank++;
    struct slice words = slice_first(line, blank), glob = slice_trim_blanks(slice_from(line, blank));
    *rule = (struct rule){ .verdict = verdict };
    if (line.length == 0 || (glob.length == 0 && words.data[0] == '/'))
        return refuse(complaint, "expected a method and a path, as in %s; * is any method", example);
    if (!read_methods(&rule->methods, words, complaint) || !check_path(glob, complaint))
        return false;
    int length = snprintf(rule->text, sizeof(rule->text), "%.*s %.*s", SLICE_ARGUMENTS(words), SLICE_ARGUMENTS(glob));
    rule->path_begin = words.length + 1;
    rule->path_length = glob.length;
    rule->names_funds = verdict == RULE_ALLOW && names_funds(glob);
    return (length > 0 && (size_t)length < sizeof(rule->text)) || refuse(complaint, "the rule is too long");
}
