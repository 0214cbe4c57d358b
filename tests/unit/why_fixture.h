/* Records made by hand, handed to the search for what sets failures apart. For its unit tests. */
#ifndef COUNTERSIGN_TESTS_WHY_FIXTURE_H
#define COUNTERSIGN_TESTS_WHY_FIXTURE_H

#include "countersign/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORDER_TARGET "/api/trade/order/place"
#define ORDER_HEAD   "POST /api/trade/order/place HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\n\r\n"
#define ANSWER_HEAD  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

enum { FIRST_US = 1700000000, MILLION = 1000000 };

/* A signed order that went well, or was answered with 1401, over IPv4. */
static inline struct record made_order(int64_t id, bool failed)
{
    struct record record = {
        .id = id,
        .listener = SLICE_LITERAL("bot"),
        .account = SLICE_LITERAL("main"),
        .client_uid = -1,
        .method = SLICE_LITERAL("POST"),
        .target = SLICE_LITERAL(ORDER_TARGET),
        .received_us = (int64_t)FIRST_US * MILLION,
        .is_signed = true,
        .expires_ms = (int64_t)FIRST_US * 1000,
        .connection = { .local_address = SLICE_LITERAL("127.0.0.1"),
                        .remote_address = SLICE_LITERAL("127.0.0.1"),
                        .ip_family = 4,
                        .tls_version = SLICE_LITERAL("TLSv1.3"),
                        .http_version = SLICE_LITERAL("HTTP/1.1") },
        .outcome = failed ? RECORD_API_ERROR : RECORD_OK,
        .status = 200,
        .api_code = failed ? SLICE_LITERAL("1401") : SLICE_LITERAL("0"),
        .api_message = failed ? SLICE_LITERAL("unauthorized") : SLICE_LITERAL("success"),
    };
    record.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ SLICE_LITERAL(ORDER_HEAD), SLICE_LITERAL("{\"a\":1}") };
    record.views[RECORD_UPSTREAM_REQUEST] = record.views[RECORD_CLIENT_REQUEST];
    record.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ SLICE_LITERAL(ANSWER_HEAD), SLICE_LITERAL("{}") };
    record.views[RECORD_CLIENT_RESPONSE] = record.views[RECORD_UPSTREAM_RESPONSE];
    return record;
}

static inline struct why *made_why(void)
{
    static const struct why_failures all = { .outcomes = 0 };
    struct error error;
    struct why *why;
    if (!why_create(&why, &all, &error))
        fail_msg("%s", error.message);
    return why;
}

static inline void add(struct why *why, const struct record *record)
{
    struct error error;
    if (!why_add(why, record, &error))
        fail_msg("%s", error.message);
}

static inline struct why_report *concluded(const struct why *why)
{
    struct error error;
    struct why_report *report;
    if (!why_conclude(&report, why, &error))
        fail_msg("%s", error.message);
    return report;
}

/* The value's text, for any record, as the search keeps it. */
static inline void assert_slice(struct slice found, const char *expected)
{
    if (!slice_equal_text(found, expected))
        fail_msg("`%.*s` instead of `%s`", SLICE_ARGUMENTS(found), expected);
}

#endif
