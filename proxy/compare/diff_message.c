/* First lines, parameters of the query, and header fields. Owns nothing; one thread. */
#include "diff_private.h"

#include "countersign/hex.h"

#include <stdlib.h>
#include <string.h>

bool diff_message_is_there(const struct diff_message *message)
{
    return message->bytes != NULL && (message->bytes->head.length > 0 || message->bytes->body.length > 0);
}

/* The first line's three parts; the last one takes the rest (a reason phrase has blanks). */
static void split_line(struct slice parts[3], struct slice head)
{
    struct slice line = slice_first(head, slice_find(head, '\n'));
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    for (size_t i = 0; i < 2; i++) {
        size_t end = slice_find(line, ' ');
        parts[i] = slice_first(line, end);
        line = slice_from(line, end + 1);
    }
    parts[2] = line;
}

void diff_message_read(struct diff_message *message, const struct record *record, enum record_view view)
{
    struct slice method, target;
    int status;
    memset(message, 0, sizeof(*message));
    message->view = view;
    if (view >= RECORD_VIEW_COUNT)
        return;
    message->bytes = &record->views[view];
    message->fields.items = message->items;
    struct slice head = message->bytes->head;
    bool is_request = view == RECORD_CLIENT_REQUEST || view == RECORD_UPSTREAM_REQUEST;
    message->is_read = is_request ? http_parse_request_head(&method, &target, &message->fields, HTTP_FIELDS_MAX, head)
                                  : http_parse_response_head(&status, &message->fields, HTTP_FIELDS_MAX, head);
    if (message->is_read)
        split_line(message->line, head);
}

/* Two lists of named values. */
struct lists {
    struct diff_run *run;
    enum diff_section section;
    enum diff_part part;
    const struct diff_message *messages;
    struct http_fields items[2];
};

static bool is_request(const struct lists *lists)
{
    return lists->section == DIFF_REQUEST;
}

static bool crosses_views(const struct lists *lists)
{
    return lists->messages[0].view != lists->messages[1].view;
}

/* Whether the length that a message says, or that it says none, is what its body makes it say. An imported request often
 * leaves it to its sender. */
static bool length_fits(const struct lists *lists, size_t side)
{
    const struct diff_message *message = &lists->messages[side];
    const struct http_field *field = http_field_find(message->fields, "Content-Length");
    uint64_t length;
    if (field == NULL)
        return message->bytes->body.length == 0 || lists->run->diff->sides[side].record->id <= 0;
    return slice_to_u64(field->value, &length) && length == message->bytes->body.length;
}

/* Then two Content-Lengths differ because the bodies do. */
static bool length_follows(const struct lists *lists, const struct diff_finding *finding)
{
    const struct slice *const bodies[2] = { &lists->messages[0].bytes->body, &lists->messages[1].bytes->body };
    if (lists->part != DIFF_PART_FIELD || !slice_equal_text_caseless(finding->subject, "Content-Length"))
        return false;
    bool is_imported = lists->run->diff->sides[0].record->id <= 0 || lists->run->diff->sides[1].record->id <= 0;
    return (!slice_equal(*bodies[0], *bodies[1]) || is_imported) && length_fits(lists, 0) && length_fits(lists, 1);
}

static const char *reason_of_field(const struct lists *lists, struct slice name, enum diff_change change)
{
    const char *reason = NULL;
    for (size_t side = 0; crosses_views(lists) && reason == NULL && side < 2; side++)
        reason = diff_expected_between_views(lists->items[side], name, is_request(lists));
    /* A request that lacks its signature is another request; an answer's cookie comes and goes. */
    if (reason == NULL && (change == DIFF_VALUE || !is_request(lists)))
        reason = diff_expected_field(name, is_request(lists));
    return reason;
}

/* Sets the weight of a missing, added or other value. */
static void weigh(struct diff_finding *finding, const struct lists *lists)
{
    if (lists->part == DIFF_PART_PARAMETER)
        finding->note = finding->change == DIFF_VALUE ? diff_expected_parameter(finding->subject) : NULL;
    else
        finding->note = reason_of_field(lists, finding->subject, finding->change);
    finding->weight = finding->note != NULL ? DIFF_EXPECTED : DIFF_REAL;
    const char *other_form = finding->note != NULL && finding->has[0] && finding->has[1] && !crosses_views(lists)
                                 ? diff_other_form(finding->subject, finding->values[0], finding->values[1])
                                 : NULL;
    if (other_form != NULL) {
        finding->note = other_form;
        finding->weight = DIFF_REAL;
    }
    if (finding->note == NULL && length_follows(lists, finding)) {
        finding->note = "follows from the bodies";
        finding->weight = DIFF_EXPECTED;
    }
}

static void add_one_sided(const struct lists *lists, size_t side, size_t i)
{
    const struct http_field *item = &lists->items[side].items[i];
    struct diff_finding finding = { .section = lists->section,
                                    .part = lists->part,
                                    .change = side == 0 ? DIFF_MISSING : DIFF_ADDED,
                                    .subject = item->name };
    finding.has[side] = true;
    finding.values[side] = item->value;
    weigh(&finding, lists);
    diff_add(lists->run, &finding);
}

/* Takes one byte, or a %XX resolved, off a parameter (RFC 3986 §2.1). */
static unsigned take_decoded(struct slice *rest)
{
    unsigned char byte = (unsigned char)rest->data[0];
    bool is_encoded = byte == '%' && rest->length > 2 && hex_decode(&byte, rest->data + 1, 1);
    *rest = slice_from(*rest, is_encoded ? 3 : 1);
    return byte;
}

static bool equal_decoded(struct slice a, struct slice b)
{
    while (a.length > 0 && b.length > 0)
        if (take_decoded(&a) != take_decoded(&b))
            return false;
    return a.length == 0 && b.length == 0;
}

static void compare_values(const struct lists *lists, const struct http_field *const pair[2])
{
    if (slice_equal(pair[0]->value, pair[1]->value))
        return;
    struct diff_finding finding = { .section = lists->section,
                                    .part = lists->part,
                                    .change = DIFF_VALUE,
                                    .subject = pair[0]->name,
                                    .has = { true, true },
                                    .values = { pair[0]->value, pair[1]->value } };
    weigh(&finding, lists);
    if (lists->part == DIFF_PART_PARAMETER && finding.weight == DIFF_REAL &&
        equal_decoded(pair[0]->value, pair[1]->value)) {
        finding.weight = DIFF_COSMETIC;
        finding.note = "the same once %-encoding is resolved";
    }
    diff_add(lists->run, &finding);
}

static void add_cosmetic(const struct lists *lists, enum diff_change change, const struct http_field *const pair[2],
                         const uint32_t places[2])
{
    bool is_ours = crosses_views(lists) && lists->part == DIFF_PART_FIELD;
    const char *reason = is_ours ? reason_of_field(lists, pair[0]->name, change) : NULL;
    diff_add(lists->run, &(struct diff_finding){ .section = lists->section,
                                                 .part = lists->part,
                                                 .change = change,
                                                 .weight = reason != NULL ? DIFF_EXPECTED : DIFF_COSMETIC,
                                                 .subject = pair[0]->name,
                                                 .has = { true, true },
                                                 .values = { pair[0]->name, pair[1]->name },
                                                 .numbers = { places[0], places[1] },
                                                 .note = reason });
}

/* The middle one of three that were turned round stands where it stood. */
static void add_moved(const struct lists *lists, const struct diff_matching *matching, size_t i,
                      const struct http_field *const pair[2])
{
    const uint32_t places[2] = { matching->places[0][i], matching->places[1][matching->partners[0][i]] };
    if (places[0] != places[1])
        add_cosmetic(lists, DIFF_MOVED, pair, places);
}

static void compare_matched(const struct lists *lists, const struct diff_matching *matching, const bool *is_moved)
{
    for (size_t i = 0; i < matching->counts[0]; i++) {
        uint32_t partner = matching->partners[0][i];
        if (partner == DIFF_NO_PARTNER) {
            add_one_sided(lists, 0, i);
            continue;
        }
        const struct http_field *const pair[2] = { &lists->items[0].items[i], &lists->items[1].items[partner] };
        compare_values(lists, pair);
        if (!slice_equal(pair[0]->name, pair[1]->name))
            add_cosmetic(lists, DIFF_CASE, pair, (const uint32_t[2]){ 0, 0 });
        if (is_moved[i])
            add_moved(lists, matching, i, pair);
    }
    for (size_t i = 0; i < matching->counts[1]; i++)
        if (matching->partners[1][i] == DIFF_NO_PARTNER)
            add_one_sided(lists, 1, i);
}

static struct slice *names_of(struct http_fields items)
{
    struct slice *names = calloc(items.count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < items.count; i++)
        names[i] = items.items[i].name;
    return names;
}

static void compare_lists(const struct lists *lists)
{
    const size_t counts[2] = { lists->items[0].count, lists->items[1].count };
    struct slice *names[2] = { names_of(lists->items[0]), names_of(lists->items[1]) };
    bool *is_moved = calloc(counts[0] + 1, sizeof(*is_moved));
    struct diff_matching matching = { .partners = { NULL, NULL } };
    bool done = names[0] != NULL && names[1] != NULL && is_moved != NULL &&
                diff_match(&matching, (const struct slice *[2]){ names[0], names[1] }, counts,
                           lists->part == DIFF_PART_FIELD) &&
                diff_find_moved(is_moved, &matching);
    if (done)
        compare_matched(lists, &matching, is_moved);
    else
        lists->run->failed = true;
    diff_matching_free(&matching);
    free(is_moved);
    free(names[0]);
    free(names[1]);
}

static size_t count_parameters(struct slice query)
{
    size_t count = query.length > 0;
    for (size_t i = 0; i < query.length; i++)
        count += query.data[i] == '&';
    return count;
}

/* Names and values as sent. */
static void split_query(struct http_fields *parameters, struct slice query)
{
    struct slice part;
    parameters->count = 0;
    if (query.length == 0)
        return;
    while (slice_next_part(&query, '&', &part)) {
        size_t equals = slice_find(part, '=');
        parameters->items[parameters->count++] =
            (struct http_field){ .name = slice_first(part, equals), .value = slice_from(part, equals + 1) };
    }
}

static void compare_queries(struct lists lists, const struct slice queries[2])
{
    const size_t counts[2] = { count_parameters(queries[0]), count_parameters(queries[1]) };
    if (counts[0] > DIFF_PARAMETERS_MAX || counts[1] > DIFF_PARAMETERS_MAX) {
        diff_add_limit(lists.run, lists.section, DIFF_PART_LINE,
                       "a query of more than 10000 parameters: compared as a whole");
        return;
    }
    lists.part = DIFF_PART_PARAMETER;
    for (size_t side = 0; side < 2; side++) {
        lists.items[side].items = calloc(counts[side] + 1, sizeof(struct http_field));
        if (lists.items[side].items == NULL)
            lists.run->failed = true;
        else
            split_query(&lists.items[side], queries[side]);
    }
    if (!lists.run->failed)
        compare_lists(&lists);
    free(lists.items[0].items);
    free(lists.items[1].items);
}

static void compare_line_part(const struct lists *lists, const char *subject, const struct slice values[2],
                              enum diff_weight weight, const char *note)
{
    if (slice_equal(values[0], values[1]))
        return;
    diff_add(lists->run, &(struct diff_finding){ .section = lists->section,
                                                 .part = DIFF_PART_LINE,
                                                 .change = DIFF_VALUE,
                                                 .weight = weight,
                                                 .subject = slice_text(subject),
                                                 .has = { true, true },
                                                 .values = { values[0], values[1] },
                                                 .note = note });
}

static size_t count_findings(const struct diff_run *run)
{
    size_t sum = 0;
    for (size_t weight = 0; weight < DIFF_WEIGHT_COUNT; weight++)
        sum += run->diff->counts[DIFF_REQUEST][weight];
    return sum;
}

static void compare_targets(const struct lists *lists, const struct slice targets[2])
{
    if (slice_equal(targets[0], targets[1]))
        return;
    size_t before = count_findings(lists->run);
    compare_line_part(lists, "path",
                      (const struct slice[2]){ http_target_path(targets[0]), http_target_path(targets[1]) }, DIFF_REAL,
                      NULL);
    const struct slice queries[2] = { http_target_query(targets[0]), http_target_query(targets[1]) };
    bool are_limited = lists->run->diff->is_limited;
    if (!slice_equal(queries[0], queries[1]))
        compare_queries(*lists, queries);
    if (count_findings(lists->run) == before) /* a lone `?`, `a` against `a=` */
        compare_line_part(lists, "target", targets, DIFF_COSMETIC, "the same parameters, written otherwise");
    else if (lists->run->diff->is_limited && !are_limited)
        compare_line_part(lists, "query", queries, DIFF_REAL, NULL);
}

static void compare_lines(const struct lists *lists)
{
    const struct slice *a = lists->messages[0].line, *b = lists->messages[1].line;
    bool crosses = crosses_views(lists);
    enum diff_weight weight = crosses ? DIFF_EXPECTED : DIFF_COSMETIC;
    const char *note = crosses ? "each connection has its own" : NULL;
    if (is_request(lists)) {
        compare_line_part(lists, "method", (const struct slice[2]){ a[0], b[0] }, DIFF_REAL, NULL);
        compare_targets(lists, (const struct slice[2]){ a[1], b[1] });
        compare_line_part(lists, "version", (const struct slice[2]){ a[2], b[2] }, weight, note);
        return;
    }
    compare_line_part(lists, "status", (const struct slice[2]){ a[1], b[1] }, DIFF_REAL, NULL);
    compare_line_part(lists, "version", (const struct slice[2]){ a[0], b[0] }, weight, note);
    compare_line_part(lists, "reason", (const struct slice[2]){ a[2], b[2] }, weight, note);
}

/* A head that is none is compared by its bytes. */
static void compare_unread(struct diff_run *run, enum diff_section section, const struct diff_message messages[2])
{
    struct slice a = messages[0].bytes->head, b = messages[1].bytes->head;
    if (slice_equal(a, b))
        return;
    diff_add_limit(run, section, DIFF_PART_LINE, "a head that cannot be read as one: compared by its bytes");
    diff_add(run, &(struct diff_finding){ .section = section,
                                          .part = DIFF_PART_LINE,
                                          .change = DIFF_BYTES,
                                          .subject = SLICE_LITERAL("head"),
                                          .has = { a.length > 0, b.length > 0 },
                                          .values = { a, b },
                                          .numbers = { (int64_t)a.length, (int64_t)b.length },
                                          .offset = diff_first_difference(a, b) });
}

void diff_compare_heads(struct diff_run *run, enum diff_section section, const struct diff_message messages[2])
{
    struct lists lists = { .run = run,
                           .section = section,
                           .part = DIFF_PART_FIELD,
                           .messages = messages,
                           .items = { messages[0].fields, messages[1].fields } };
    if (!messages[0].is_read || !messages[1].is_read) {
        compare_unread(run, section, messages);
        return;
    }
    compare_lines(&lists);
    compare_lists(&lists);
}
