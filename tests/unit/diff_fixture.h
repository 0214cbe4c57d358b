/* Records made by hand, compared, and the findings looked at. For the unit tests of the diff. */
#ifndef COUNTERSIGN_TESTS_DIFF_FIXTURE_H
#define COUNTERSIGN_TESTS_DIFF_FIXTURE_H

#include "countersign/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORDER_HEAD "POST /api/trade/order/place HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n"
#define OK_HEAD    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

static inline struct record made_exchange(const char *request_head, struct slice request_body, const char *answer_head,
                                          struct slice answer_body)
{
    struct record record = { .id = 1,
                             .client_uid = -1,
                             .target = SLICE_LITERAL("/api/trade/order/place"),
                             .outcome = RECORD_OK,
                             .status = 200 };
    record.views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ slice_text(request_head), request_body };
    record.views[RECORD_CLIENT_REQUEST] = record.views[RECORD_UPSTREAM_REQUEST];
    record.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ slice_text(answer_head), answer_body };
    record.views[RECORD_CLIENT_RESPONSE] = record.views[RECORD_UPSTREAM_RESPONSE];
    return record;
}

static inline struct diff *compared(const struct record *a, const struct record *b)
{
    const struct diff_side sides[2] = { { .record = a }, { .record = b } };
    struct error error;
    struct diff *diff;
    if (!diff_create(&diff, sides, &error))
        fail_msg("%s", error.message);
    return diff;
}

static inline struct diff *compared_views(const struct record *a, enum record_view view_a, const struct record *b,
                                          enum record_view view_b)
{
    const struct diff_side sides[2] = { { .record = a, .has_view = true, .view = view_a },
                                        { .record = b, .has_view = true, .view = view_b } };
    struct error error;
    struct diff *diff;
    if (!diff_create(&diff, sides, &error))
        fail_msg("%s", error.message);
    return diff;
}

/* Two orders with these bodies, and the same answer. The records must outlive the diff. */
struct two_orders {
    struct record records[2];
};

static inline struct diff *compared_bodies(struct two_orders *orders, struct slice a, struct slice b)
{
    orders->records[0] = made_exchange(ORDER_HEAD, a, OK_HEAD, SLICE_LITERAL("{\"code\":0}"));
    orders->records[1] = made_exchange(ORDER_HEAD, b, OK_HEAD, SLICE_LITERAL("{\"code\":0}"));
    return compared(&orders->records[0], &orders->records[1]);
}

static inline struct diff *compared_heads(struct two_orders *orders, const char *a, const char *b)
{
    orders->records[0] = made_exchange(a, SLICE_LITERAL(""), OK_HEAD, SLICE_LITERAL("{}"));
    orders->records[1] = made_exchange(b, SLICE_LITERAL(""), OK_HEAD, SLICE_LITERAL("{}"));
    return compared(&orders->records[0], &orders->records[1]);
}

/* The finding of this part and subject (NULL: any) and change, or NULL. */
static inline const struct diff_finding *finding_of(const struct diff *diff, enum diff_part part, const char *subject,
                                                    enum diff_change change)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_finding *finding = &diff->findings[i];
        if (finding->part == part && finding->change == change &&
            (subject == NULL || slice_equal_text(finding->subject, subject)))
            return finding;
    }
    return NULL;
}

static inline const struct diff_finding *require_finding(const struct diff *diff, enum diff_part part,
                                                         const char *subject, enum diff_change change,
                                                         enum diff_weight weight)
{
    const struct diff_finding *finding = finding_of(diff, part, subject, change);
    if (finding == NULL) {
        fail_msg("no finding %s %s of %s", diff_part_name(part), diff_change_name(change),
                 subject == NULL ? "anything" : subject);
        abort(); /* fail_msg does not return, which the analyser does not know */
    }
    assert_string_equal(diff_weight_name(finding->weight), diff_weight_name(weight));
    return finding;
}

static inline void assert_value(const struct diff_finding *finding, size_t side, const char *value)
{
    assert_true(finding->has[side]);
    assert_int_equal(finding->values[side].length, strlen(value));
    assert_memory_equal(finding->values[side].data, value, strlen(value));
}

static inline void assert_verdict(const struct diff *diff, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    diff_append_verdict(&out, diff);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

#endif
