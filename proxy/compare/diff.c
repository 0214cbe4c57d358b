/* Two exchanges, or two messages, compared: which views, in which order. Owns nothing but the diff in the making; one
 * thread. */
#include "diff_private.h"

#include <stdlib.h>

static bool is_request(enum record_view view)
{
    return view == RECORD_CLIENT_REQUEST || view == RECORD_UPSTREAM_REQUEST;
}

static bool has_message(const struct diff_side *side, enum record_view view)
{
    const struct record_message *message = &side->record->views[view];
    return message->head.length > 0 || message->body.length > 0;
}

/* The view that both have: what passed between this proxy and the exchange before what passed between it and the client.
 * Where there is none each gets what it has, or RECORD_VIEW_COUNT. */
static void choose_views(enum record_view views[2], const struct diff_side sides[2], enum record_view upstream,
                         enum record_view client)
{
    const enum record_view order[] = { upstream, client };
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
        if (has_message(&sides[0], order[i]) && has_message(&sides[1], order[i])) {
            views[0] = views[1] = order[i];
            return;
        }
    }
    for (size_t side = 0; side < 2; side++)
        views[side] = has_message(&sides[side], upstream) ? upstream
                      : has_message(&sides[side], client) ? client
                                                          : RECORD_VIEW_COUNT;
}

static void choose(struct diff *diff)
{
    const struct diff_side *sides = diff->sides;
    for (size_t side = 0; side < 2; side++)
        diff->requests[side] = diff->answers[side] = RECORD_VIEW_COUNT;
    if (!sides[0].has_view) {
        choose_views(diff->requests, sides, RECORD_UPSTREAM_REQUEST, RECORD_CLIENT_REQUEST);
        choose_views(diff->answers, sides, RECORD_UPSTREAM_RESPONSE, RECORD_CLIENT_RESPONSE);
        return;
    }
    for (size_t side = 0; side < 2; side++)
        (is_request(sides[side].view) ? diff->requests : diff->answers)[side] = sides[side].view;
}

/* An example that was made elsewhere (a curl command) often has no answer: then there is none to compare. */
static bool lacks_answer(const struct diff_side *side)
{
    return side->record->id <= 0 && !has_message(side, RECORD_UPSTREAM_RESPONSE) &&
           !has_message(side, RECORD_CLIENT_RESPONSE);
}

static void compare_outcomes(struct diff_run *run)
{
    const bool lacks[2] = { lacks_answer(&run->diff->sides[0]), lacks_answer(&run->diff->sides[1]) };
    if (!lacks[0] && !lacks[1])
        diff_compare_outcomes(run);
    else if (lacks[0] != lacks[1])
        diff_tell_outcome(run, lacks[0] ? 1 : 0);
}

static void add_one_sided(struct diff_run *run, enum diff_section section, const struct diff_message messages[2])
{
    bool is_first = diff_message_is_there(&messages[0]);
    bool is_example = section == DIFF_ANSWER && lacks_answer(&run->diff->sides[is_first ? 1 : 0]);
    diff_add(run, &(struct diff_finding){
                      .section = section,
                      .part = DIFF_PART_MESSAGE,
                      .change = is_first ? DIFF_MISSING : DIFF_ADDED,
                      .weight = is_example ? DIFF_INFO : DIFF_REAL,
                      .note = is_example ? "an example without an answer" : NULL,
                      .subject = section == DIFF_REQUEST ? SLICE_LITERAL("request") : SLICE_LITERAL("answer"),
                  });
}

/* Reads and compares the messages of one kind; `signed_too` for requests. */
static void compare_messages(struct diff_run *run, enum diff_section section, const enum record_view views[2])
{
    struct diff_message *messages = calloc(2, sizeof(*messages));
    if (messages == NULL) {
        run->failed = true;
        return;
    }
    for (size_t side = 0; side < 2; side++)
        diff_message_read(&messages[side], run->diff->sides[side].record, views[side]);
    if (diff_message_is_there(&messages[0]) && diff_message_is_there(&messages[1])) {
        diff_compare_heads(run, section, messages);
        diff_compare_bodies(run, section, messages);
        if (section == DIFF_REQUEST)
            diff_compare_signed(run, messages);
    } else if (diff_message_is_there(&messages[0]) || diff_message_is_there(&messages[1])) {
        add_one_sided(run, section, messages);
    }
    free(messages);
}

static void compare(struct diff_run *run)
{
    const struct diff *diff = run->diff;
    bool is_whole = !diff->sides[0].has_view;
    if (is_whole || is_request(diff->sides[0].view))
        compare_messages(run, DIFF_REQUEST, diff->requests);
    if (is_whole)
        compare_outcomes(run);
    if (is_whole || !is_request(diff->sides[0].view))
        compare_messages(run, DIFF_ANSWER, diff->answers);
    if (is_whole) {
        diff_compare_network(run);
        diff_list_durations(run);
    }
}

static bool check_sides(const struct diff_side sides[2], struct error *error)
{
    if (sides[0].has_view != sides[1].has_view)
        return error_set(error, ERROR_USAGE, "one view can be compared with another view, not with a whole exchange");
    if (sides[0].has_view && is_request(sides[0].view) != is_request(sides[1].view))
        return error_set(error, ERROR_USAGE,
                         "a request and an answer have nothing to compare: choose two requests or two answers, not %s "
                         "and %s",
                         record_view_name(sides[0].view), record_view_name(sides[1].view));
    return true;
}

bool diff_create(struct diff **diff, const struct diff_side sides[2], struct error *error)
{
    *diff = NULL;
    if (!check_sides(sides, error))
        return false;
    *diff = calloc(1, sizeof(**diff));
    struct diff_run run = { .diff = *diff };
    if (run.diff != NULL) {
        run.diff->sides[0] = sides[0];
        run.diff->sides[1] = sides[1];
        choose(run.diff);
        compare(&run);
    }
    if (run.diff != NULL && !run.failed)
        return true;
    diff_free(*diff);
    *diff = NULL;
    return error_set(error, ERROR_MEMORY, "out of memory while comparing two exchanges");
}
