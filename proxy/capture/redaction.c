/* The redaction table and the copy of a message head that follows it. Pure; any thread.
 *
 * The copy never parses more strictly than a lenient reader would: what such a reader might take for a masked field is
 * masked. So a line ends at CR or LF alike, blanks and control bytes around a name do not count, and a folded line
 * (obs-fold, RFC 9112 §5.2) shares its field's treatment. */
#include "countersign/redaction.h"

#include "redaction_copy.h"

#include "countersign/compiler.h"

#include <string.h>

/* Four heads an exchange are searched: with its length at hand, a rule is told from most names at once. */
#define RULE(name, ...)                                                                                                \
    {                                                                                                                  \
        { name, __VA_ARGS__ }, sizeof(name) - 1                                                                        \
    }

static const struct rule_row {
    struct redaction_rule rule;
    size_t length; /* of its name */
} rows[] = {
    RULE("X-CS-APIKEY", false, REDACTION_MASK_KEY, "only the signer sets it; enough stays to tell keys apart"),
    RULE("X-CS-SIGN", false, REDACTION_KEEP, "only the signer sets it; a signature is good for its window alone"),
    RULE("X-CS-EXPIRES", false, REDACTION_KEEP, "only the signer sets it; a time"),
    RULE("X-CS-*", false, REDACTION_MASK_ALL, "the exchange's own fields: what a client puts there may be its secret"),
    RULE("Authorization", true, REDACTION_MASK_ALL, "credentials"),
    RULE("Proxy-Authorization", false, REDACTION_MASK_ALL, "credentials for this hop (RFC 9110 §11.7.2)"),
    RULE("Cookie", true, REDACTION_MASK_ALL, "a login's session"),
    RULE("Set-Cookie", true, REDACTION_MASK_ALL, "a login's session"),
    RULE("X-API-KEY", true, REDACTION_MASK_ALL, "credentials, of other services"),
    RULE("Api-Key", true, REDACTION_MASK_ALL, "credentials, of other services"),
    RULE("X-Auth-*", true, REDACTION_MASK_ALL, "credentials, of other services"),
    RULE("Countersign-Token", false, REDACTION_MASK_ALL, "this proxy's own credential"),
    RULE("*", true, REDACTION_KEEP, "nothing secret is expected"),
};

static const struct rule_row *const last_row = &rows[ARRAY_LENGTH(rows) - 1];

enum { CASE_BIT = 0x20, KEY_SHOWN = 4, KEY_SHOWN_FROM = 12 /* shorter keys would show too much of themselves */ };

static bool row_matches(const struct rule_row *row, struct slice name)
{
    struct slice pattern = slice_of(row->rule.name, row->length);
    if (pattern.data[pattern.length - 1] != '*')
        return slice_equal_caseless(name, pattern);
    pattern.length--;
    return slice_equal_caseless(slice_first(name, pattern.length), pattern);
}

/* From `row` on, the first whose name begins with this letter, in any case; the last where none does. */
static const struct rule_row *next_row_of(const struct rule_row *row, char letter)
{
    while ((row->rule.name[0] | CASE_BIT) != (letter | CASE_BIT) && row != last_row)
        row++;
    return row;
}

/* Most names fit no rule's first letter. */
const struct redaction_rule *redaction_rule_find(struct slice name)
{
    const struct rule_row *row = name.length == 0 ? last_row : next_row_of(rows, name.data[0]);
    while (!row_matches(row, name)) /* ends at the last row, which matches everything */
        row = next_row_of(row + 1, name.data[0]);
    return &row->rule;
}

/* Space, tab and every other control byte: none of them belongs in a name or at a value's ends. */
static bool is_outside(char byte)
{
    return (unsigned char)byte <= ' ' || byte == 127;
}

static struct slice trim(struct slice s)
{
    while (s.length > 0 && is_outside(s.data[0]))
        s = slice_from(s, 1);
    while (s.length > 0 && is_outside(s.data[s.length - 1]))
        s.length--;
    return s;
}

/* `part` is a slice of `line`; the same bytes in `copy` are masked. */
static void mask(char *copy, struct slice line, struct slice part, enum redaction_record record)
{
    size_t shown = record == REDACTION_MASK_KEY && part.length >= KEY_SHOWN_FROM ? KEY_SHOWN : 0;
    if (record != REDACTION_KEEP && part.length > 0)
        memset(copy + (part.data - line.data) + shown, '*', part.length - 2 * shown);
}

/* Whether a rule may be about the line, by its first byte: it begins a rule's name, or belongs to no name. */
static bool may_be_masked(struct slice line)
{
    return is_outside(line.data[0]) || next_row_of(rows, line.data[0]) != last_row;
}

/* How the line's value is treated; `value` gets its place where it is masked. */
static enum redaction_record line_treatment(struct slice line, enum redaction_record previous, struct slice *value)
{
    bool is_folded = line.data[0] == ' ' || line.data[0] == '\t';
    *value = trim(line);
    if (is_folded && previous != REDACTION_KEEP)
        return REDACTION_MASK_ALL; /* a key's ends are shown from its first line only */
    size_t colon = slice_find(line, ':');
    if (colon == line.length)
        return REDACTION_KEEP;
    *value = trim(slice_from(line, colon + 1));
    return redaction_rule_find(trim(slice_first(line, colon)))->record;
}

void redaction_copy_head(char *out, struct slice head)
{
    enum redaction_record treatment = REDACTION_KEEP;
    size_t at = 0, line_feed = 0; /* the next one, looked for once: so a head of CRs alone takes no longer */
    if (head.length > 0)
        memcpy(out, head.data, head.length);
    while (at < head.length) {
        if (line_feed < at || at == 0)
            line_feed = at + slice_find(slice_from(head, at), '\n');
        struct slice line = slice_of(head.data + at, line_feed - at);
        struct slice value;
        line.length = slice_find(line, '\r');
        if (line.length > 0 && may_be_masked(line)) {
            treatment = line_treatment(line, treatment, &value);
            mask(out + at, line, value, treatment);
        } else if (line.length > 0) {
            treatment = REDACTION_KEEP;
        }
        at += line.length + 1;
    }
}

bool redaction_append_head(struct buffer *out, struct slice head)
{
    char *copy = buffer_reserve(out, head.length);
    if (copy == NULL)
        return false;
    redaction_copy_head(copy, head);
    buffer_commit(out, head.length);
    return true;
}

/* The room is made first, so that no append moves what stands there. */
bool redaction_mask_record(struct record *record, struct buffer *heads)
{
    size_t total = 0;
    buffer_reset(heads);
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++)
        total += record->views[i].head.length;
    if (total == 0)
        return true;
    char *at = buffer_reserve(heads, total);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) {
        struct slice *head = &record->views[i].head;
        redaction_copy_head(at, *head);
        *head = slice_of(at, head->length);
        at += head->length;
    }
    buffer_commit(heads, total);
    return true;
}
