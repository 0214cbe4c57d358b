/* Message heads in tokens. A line ends at LF, as for lenient readers. One thread. */
#include "share_private.h"

#include "countersign/compiler.h"
#include "countersign/http_message.h"

enum {
    FIELD_NAME_MAX = 40, /* bytes of a name that stays */
    FIELD_DIGITS_MAX = 4,
    SIGNATURE_LENGTH = 64
};

static void append_key(struct buffer *out, struct share *share, struct slice value)
{
    share_append_token(out, share, SHARE_KEY, value);
}

/* As wide as the original, so that it also fits the fact of the record. */
static void append_signature(struct buffer *out, struct share *share, struct slice value)
{
    enum share_kind seen_as;
    if (value.length != SIGNATURE_LENGTH)
        share_append_token(out, share, SHARE_SIGNATURE, value);
    else
        buffer_append_format(out, "%0*llu", SIGNATURE_LENGTH,
                             (unsigned long long)share_number(share, SHARE_SIGNATURE, value, &seen_as));
}

/* Either how a value is replaced, or the form in which it stays. */
static const struct field_rule {
    const char *name;
    void (*append)(struct buffer *out, struct share *share, struct slice value);
    share_form *form;
} rules[] = {
    { "Host", share_append_endpoint, NULL },
    { "X-CS-APIKEY", append_key, NULL },
    { "X-CS-SIGN", append_signature, NULL },
    { "X-CS-EXPIRES", NULL, share_is_time },
    { "Content-Type", NULL, share_is_protocol },
    { "Content-Length", NULL, share_is_length },
    { "Content-Encoding", NULL, share_is_protocol },
    { "Transfer-Encoding", NULL, share_is_protocol },
    { "Accept", NULL, share_is_protocol },
    { "Accept-Encoding", NULL, share_is_protocol },
    { "Accept-Language", NULL, share_is_languages },
    { "exch-language", NULL, share_is_languages },
    { "Connection", NULL, share_is_protocol },
    { "Expect", NULL, share_is_protocol },
    { "Date", NULL, share_is_date },
    { "Server", NULL, share_is_protocol },
    { "Vary", NULL, share_is_protocol },
    { "Cache-Control", NULL, share_is_protocol },
    { "Retry-After", NULL, share_is_delay },
    { "CF-Cache-Status", NULL, share_is_protocol },
    { "Countersign-Exchange", NULL, share_is_exchange },
    { "Countersign-Outcome", NULL, share_is_outcome },
    { "Countersign-Error", NULL, share_is_error },
};

static const struct field_rule *find_rule(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        if (slice_equal_text_caseless(name, rules[i].name))
            return &rules[i];
    }
    return NULL;
}

static void append_value(struct buffer *out, struct share *share, struct slice name, struct slice value)
{
    const struct field_rule *rule = find_rule(name);
    if (rule != NULL && rule->append != NULL)
        rule->append(out, share, value);
    else if (rule != NULL && rule->form(share, value))
        buffer_append_slice(out, value);
    else
        share_append_token(out, share, SHARE_VALUE, value);
}

static bool name_stays(struct slice name)
{
    size_t digits = 0;
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool is_digit = byte >= '0' && byte <= '9';
        digits += is_digit;
        if (!is_letter && !is_digit && byte != '-' && byte != '_')
            return false;
    }
    return name.length > 0 && name.length <= FIELD_NAME_MAX && digits <= FIELD_DIGITS_MAX;
}

static void append_name(struct buffer *out, struct share *share, struct slice name)
{
    bool is_given_away = find_rule(name) == NULL && (share_knows(share, name) || share_knows_part(share, name));
    if (name_stays(name) && !is_given_away)
        buffer_append_slice(out, name);
    else
        share_append_token(out, share, SHARE_NAME, name);
}

/* The value's place within `line`; blanks around it stay. */
static void append_trimmed(struct buffer *out, struct share *share, struct slice name, struct slice part)
{
    struct slice value = slice_trim_blanks(part);
    size_t before = value.length == 0 ? part.length : (size_t)(value.data - part.data);
    buffer_append_slice(out, slice_first(part, before));
    append_value(out, share, name, value);
    buffer_append_slice(out, slice_from(part, before + value.length));
}

static void append_field(struct buffer *out, struct share *share, struct slice line)
{
    const struct slice no_name = { NULL, 0 };
    size_t colon = slice_find(line, ':');
    bool is_folded = line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t'); /* RFC 9112 §5.2 */
    if (is_folded || colon == line.length) {
        append_trimmed(out, share, no_name, line);
        return;
    }
    append_name(out, share, slice_first(line, colon));
    buffer_append_byte(out, ':');
    append_trimmed(out, share, slice_first(line, colon), slice_from(line, colon + 1));
}

/* "HTTP/1.1 200 OK" or "GET /path HTTP/1.1"; what is neither is one token. */
static void append_first_line(struct buffer *out, struct share *share, struct slice line)
{
    struct slice rest = line, parts[2] = { { NULL, 0 }, { NULL, 0 } };
    uint64_t status;
    bool has_two = line.length > 0 && slice_next_part(&rest, ' ', &parts[0]) && rest.data != NULL &&
                   slice_next_part(&rest, ' ', &parts[1]);
    if (has_two && share_is_http_version(share, parts[0]) && parts[1].length == 3 && slice_to_u64(parts[1], &status)) {
        buffer_append_slice(out, slice_first(line, parts[0].length + 1 + parts[1].length));
        buffer_append_text(out, rest.data == NULL ? "" : " ");
        share_append_text(out, share, rest);
    } else if (has_two && rest.data != NULL && share_is_http_version(share, rest)) {
        share_append_method(out, share, parts[0]);
        buffer_append_byte(out, ' ');
        share_append_target(out, share, parts[1]);
        buffer_append_byte(out, ' ');
        buffer_append_slice(out, rest);
    } else {
        share_append_token(out, share, SHARE_VALUE, line);
    }
}

bool share_append_head(struct buffer *out, struct share *share, struct slice head)
{
    share->failed = false;
    for (bool is_first = true; head.length > 0; is_first = false) {
        size_t end = slice_find(head, '\n');
        struct slice line = slice_first(head, end), line_end = slice_first(slice_from(head, end), 1);
        bool has_return = line.length > 0 && line.data[line.length - 1] == '\r';
        line.length -= has_return;
        if (is_first)
            append_first_line(out, share, line);
        else
            append_field(out, share, line);
        buffer_append_text(out, has_return ? "\r" : "");
        buffer_append_slice(out, line_end);
        head = slice_from(head, end + 1);
    }
    return !out->failed && !share->failed;
}
