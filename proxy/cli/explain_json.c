/* The catalogue's entries as JSON. All text is constant; one thread. */
#include "explain.h"

#include "countersign/json_write.h"

/* Appends ,"name":"text", or null where there is no text; the caller checks `failed`, here and below. */
static void append_member(struct buffer *out, const char *name, const char *text)
{
    (void)buffer_append_format(out, "%s\"%s\":", name[0] == '{' ? "{" : ",", name + (name[0] == '{'));
    if (text == NULL)
        (void)buffer_append_text(out, "null");
    else
        (void)json_append_string(out, slice_text(text));
}

static void append_cause_members(struct buffer *out, const struct catalogue_cause *cause)
{
    append_member(out, "text", cause->text);
    append_member(out, "tell", cause->tell);
    (void)buffer_append_text(out, ",\"commands\":[");
    for (size_t i = 0; cause->commands[i] != NULL; i++) {
        (void)buffer_append_text(out, i == 0 ? "" : ",");
        (void)json_append_string(out, slice_text(cause->commands[i]));
    }
    (void)buffer_append_byte(out, ']');
    append_member(out, "do", cause->remedy);
}

static void append_reason(struct buffer *out, const struct catalogue_reason *reason)
{
    append_member(out, "{id", reason->cause->id);
    append_member(out, "basis", catalogue_basis_name(reason->basis));
    append_cause_members(out, reason->cause);
    (void)buffer_append_byte(out, '}');
}

void explain_append_entry_json(struct buffer *out, const struct catalogue_entry *entry)
{
    append_member(out, "{name", entry->name);
    append_member(out, "kind", catalogue_kind_name(entry->kind));
    append_member(out, "message", entry->message);
    append_member(out, "summary", entry->summary);
    append_member(out, "basis", catalogue_basis_name(entry->basis));
    append_member(out, "source", entry->source);
    (void)buffer_append_text(out, ",\"causes\":[");
    for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++) {
        (void)buffer_append_text(out, reason == entry->reasons ? "" : ",");
        append_reason(out, reason);
    }
    (void)buffer_append_text(out, "]}\n");
}

void explain_append_cause_json(struct buffer *out, const struct catalogue_cause *cause)
{
    const struct catalogue_entry *entry;
    bool is_first = true;
    append_member(out, "{cause", cause->id);
    append_cause_members(out, cause);
    (void)buffer_append_text(out, ",\"of\":[");
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (!catalogue_has_cause(entry, cause))
            continue;
        (void)buffer_append_text(out, is_first ? "" : ",");
        (void)json_append_string(out, slice_text(entry->name));
        is_first = false;
    }
    (void)buffer_append_text(out, "]}\n");
}

void explain_append_outcome_json(struct buffer *out, enum record_outcome outcome)
{
    append_member(out, "{outcome", record_outcome_name(outcome));
    append_member(out, "meaning", catalogue_outcome_meaning(outcome));
    (void)buffer_append_text(out, "}\n");
}
