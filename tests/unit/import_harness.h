/* What the tests of imported files share: a text in, records or the error's message out. */
#ifndef COUNTERSIGN_TESTS_IMPORT_HARNESS_H
#define COUNTERSIGN_TESTS_IMPORT_HARNESS_H

#include "countersign/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline struct import *read_bytes(struct slice bytes, enum import_format format)
{
    struct import *import = NULL;
    struct error error = { .kind = ERROR_NONE };
    if (!import_read(&import, bytes, format, NULL, &error))
        fail_msg("not read: %s", error.message);
    assert_int_equal(error.kind, ERROR_NONE);
    return import;
}

static inline struct import *read_text(const char *text)
{
    return read_bytes(slice_text(text), IMPORT_GUESS);
}

static inline void assert_refused_as(const char *text, enum import_format format, const char *message)
{
    struct import *import = (struct import *)(uintptr_t)1;
    struct error error = { .kind = ERROR_NONE };
    assert_false(import_read(&import, slice_text(text), format, NULL, &error));
    assert_null(import);
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_string_equal(error.message, message);
}

static inline void assert_refused(const char *text, const char *message)
{
    assert_refused_as(text, IMPORT_GUESS, message);
}

static inline void assert_slice(struct slice slice, const char *text)
{
    if (slice_equal_text(slice, text))
        return;
    fail_msg("expected:\n%s\ngot:\n%.*s", text, SLICE_ARGUMENTS(slice));
}

/* Both views of the request. */
static inline void assert_request(const struct record *record, const char *head, const char *body)
{
    for (int view = RECORD_CLIENT_REQUEST; view <= RECORD_UPSTREAM_REQUEST; view++) {
        assert_slice(record->views[view].head, head);
        assert_slice(record->views[view].body, body);
    }
}

/* Both views of the answer. */
static inline void assert_answer(const struct record *record, const char *head, const char *body)
{
    for (int view = RECORD_UPSTREAM_RESPONSE; view <= RECORD_CLIENT_RESPONSE; view++) {
        assert_slice(record->views[view].head, head);
        assert_slice(record->views[view].body, body);
    }
}

#endif
