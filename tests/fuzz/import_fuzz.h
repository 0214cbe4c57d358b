/* What must hold for whatever an importer reads, in any format. */
#ifndef COUNTERSIGN_TESTS_IMPORT_FUZZ_H
#define COUNTERSIGN_TESTS_IMPORT_FUZZ_H

#include "compare/import_private.h"

#include "countersign/redaction.h"

#include <stdlib.h>
#include <string.h>

static inline void require(bool truth)
{
    if (!truth)
        abort();
}

/* Masking again changes nothing, and what is no own export ends in an empty line. */
static inline void require_head(const struct import *import, struct slice head, bool is_own)
{
    struct buffer again;
    buffer_init(&again, SIZE_MAX / 2);
    require(import_owns(import, head));
    require(redaction_append_head(&again, head) && slice_equal(buffer_slice(&again), head));
    buffer_free(&again);
    if (!is_own && head.length > 0)
        require(head.length >= 4 && slice_equal_text(slice_from(head, head.length - 4), "\r\n\r\n"));
}

static inline void require_record(const struct import *import, const struct record *record, bool is_own)
{
    const struct slice texts[] = { record->method, record->target, record->api_key_masked, record->api_code,
                                   record->api_message };
    require(record->id == 0 && record->method.length > 0 && record->target.length > 0);
    require(record->outcome < RECORD_OUTCOME_COUNT && (is_own || record->outcome != RECORD_IN_FLIGHT));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        require(import_owns(import, texts[i]));
    for (int view = 0; view < RECORD_VIEW_COUNT; view++) {
        require_head(import, record->views[view].head, is_own);
        require(import_owns(import, record->views[view].body));
    }
    require(is_own || record->views[RECORD_UPSTREAM_REQUEST].head.length > 0);
}

/* A failure says why in one line of printable ASCII. */
static inline void require_error(const struct error *error)
{
    require(error->kind == ERROR_INPUT || error->kind == ERROR_LIMIT);
    require(error->message[0] != '\0');
    for (const char *c = error->message; *c != '\0'; c++)
        require(*c >= ' ' && *c < 0x7f);
}

static inline int fuzz_import(const uint8_t *data, size_t size, enum import_format format, bool is_own)
{
    struct import *import = NULL;
    struct error error = { .kind = ERROR_NONE };
    bool done = import_read(&import, slice_of(data, size), format, NULL, &error);
    require(done == (import != NULL));
    if (done)
        require(import->count > 0 && error.kind == ERROR_NONE);
    else
        require_error(&error);
    for (size_t i = 0; done && i < import->count; i++)
        require_record(import, &import->records[i], is_own);
    import_free(import);
    return 0;
}

#endif
