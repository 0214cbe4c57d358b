/* The catalogue's entries for people. All text is constant; one thread. The caller looks at the buffer's `failed`. */
#include "explain.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMNS_MAX = 100,   /* prose that is wider is hard to read */
    COLUMNS_MIN = 40,    /* narrower terminals break lines themselves */
    CAUSE_INDENT = 4,    /* columns before a cause's text */
    LABEL_WIDTH = 6,     /* "tell", "do" */
    NAME_WIDTH = 20,     /* of the list's first column */
    NUMBER_TEXT_MAX = 16 /* bytes */
};

static size_t columns_of(const struct terminal *terminal)
{
    if (terminal->width == 0 || terminal->width > COLUMNS_MAX)
        return COLUMNS_MAX;
    return terminal->width < COLUMNS_MIN ? COLUMNS_MIN : terminal->width;
}

static void append_styled(struct buffer *out, const struct terminal *terminal, enum terminal_style style,
                          const char *text)
{
    terminal_style_begin(out, terminal, style);
    buffer_append_text(out, text);
    terminal_style_end(out, terminal, style);
}

/* "   tell  Compare the addresses ..." */
static void append_labelled(struct buffer *out, const struct terminal *terminal, const char *label, const char *text)
{
    char padded[CAUSE_INDENT + LABEL_WIDTH + 1];
    (void)snprintf(padded, sizeof(padded), "%*s%-*s", CAUSE_INDENT, "", LABEL_WIDTH, label); /* sized for it */
    append_styled(out, terminal, TERMINAL_DIM, padded);
    terminal_append_wrapped(out, slice_text(text), CAUSE_INDENT + LABEL_WIDTH, columns_of(terminal));
}

/* On lines of their own, whole, to be copied. */
static void append_commands(struct buffer *out, const struct terminal *terminal, const struct catalogue_cause *cause)
{
    for (size_t i = 0; cause->commands[i] != NULL; i++) {
        buffer_append_format(out, "%*s", CAUSE_INDENT + LABEL_WIDTH, "");
        append_styled(out, terminal, TERMINAL_CYAN, cause->commands[i]);
        buffer_append_byte(out, '\n');
    }
}

static void append_cause_text(struct buffer *out, const struct terminal *terminal, const struct catalogue_cause *cause)
{
    buffer_append_format(out, "%*s", CAUSE_INDENT, "");
    terminal_append_wrapped(out, slice_text(cause->text), CAUSE_INDENT, columns_of(terminal));
    append_labelled(out, terminal, "tell", cause->tell);
    append_commands(out, terminal, cause);
    append_labelled(out, terminal, "do", cause->remedy);
}

static const char *basis_words(enum catalogue_basis basis)
{
    static const char *const words[CATALOGUE_BASIS_COUNT] = {
        [CATALOGUE_DOCUMENTED] = " (documented)",
        [CATALOGUE_REPORTED] = " (found or tried by users)",
        [CATALOGUE_CONCLUDED] = " (not documented; follows from how requests are signed and carried)",
        [CATALOGUE_BY_PROXY] = "",
    };
    return words[basis];
}

static void append_reason(struct buffer *out, const struct terminal *terminal, const struct catalogue_reason *reason,
                          size_t number)
{
    char text[NUMBER_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "%2zu. ", number); /* at most CATALOGUE_REASONS_MAX */
    buffer_append_byte(out, '\n');
    buffer_append_text(out, text);
    append_styled(out, terminal, TERMINAL_BOLD, reason->cause->id);
    append_styled(out, terminal, TERMINAL_DIM, basis_words(reason->basis));
    buffer_append_byte(out, '\n');
    append_cause_text(out, terminal, reason->cause);
}

void explain_append_entry(struct buffer *out, const struct terminal *terminal, const struct catalogue_entry *entry)
{
    append_styled(out, terminal, TERMINAL_BOLD, entry->name);
    if (entry->message != NULL)
        buffer_append_format(out, " %s", entry->message);
    buffer_append_byte(out, '\n');
    terminal_append_wrapped(out, slice_text(entry->summary), 0, columns_of(terminal));
    buffer_append_byte(out, '\n');
    terminal_append_wrapped(out, slice_text(entry->source), 0, columns_of(terminal));
    for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++)
        append_reason(out, terminal, reason, (size_t)(reason - entry->reasons) + 1);
}

void explain_append_cause(struct buffer *out, const struct terminal *terminal, const struct catalogue_cause *cause)
{
    const struct catalogue_entry *entry;
    append_styled(out, terminal, TERMINAL_BOLD, cause->id);
    buffer_append_byte(out, '\n');
    append_cause_text(out, terminal, cause);
    buffer_append_text(out, "\na cause of\n");
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (catalogue_has_cause(entry, cause))
            explain_append_line(out, terminal, entry);
    }
}

static void append_list_line(struct buffer *out, const struct terminal *terminal, const char *name, const char *text)
{
    size_t name_length = strlen(name);
    size_t taken = name_length < NAME_WIDTH ? NAME_WIDTH : name_length + 1;
    append_styled(out, terminal, TERMINAL_CYAN, name);
    buffer_append_format(out, "%*s", (int)(taken - name_length), "");
    terminal_append_fitted(out, slice_text(text),
                           terminal->width > taken ? terminal->width - taken : COLUMNS_MAX + COLUMNS_MAX);
    buffer_append_byte(out, '\n');
}

void explain_append_line(struct buffer *out, const struct terminal *terminal, const struct catalogue_entry *entry)
{
    append_list_line(out, terminal, entry->name, entry->summary);
}

void explain_append_cause_line(struct buffer *out, const struct terminal *terminal, const struct catalogue_cause *cause)
{
    append_list_line(out, terminal, cause->id, cause->text);
}

void explain_append_outcome(struct buffer *out, const struct terminal *terminal, enum record_outcome outcome)
{
    append_styled(out, terminal, TERMINAL_BOLD, record_outcome_name(outcome));
    buffer_append_text(out, " is an outcome (Countersign-Outcome; `countersign log ls --outcome ");
    buffer_append_format(out, "%s`)\n", record_outcome_name(outcome));
    terminal_append_wrapped(out, slice_text(catalogue_outcome_meaning(outcome)), 0, columns_of(terminal));
}

void explain_append_list(struct buffer *out, const struct terminal *terminal)
{
    static const char *const titles[CATALOGUE_KIND_COUNT] = {
        [CATALOGUE_CODE] = "The exchange's codes",
        [CATALOGUE_STATUS] = "HTTP statuses",
        [CATALOGUE_OWN] = "This proxy's own errors (Countersign-Error)",
    };
    const struct catalogue_entry *entry;
    enum catalogue_kind kind = CATALOGUE_KIND_COUNT;
    for (size_t i = 0; (entry = catalogue_entry_at(i)) != NULL; i++) {
        if (entry->kind != kind) {
            buffer_append_text(out, i == 0 ? "" : "\n");
            append_styled(out, terminal, TERMINAL_BOLD, titles[entry->kind]);
            buffer_append_byte(out, '\n');
        }
        kind = entry->kind;
        explain_append_line(out, terminal, entry);
    }
}
