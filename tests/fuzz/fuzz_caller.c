/* Any header fields ("name:value" on a line each) before the guard, behind two lines: the allowed names, and who may connect.
 * Held, by a judge written with libc: what may ask has no Origin, a Host of the few there are, and the token, whole. */
#include "countersign/caller.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_FIELDS_MAX = 32, FUZZ_TEXT_MAX = 4096 };

#define FUZZ_LOCAL    "192.0.2.7:8787"
#define FUZZ_UPSTREAM "api.coinstore.com"
#define FUZZ_TOKEN    "0123456789abcdefTOKEN"

static void require(bool held)
{
    if (!held)
        abort();
}

static const char *text_of(char *text, struct slice slice)
{
    size_t length = slice.length < FUZZ_TEXT_MAX ? slice.length : FUZZ_TEXT_MAX - 1;
    if (length > 0)
        memcpy(text, slice.data, length);
    text[length] = '\0';
    return text;
}

/* Without its port; a bracket's inside stays in brackets. */
static void cut_port(char *host)
{
    char *end = host[0] == '[' ? strchr(host, ']') : host;
    char *colon = end == NULL ? NULL : strchr(end, ':');
    if (colon != NULL && (host[0] != '[' || colon == end + 1))
        *colon = '\0';
}

static bool is_among(const char *value, const char *host, const struct caller_hosts *allowed)
{
    char name[FUZZ_TEXT_MAX];
    for (size_t i = 0; i < allowed->count; i++) {
        text_of(name, allowed->names[i]);
        if (strcasecmp(name, value) == 0 || strcasecmp(name, host) == 0)
            return true;
    }
    return false;
}

static bool may_be_host(const char *value, const struct caller_hosts *allowed)
{
    struct in_addr v4;
    char host[FUZZ_TEXT_MAX];
    strcpy(host, value); /* of the same size */
    cut_port(host);
    bool is_loopback = strncmp(host, "127.", 4) == 0 && strlen(host) <= 15;
    bool is_strict = inet_pton(AF_INET, host, &v4) == 1 || strchr(host, '0') != NULL; /* "127.0.0.01" is lenient */
    return (is_loopback && is_strict) || strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0 ||
           strcasecmp(value, FUZZ_LOCAL) == 0 || strcmp(value, "192.0.2.7") == 0 ||
           strcasecmp(value, FUZZ_UPSTREAM) == 0 || is_among(value, host, allowed);
}

static void check_names(struct http_fields fields, const struct caller_hosts *allowed)
{
    const struct caller_names names = { .local = FUZZ_LOCAL, .upstream_host = FUZZ_UPSTREAM, .allowed = allowed };
    enum caller_verdict verdict = caller_judge(fields, &names);
    char name[FUZZ_TEXT_MAX], value[FUZZ_TEXT_MAX];
    for (size_t i = 0; verdict == CALLER_MAY_ASK && i < fields.count; i++) {
        text_of(name, fields.items[i].name);
        text_of(value, fields.items[i].value);
        require(strcasecmp(name, "Origin") != 0);
        require(strcasecmp(name, "Sec-Fetch-Site") != 0 || strcmp(value, "none") == 0);
        require(strcasecmp(name, "Host") != 0 || may_be_host(value, allowed));
    }
}

static void check_token(struct http_fields fields)
{
    struct caller_token token;
    caller_token_set(&token, SLICE_LITERAL(FUZZ_TOKEN));
    enum caller_verdict verdict = caller_judge_token(&token, fields);
    char value[FUZZ_TEXT_MAX];
    bool is_there = false;
    for (size_t i = 0; i < fields.count; i++) {
        const struct http_field *field = &fields.items[i];
        is_there = is_there ||
                   (field->value.length < FUZZ_TEXT_MAX && strstr(text_of(value, field->value), FUZZ_TOKEN) != NULL);
        if (caller_field_is_token(&token, field))
            require(strcasestr(text_of(value, field->value), "bearer ") == value && strstr(value, FUZZ_TOKEN) != NULL);
    }
    require(verdict != CALLER_MAY_ASK || is_there);
}

static void check_rule(const char *text)
{
    struct peer_rule rule;
    struct error error = { .kind = ERROR_NONE };
    if (!peer_rule_parse(&rule, text, 1000, &error))
        require(error.kind == ERROR_INPUT && strlen(error.message) > 0);
    else
        require(rule.takes_any ? strcmp(text, "any") == 0 : rule.count > 0 && rule.count <= PEER_UIDS_MAX);
}

static bool next_line(struct slice *rest, struct slice *line)
{
    return rest->data != NULL && slice_next_part(rest, '\n', line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), line;
    struct http_field items[FUZZ_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct caller_hosts allowed;
    char hosts[FUZZ_TEXT_MAX], rule[FUZZ_TEXT_MAX];
    if (size == 0 || memchr(data, '\0', size) != NULL || !next_line(&rest, &line))
        return 0; /* the front lets no NUL pass */
    caller_hosts_read(&allowed, text_of(hosts, line));
    if (next_line(&rest, &line))
        check_rule(text_of(rule, line));
    while (fields.count < FUZZ_FIELDS_MAX && next_line(&rest, &line)) {
        size_t colon = slice_find(line, ':');
        if (line.length < FUZZ_TEXT_MAX)
            items[fields.count++] =
                (struct http_field){ slice_first(line, colon), slice_trim_blanks(slice_from(line, colon + 1)) };
    }
    check_names(fields, &allowed);
    check_token(fields);
    return 0;
}
