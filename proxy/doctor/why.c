/* What is kept of each exchange that is handed in: whether it went well, its code, and a number for each feature's value.
 * Owns the rows and the texts; one thread. */
#include "why_private.h"

#include "countersign/compiler.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

bool why_create(struct why **why, const struct why_failures *failures, struct error *error)
{
    struct why *made = calloc(1, sizeof(*made));
    *why = NULL;
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for comparing exchanges");
    made->wanted = *failures;
    buffer_init(&made->text, WHY_MEMORY_MAX);
    buffer_init(&made->memory, WHY_MEMORY_MAX);
    if (buffer_reserve(&made->memory, WHY_MEMORY_MAX) == NULL) {
        why_free(made);
        return error_set(error, ERROR_MEMORY, "out of memory for comparing exchanges");
    }
    *why = made;
    return true;
}

void why_free(struct why *why)
{
    if (why == NULL)
        return;
    buffer_free(&why->memory);
    buffer_free(&why->text);
    free(why->rows);
    free(why);
}

/* --- well, failed, or neither --- */

enum fate { FATE_NEITHER, FATE_WELL, FATE_FAILED };

static enum fate fate_of(const struct record *record)
{
    switch (record->outcome) {
    case RECORD_OK:
        return FATE_WELL;
    case RECORD_API_ERROR:
    case RECORD_HTTP_ERROR:
    case RECORD_NOT_SENT:
        return FATE_FAILED;
    case RECORD_UNKNOWN: /* of an imported request without an answer nobody knows how it ended */
        return record->id < 0 && record->views[RECORD_UPSTREAM_RESPONSE].head.length == 0 ? FATE_NEITHER : FATE_FAILED;
    default:
        return FATE_NEITHER;
    }
}

static bool is_wanted(const struct why_failures *wanted, const struct record *record)
{
    return (wanted->code.length == 0 || slice_equal(wanted->code, record->api_code)) &&
           (wanted->outcomes == 0 || (wanted->outcomes & 1u << record->outcome) != 0) &&
           (wanted->status_to == 0 || (record->status >= wanted->status_from && record->status <= wanted->status_to));
}

/* --- codes --- */

/* "1401", "HTTP 503", "unknown (connection-lost)" */
static void write_code(struct buffer *out, const struct record *record)
{
    buffer_reset(out);
    if (record->outcome == RECORD_API_ERROR) {
        buffer_append_slice(out, record->api_code);
    } else if (record->outcome == RECORD_HTTP_ERROR) {
        buffer_append_format(out, "HTTP %d", record->status);
    } else {
        buffer_append_text(out, record_outcome_name(record->outcome));
        if (record->error_name.length > 0)
            buffer_append_format(out, " (%.*s)", SLICE_ARGUMENTS(record->error_name));
    } /* a code cut short is one */
}

/* The code's number, from 1 on; 0 where there are too many. */
static unsigned char code_number(struct why *why, const struct record *record, bool is_public)
{
    write_code(&why->text, record);
    struct slice text = slice_first(buffer_slice(&why->text), WHY_TEXT_MAX);
    for (size_t i = 0; i < why->code_count; i++) {
        if (why->codes[i].is_public == is_public && slice_equal(why->codes[i].text, text))
            return (unsigned char)(i + 1);
    }
    if (why->code_count == WHY_CODES_MAX)
        return 0;
    struct why_code *code = &why->codes[why->code_count++];
    bool is_answered = record->outcome == RECORD_API_ERROR || record->outcome == RECORD_HTTP_ERROR;
    code->text = why_keep(why, text);
    code->message = why_keep(why, is_answered ? record->api_message : record->error_message);
    code->is_public = is_public;
    return (unsigned char)why->code_count;
}

/* --- rows --- */

static struct why_row *next_row(struct why *why, struct error *error)
{
    if (why->count == WHY_EXCHANGES_MAX) {
        (void)error_set(error, ERROR_LIMIT, "more than %d exchanges to compare: ask for fewer", WHY_EXCHANGES_MAX);
        return NULL;
    }
    if (why->count == why->capacity) {
        size_t capacity = why->capacity == 0 ? FIRST_CAPACITY : 2 * why->capacity;
        struct why_row *rows = reallocarray(why->rows, capacity, sizeof(*rows));
        if (rows == NULL) {
            (void)error_set(error, ERROR_MEMORY, "out of memory for comparing %zu exchanges", capacity);
            return NULL;
        }
        why->rows = rows;
        why->capacity = capacity;
    }
    return &why->rows[why->count];
}

static void fill_cells(struct why *why, struct why_row *row)
{
    const struct why_look *look = &why->look;
    memset(row->cells, WHY_UNKNOWN, WHY_FIXED_MAX);
    for (size_t i = 0; i < why_feature_count; i++) {
        buffer_reset(&why->text);
        if (why_features[i].write(&why->text, look))
            row->cells[i] = why_value_number(why, &why->values[i], buffer_slice(&why->text));
    }
    why_note_fields(why, &why->left, row->cells + WHY_FIXED_MAX, look->left, look->has_left);
    why_note_fields(why, &why->came, row->cells + WHY_FIXED_MAX + WHY_FIELDS_MAX, look->came, look->has_came);
}

static bool add_row(struct why *why, const struct record *record, enum fate fate, struct error *error)
{
    struct why_row *row = next_row(why, error);
    if (row == NULL)
        return false;
    why_look_at(&why->look, record);
    *row = (struct why_row){ .id = record->id,
                             .endpoint_class = (unsigned char)why->look.endpoint_class,
                             .is_sent = why->look.has_left,
                             .is_signed = why->look.is_signed };
    if (fate == FATE_FAILED) {
        row->code = code_number(why, record, why->look.endpoint_class == ENDPOINT_PUBLIC);
        if (row->code == 0) {
            why->uncoded++;
            return true;
        }
        why->codes[row->code - 1].count++;
    }
    why_note_moments(row, &why->busy, record);
    fill_cells(why, row);
    why->count++;
    return true;
}

bool why_add(struct why *why, const struct record *record, struct error *error)
{
    enum fate fate = fate_of(record);
    if (fate == FATE_FAILED && !is_wanted(&why->wanted, record))
        fate = FATE_NEITHER;
    why->left_out += fate == FATE_NEITHER;
    why->successes += fate == FATE_WELL;
    why->failures += fate == FATE_FAILED;
    return fate == FATE_NEITHER || add_row(why, record, fate, error);
}
