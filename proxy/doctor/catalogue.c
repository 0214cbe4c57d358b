/* The catalogue looked up. Owns nothing: the tables are constant. Pure; any thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

#include <stdio.h>

enum { STATUS_NAME_MAX = 16 };

static const struct catalogue_table *const tables[] = {
    &catalogue_success_codes, &catalogue_signing_codes, &catalogue_trading_codes, &catalogue_transfer_codes,
    &catalogue_statuses,      &catalogue_refusals,      &catalogue_failures,
};

const char *catalogue_kind_name(enum catalogue_kind kind)
{
    static const char *const names[CATALOGUE_KIND_COUNT] = {
        [CATALOGUE_CODE] = "code",
        [CATALOGUE_STATUS] = "http",
        [CATALOGUE_OWN] = "countersign",
    };
    return (size_t)kind < ARRAY_LENGTH(names) ? names[kind] : "unknown";
}

const char *catalogue_basis_name(enum catalogue_basis basis)
{
    static const char *const names[CATALOGUE_BASIS_COUNT] = {
        [CATALOGUE_DOCUMENTED] = "documented",
        [CATALOGUE_REPORTED] = "reported",
        [CATALOGUE_CONCLUDED] = "concluded",
        [CATALOGUE_BY_PROXY] = "own",
    };
    return (size_t)basis < ARRAY_LENGTH(names) ? names[basis] : "unknown";
}

size_t catalogue_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
        count += tables[i]->count;
    return count;
}

const struct catalogue_entry *catalogue_entry_at(size_t index)
{
    for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
        if (index < tables[i]->count)
            return &tables[i]->entries[index];
        index -= tables[i]->count;
    }
    return NULL;
}

static const struct catalogue_entry *find(enum catalogue_kind kind, struct slice name)
{
    const struct catalogue_entry *entry;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (entry->kind == kind && slice_equal_text(name, entry->name))
            return entry;
    }
    return NULL;
}

const struct catalogue_entry *catalogue_of_code(struct slice code)
{
    return find(CATALOGUE_CODE, code);
}

const struct catalogue_entry *catalogue_of_status(int status)
{
    char name[STATUS_NAME_MAX];
    (void)snprintf(name, sizeof(name), "http-%d", status); /* one that is cut is no entry's */
    return find(CATALOGUE_STATUS, slice_text(name));
}

const struct catalogue_entry *catalogue_of_error(struct slice error_name)
{
    return find(CATALOGUE_OWN, error_name);
}

const struct catalogue_entry *catalogue_of_record(const struct record *record)
{
    const struct catalogue_entry *entry = NULL;
    bool failed = record->outcome != RECORD_OK && record->outcome != RECORD_IN_FLIGHT;
    if (failed && record->outcome == RECORD_API_ERROR)
        entry = catalogue_of_code(record->api_code);
    if (failed && entry == NULL)
        entry = catalogue_of_error(record->error_name);
    if (failed && entry == NULL && record->status >= 300) /* below, the status says nothing of a failure */
        entry = catalogue_of_status(record->status);
    return entry;
}

bool catalogue_has_cause(const struct catalogue_entry *entry, const struct catalogue_cause *cause)
{
    for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
        if (reason->cause == cause)
            return true;
    }
    return false;
}

const struct catalogue_cause *catalogue_cause_find(struct slice id)
{
    const struct catalogue_entry *entry;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
            if (slice_equal_text(id, reason->cause->id))
                return reason->cause;
        }
    }
    return NULL;
}

/* Whether an entry before this one names the cause. */
static bool is_named_before(const struct catalogue_cause *cause, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (catalogue_has_cause(catalogue_entry_at(i), cause))
            return true;
    }
    return false;
}

const struct catalogue_cause *catalogue_cause_at(size_t index)
{
    const struct catalogue_entry *entry;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
            if (!is_named_before(reason->cause, i) && index-- == 0)
                return reason->cause;
        }
    }
    return NULL;
}
