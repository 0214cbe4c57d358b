/* The verdict: what differs, in one sentence, by what it is called. Owns nothing; any thread. */
#include "diff_private.h"

#include "countersign/redaction.h"

enum {
    NAMED_MAX = 4,       /* things named in one clause */
    NAME_MAX_BYTES = 60, /* of an outcome or address */
    VALUE_MAX_BYTES = 80,
    MESSAGE_MAX_BYTES = 200
};

struct sentence {
    struct buffer *out;
    const struct diff *diff;
    size_t clauses;
};

/* Clauses are joined by semicolons; the first one's first letter is a capital. */
static void begin_clause(struct sentence *sentence, const char *capital, const char *text)
{
    buffer_append_text(sentence->out, sentence->clauses++ > 0 ? "; " : "");
    buffer_append_text(sentence->out, sentence->clauses == 1 ? capital : text);
}

/* Names the findings of these sections and weight. */
static void append_names(struct sentence *sentence, unsigned sections, enum diff_weight weight)
{
    struct diff_names names;
    diff_names_list(&names, sentence->diff, sections, weight, DIFF_RANKS_ALL);
    diff_names_append(sentence->out, &names, diff_count_unlisted(sentence->diff, sections, weight), NAMED_MAX);
}

static const struct diff_finding *find(const struct diff *diff, enum diff_section section, enum diff_part part,
                                       const char *subject)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_finding *finding = &diff->findings[i];
        if (finding->section == section && finding->part == part &&
            (subject == NULL || slice_equal_text(finding->subject, subject)))
            return finding;
    }
    return NULL;
}

static size_t count_of(const struct sentence *sentence, enum diff_section section, enum diff_weight weight)
{
    return sentence->diff->counts[section][weight];
}

/* Whether bodies that differ are among what is named: then lengths that do are a consequence. */
static bool has_body(const struct diff_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i]->part == DIFF_PART_JSON || names->items[i]->part == DIFF_PART_BODY)
            return true;
    return false;
}

static void append_seldom(struct sentence *sentence, const struct diff_names *seldom, bool is_all)
{
    buffer_append_text(sentence->out, is_all ? "differ only in " : ", and in ");
    if (seldom->count > 1)
        buffer_append_format(sentence->out, "%zu fields that seldom matter: ", seldom->count);
    else
        buffer_append_text(sentence->out, "a field that seldom matters: ");
    diff_names_append(sentence->out, seldom, 0, NAMED_MAX);
}

/* What matters is counted and named; what seldom does stands behind it. */
static void append_differences(struct sentence *sentence, enum diff_section section)
{
    const unsigned of_section = 1u << section, consequences = 1u << DIFF_RANK_LENGTH | 1u << DIFF_RANK_SELDOM;
    size_t unlisted = diff_count_unlisted(sentence->diff, of_section, DIFF_REAL);
    struct diff_names names, seldom;
    diff_names_list(&names, sentence->diff, of_section, DIFF_REAL, DIFF_RANKS_ALL & ~consequences);
    if (!has_body(&names))
        diff_names_list(&names, sentence->diff, of_section, DIFF_REAL, DIFF_RANKS_ALL & ~(1u << DIFF_RANK_SELDOM));
    diff_names_list(&seldom, sentence->diff, of_section, DIFF_REAL, 1u << DIFF_RANK_SELDOM);
    if (names.count + unlisted > 1)
        buffer_append_format(sentence->out, "differ in %zu things: ", names.count + unlisted);
    else if (names.count + unlisted > 0)
        buffer_append_text(sentence->out, "differ in ");
    diff_names_append(sentence->out, &names, unlisted, NAMED_MAX);
    if (seldom.count > 0)
        append_seldom(sentence, &seldom, names.count + unlisted == 0);
}

static bool tell_one_sided(struct sentence *sentence, enum diff_section section)
{
    const struct diff_finding *finding = find(sentence->diff, section, DIFF_PART_MESSAGE, NULL);
    if (finding == NULL || finding->weight != DIFF_REAL)
        return false;
    bool is_first = finding->change == DIFF_MISSING;
    begin_clause(sentence, "Only ", "only ");
    buffer_append_text(sentence->out, is_first ? "A" : "B");
    buffer_append_text(sentence->out, section == DIFF_REQUEST ? " has a request" : " has an answer");
    return true;
}

static void tell_request(struct sentence *sentence)
{
    size_t real = count_of(sentence, DIFF_REQUEST, DIFF_REAL);
    size_t cosmetic = count_of(sentence, DIFF_REQUEST, DIFF_COSMETIC);
    if (tell_one_sided(sentence, DIFF_REQUEST))
        return;
    if (real > 0) {
        begin_clause(sentence, "The requests ", "the requests ");
        append_differences(sentence, DIFF_REQUEST);
        if (cosmetic > 0)
            buffer_append_text(sentence->out, ", and in how they are written");
    } else if (cosmetic > 0) {
        begin_clause(sentence, "The requests say the same, ", "the requests say the same, ");
        buffer_append_text(sentence->out, "written otherwise: ");
        append_names(sentence, 1u << DIFF_REQUEST, DIFF_COSMETIC);
    } else if (!sentence->diff->sides[0].has_view || sentence->diff->requests[0] != RECORD_VIEW_COUNT) {
        begin_clause(sentence, "The requests are alike", "the requests are alike");
        if (count_of(sentence, DIFF_REQUEST, DIFF_EXPECTED) > 0) {
            buffer_append_text(sentence->out, " but for what must differ (");
            append_names(sentence, 1u << DIFF_REQUEST, DIFF_EXPECTED);
            buffer_append_byte(sentence->out, ')');
        }
    }
}

/* A clause in words that begin small. */
static void tell_words(struct sentence *sentence, const char *words)
{
    const char first[] = { (char)(words[0] - 'a' + 'A'), '\0' }, small[] = { words[0], '\0' };
    begin_clause(sentence, first, small);
    buffer_append_text(sentence->out, words + 1);
}

/* Signatures that do not fit their payloads: nothing else matters as long as they do not. */
static void tell_signed(struct sentence *sentence)
{
    const struct diff *diff = sentence->diff;
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_finding *finding = &diff->findings[i];
        if (finding->section != DIFF_SIGNED || finding->weight != DIFF_REAL)
            continue;
        if (finding->note != NULL)
            tell_words(sentence, finding->note);
    }
}

static void tell_accounts(struct sentence *sentence)
{
    if (find(sentence->diff, DIFF_SIGNED, DIFF_PART_PAYLOAD, "account") != NULL)
        begin_clause(sentence, "They are of two accounts", "they are of two accounts");
}

static void append_outcome(struct sentence *sentence, const struct record *record)
{
    buffer_append_text(sentence->out, record_outcome_name(record->outcome));
    if (record->api_code.length > 0) {
        buffer_append_byte(sentence->out, ' ');
        diff_append_cut(sentence->out, record->api_code, NAME_MAX_BYTES);
    } else if (record->error_name.length > 0) {
        buffer_append_byte(sentence->out, ' ');
        diff_append_cut(sentence->out, record->error_name, NAME_MAX_BYTES);
    }
    if (record->api_message.length > 0) {
        buffer_append_text(sentence->out, " (");
        diff_append_cut(sentence->out, record->api_message, VALUE_MAX_BYTES);
        buffer_append_byte(sentence->out, ')');
    }
}

static bool has_real_outcome(const struct diff *diff)
{
    const struct diff_finding *finding = find(diff, DIFF_ANSWER, DIFF_PART_OUTCOME, NULL);
    return finding != NULL && finding->weight == DIFF_REAL; /* these come before what is told alone */
}

/* The outcome says more than the paths of the envelope's members. */
static void tell_answer(struct sentence *sentence)
{
    const struct diff *diff = sentence->diff;
    if (count_of(sentence, DIFF_ANSWER, DIFF_REAL) == 0)
        return;
    if (has_real_outcome(diff)) {
        begin_clause(sentence, "The answers are ", "the answers are ");
        append_outcome(sentence, diff->sides[0].record);
        buffer_append_text(sentence->out, " against ");
        append_outcome(sentence, diff->sides[1].record);
    } else if (!tell_one_sided(sentence, DIFF_ANSWER)) {
        begin_clause(sentence, "The answers ", "the answers ");
        append_differences(sentence, DIFF_ANSWER);
    }
}

/* What became of the one side that has an end, where the other is an example; or NULL. */
static const struct diff_finding *find_outcome_alone(const struct diff *diff)
{
    const struct diff_finding *finding = find(diff, DIFF_ANSWER, DIFF_PART_OUTCOME, "outcome");
    return finding != NULL && finding->has[0] != finding->has[1] ? finding : NULL;
}

static void tell_outcome_alone(struct sentence *sentence)
{
    static const char *const words[RECORD_OUTCOME_COUNT] = {
        [RECORD_API_ERROR] = "'s answer is api_error",
        [RECORD_HTTP_ERROR] = "'s answer is http_error",
        [RECORD_REFUSED] = " was refused by the proxy",
        [RECORD_NOT_SENT] = " was not sent",
        [RECORD_DRY_RUN] = " was a dry run",
        [RECORD_UNKNOWN] = " was sent, and how it ended is unknown",
    };
    const struct diff_finding *finding = find_outcome_alone(sentence->diff);
    if (finding == NULL)
        return;
    const struct record *record = sentence->diff->sides[finding->has[0] ? 0 : 1].record;
    bool is_ours = record->error_name.length > 0;
    struct slice name = is_ours ? record->error_name : record->api_code;
    struct slice message = is_ours ? record->error_message : record->api_message;
    if (words[record->outcome] == NULL)
        return;
    begin_clause(sentence, finding->has[0] ? "A" : "B", finding->has[0] ? "A" : "B");
    buffer_append_text(sentence->out, words[record->outcome]);
    buffer_append_text(sentence->out, name.length == 0 ? "" : is_ours ? ": " : " ");
    diff_append_cut(sentence->out, name, NAME_MAX_BYTES);
    if (message.length > 0) {
        buffer_append_text(sentence->out, " (");
        diff_append_cut(sentence->out, message, MESSAGE_MAX_BYTES);
        buffer_append_byte(sentence->out, ')');
    }
}

static void tell_network(struct sentence *sentence)
{
    const struct diff_finding *finding = find(sentence->diff, DIFF_NETWORK, DIFF_PART_FACT, "IP family");
    const char *relation = "over ";
    if (finding == NULL) {
        finding = find(sentence->diff, DIFF_NETWORK, DIFF_PART_FACT, "local address");
        relation = "from ";
    }
    if (finding == NULL || finding->weight != DIFF_REAL)
        return;
    begin_clause(sentence, "They left ", "they left ");
    buffer_append_text(sentence->out, relation);
    diff_append_cut(sentence->out, finding->values[0], NAME_MAX_BYTES);
    buffer_append_text(sentence->out, " against ");
    diff_append_cut(sentence->out, finding->values[1], NAME_MAX_BYTES);
}

static size_t count_all(const struct diff *diff, enum diff_weight weight)
{
    size_t sum = 0;
    for (size_t section = 0; section < DIFF_SECTION_COUNT; section++)
        sum += diff->counts[section][weight];
    return sum;
}

static bool has_masked_field(struct slice head)
{
    struct slice rest = head, line;
    while (slice_next_part(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (colon < line.length &&
            redaction_rule_find(slice_trim_blanks(slice_first(line, colon)))->record != REDACTION_KEEP)
            return true;
    }
    return false;
}

/* How far the compared messages are the same: findings do not tell of blanks and line ends in heads, nor can they of what is
 * masked. */
static const char *how_alike(const struct diff *diff)
{
    const enum record_view *const pairs[2] = { diff->requests, diff->answers };
    bool is_masked = false;
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        if (pairs[i][0] == RECORD_VIEW_COUNT || pairs[i][1] == RECORD_VIEW_COUNT)
            continue;
        const struct record_message *a = &diff->sides[0].record->views[pairs[i][0]];
        const struct record_message *b = &diff->sides[1].record->views[pairs[i][1]];
        if (!slice_equal(a->head, b->head) || !slice_equal(a->body, b->body))
            return ", but for blanks and line ends in the heads";
        is_masked = is_masked || has_masked_field(a->head);
    }
    return is_masked ? ", byte for byte as far as the record shows: some values are masked" : ", byte for byte";
}

static void tell_alike(struct sentence *sentence)
{
    enum { ALL_SECTIONS = (1u << DIFF_SECTION_COUNT) - 1 };
    bool has_expected = count_all(sentence->diff, DIFF_EXPECTED) > 0;
    bool has_cosmetic = count_all(sentence->diff, DIFF_COSMETIC) > 0;
    begin_clause(sentence, find_outcome_alone(sentence->diff) == NULL ? "Alike" : "The requests are alike", "alike");
    if (has_expected) {
        buffer_append_text(sentence->out, " but for what must differ: ");
        append_names(sentence, ALL_SECTIONS, DIFF_EXPECTED);
    }
    if (has_cosmetic) {
        begin_clause(sentence, "", "the answers say the same, written otherwise: ");
        append_names(sentence, ALL_SECTIONS, DIFF_COSMETIC);
    }
    if (!has_expected && !has_cosmetic)
        buffer_append_text(sentence->out, how_alike(sentence->diff));
}

void diff_append_verdict(struct buffer *out, const struct diff *diff)
{
    struct sentence sentence = { .out = out, .diff = diff };
    if (diff_is_alike(diff)) {
        tell_alike(&sentence);
    } else {
        tell_signed(&sentence);
        tell_request(&sentence);
        tell_accounts(&sentence);
        tell_answer(&sentence);
        tell_network(&sentence);
    }
    tell_outcome_alone(&sentence);
    buffer_append_byte(out, '.');
}
