/* Findings named in a sentence: what matters most first, each name once. Owns nothing; any thread. */
#include "diff_private.h"

enum { NAME_MAX_BYTES = 60 };

/* Most clients say these their own way, and the exchange answers all the same. */
static enum diff_rank rank_of_field(struct slice name)
{
    static const struct {
        const char *field;
        enum diff_rank rank;
    } ranks[] = {
        { "X-CS-SIGN", DIFF_RANK_SIGNATURE },    { "Content-Type", DIFF_RANK_CONTENT_TYPE },
        { "Content-Length", DIFF_RANK_LENGTH },  { "Host", DIFF_RANK_SELDOM },
        { "User-Agent", DIFF_RANK_SELDOM },      { "Accept", DIFF_RANK_SELDOM },
        { "Accept-Encoding", DIFF_RANK_SELDOM }, { "Accept-Language", DIFF_RANK_SELDOM },
        { "Connection", DIFF_RANK_SELDOM },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(ranks); i++)
        if (slice_equal_text_caseless(name, ranks[i].field))
            return ranks[i].rank;
    return DIFF_RANK_OTHER;
}

static enum diff_rank rank_of(const struct diff_finding *finding)
{
    static const enum diff_rank ranks[DIFF_PART_COUNT] = {
        [DIFF_PART_MESSAGE] = DIFF_RANK_LINE,     [DIFF_PART_LINE] = DIFF_RANK_LINE,
        [DIFF_PART_PARAMETER] = DIFF_RANK_SIGNED, [DIFF_PART_JSON] = DIFF_RANK_SIGNED,
        [DIFF_PART_BODY] = DIFF_RANK_SIGNED,      [DIFF_PART_PAYLOAD] = DIFF_RANK_SIGNED,
        [DIFF_PART_OUTCOME] = DIFF_RANK_SIGNED,   [DIFF_PART_FACT] = DIFF_RANK_OTHER,
        [DIFF_PART_DURATION] = DIFF_RANK_OTHER,
    };
    /* A request that is not signed at all is told so, but behind the values: an example seldom is. */
    bool is_one_sided = finding->change == DIFF_MISSING || finding->change == DIFF_ADDED;
    if (is_one_sided && slice_equal_text_caseless(finding->subject, "X-CS-SIGN"))
        return DIFF_RANK_OTHER;
    bool is_request_field = finding->part == DIFF_PART_FIELD && finding->section == DIFF_REQUEST;
    /* A signature that must differ says nothing: it stands where it stood. */
    if (is_request_field && (finding->weight == DIFF_REAL || rank_of_field(finding->subject) == DIFF_RANK_SELDOM))
        return rank_of_field(finding->subject);
    return finding->part == DIFF_PART_FIELD ? DIFF_RANK_OTHER : ranks[finding->part];
}

/* What a name says of how it differs; NULL: nothing. What must differ is told by its name alone. */
static const char *words_before(const struct diff_finding *finding)
{
    static const char *const words[DIFF_CHANGE_COUNT] = {
        [DIFF_MOVED] = "the place of ", [DIFF_KEY_ORDER] = "the order of members in ", [DIFF_CASE] = "the case of "
    };
    return finding->weight == DIFF_EXPECTED ? NULL : words[finding->change];
}

static bool same_name(const struct diff_finding *a, const struct diff_finding *b)
{
    if (a->part != b->part || words_before(a) != words_before(b))
        return false;
    return a->part == DIFF_PART_FIELD ? slice_equal_caseless(a->subject, b->subject)
                                      : slice_equal(a->subject, b->subject);
}

static void add_name(struct diff_names *names, const struct diff_finding *finding)
{
    for (size_t i = 0; i < names->count; i++)
        if (same_name(names->items[i], finding))
            return;
    if (names->count < ARRAY_LENGTH(names->items))
        names->items[names->count++] = finding;
}

void diff_names_list(struct diff_names *names, const struct diff *diff, unsigned sections, enum diff_weight weight,
                     unsigned ranks)
{
    names->count = 0;
    for (unsigned rank = 0; rank < DIFF_RANK_COUNT; rank++) {
        for (size_t i = 0; (ranks & 1u << rank) != 0 && i < diff->count; i++) {
            const struct diff_finding *finding = &diff->findings[i];
            if ((sections & 1u << finding->section) != 0 && finding->weight == weight && rank_of(finding) == rank)
                add_name(names, finding);
        }
    }
}

size_t diff_count_unlisted(const struct diff *diff, unsigned sections, enum diff_weight weight)
{
    size_t all = 0, listed = 0;
    for (size_t section = 0; section < DIFF_SECTION_COUNT; section++)
        all += (sections & 1u << section) != 0 ? diff->counts[section][weight] : 0;
    for (size_t i = 0; i < diff->count; i++)
        listed += (sections & 1u << diff->findings[i].section) != 0 && diff->findings[i].weight == weight;
    return all - listed;
}

void diff_append_cut(struct buffer *out, struct slice text, size_t maximum)
{
    buffer_append_slice(out, slice_first(text, maximum));
    buffer_append_text(out, text.length > maximum ? "..." : "");
}

static void append_name(struct buffer *out, const struct diff_finding *finding)
{
    static const char *const of_parts[DIFF_PART_COUNT] = {
        [DIFF_PART_LINE] = "the ", [DIFF_PART_BODY] = "the ", [DIFF_PART_PARAMETER] = "?", [DIFF_PART_OUTCOME] = "the "
    };
    const char *of_change = words_before(finding), *of_part = of_parts[finding->part];
    buffer_append_text(out, of_change != NULL ? of_change : "");
    buffer_append_text(out, of_part != NULL ? of_part : "");
    diff_append_cut(out, finding->subject, NAME_MAX_BYTES);
}

void diff_names_append(struct buffer *out, const struct diff_names *names, size_t unlisted, size_t maximum)
{
    size_t named = names->count < maximum ? names->count : maximum;
    for (size_t i = 0; i < named; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        append_name(out, names->items[i]);
    }
    if (names->count + unlisted > named)
        buffer_append_format(out, " and %zu more", names->count + unlisted - named);
}

void diff_append_names(struct buffer *out, const struct diff *diff, enum diff_section section, enum diff_weight weight,
                       size_t maximum)
{
    struct diff_names names;
    diff_names_list(&names, diff, 1u << section, weight, DIFF_RANKS_ALL);
    diff_names_append(out, &names, diff_count_unlisted(diff, 1u << section, weight), maximum);
}
