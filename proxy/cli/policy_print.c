/* A suggestion as lines for the configuration, and as JSON. One thread. The caller looks at the buffer's `failed`. */
#include "log_command.h"
#include "policy_command.h"

#include "countersign/json_write.h"

#include <inttypes.h>

enum { INI_LINE_MAX = 190 }; /* bytes: a longer line is no line of a configuration */

static void append_count(struct buffer *out, uint64_t count, const char *what)
{
    (void)buffer_append_format(out, "%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

/* "# Listener bot: from 14 requests that it learned, from 10:00:01 to 10:12:30." */
static void append_source(struct buffer *out, const struct policy_source *source, const char *listener, int64_t now_us)
{
    const struct learned *table = &source->table;
    (void)buffer_append_format(out, "# Listener %s: from ", listener);
    append_count(out, table->passed + table->refused, "request");
    (void)buffer_append_text(out,
                             source->is_learned ? " that it learned (learn = yes), from " : " in the record, from ");
    log_append_local_time(out, table->first_us, now_us, false);
    (void)buffer_append_text(out, " to ");
    log_append_local_time(out, table->last_us, now_us, false);
    (void)buffer_append_text(
        out, ".\n# These lines stand instead of policy, allow and deny; the section's other keys stay.\n");
}

static void append_line(struct buffer *out, const char *before, const struct policy_line *line, const char *between)
{
    const struct learned_use *use = line->use;
    size_t begin = out->length;
    (void)buffer_append_format(out, "%s%s %s ; ", before, use->method, use->path);
    append_count(out, use->passed + use->refused, "request");
    (void)buffer_append_format(out, "%s: %s", between, policy_use_meaning(line));
    if (out->length - begin > INI_LINE_MAX) { /* the comment is what can go */
        out->length = begin;
        (void)buffer_append_format(out, "%s%s %s", before, use->method, use->path);
    }
    (void)buffer_append_byte(out, '\n');
}

static void append_left_out(struct buffer *out, const struct learned *table)
{
    if (table->left_out > 0) {
        (void)buffer_append_text(out, "# Incomplete: ");
        append_count(out, table->left_out, "request");
        (void)buffer_append_format(out,
                                   " used more methods and paths than the %d that are kept, and would be refused.\n",
                                   (int)LEARNED_USES_MAX);
    }
    if (table->unreadable > 0) {
        (void)buffer_append_text(out, "# Not covered: ");
        append_count(out, table->unreadable, "request");
        (void)buffer_append_text(out, " whose path can be read in two ways; no rule can name it.\n");
    }
}

void policy_append_ini(struct buffer *out, const struct policy_suggestion *suggestion,
                       const struct policy_source *source, const char *listener, int64_t now_us)
{
    append_source(out, source, listener, now_us);
    append_left_out(out, &source->table);
    for (size_t i = 0; i < suggestion->unnamed_count; i++)
        append_line(out, "# Not covered, because no rule can name it as it was sent: ", &suggestion->unnamed[i], "");
    (void)buffer_append_format(out, "[listener %s]\npolicy = %s\n", listener, policy_name(POLICY_READ_ONLY));
    for (size_t i = 0; i < suggestion->allowed_count; i++)
        append_line(out, "allow = ", &suggestion->allowed[i], "");
    for (size_t i = 0; i < suggestion->refused_count; i++)
        append_line(out, "# allow = ", &suggestion->refused[i], ", all refused");
    (void)buffer_append_text(out, "deny = * /** ; everything else\n");
}

/* --- JSON --- */

static void append_json_lines(struct buffer *out, const char *name, const struct policy_line *lines, size_t count)
{
    (void)buffer_append_format(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        const struct learned_use *use = lines[i].use;
        (void)buffer_append_text(out, i == 0 ? "{\"method\":" : ",{\"method\":");
        (void)json_append_string(out, slice_text(use->method));
        (void)json_append_member(out, "path", slice_text(use->path));
        (void)json_append_member(out, "class", slice_text(endpoint_class_name(lines[i].endpoint_class)));
        (void)json_append_member(out, "what", slice_text(policy_use_meaning(&lines[i])));
        (void)buffer_append_format(
            out, ",\"passed\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"firstUs\":%" PRId64 ",\"lastUs\":%" PRId64 "}",
            use->passed, use->refused, use->first_us, use->last_us);
    }
    (void)buffer_append_byte(out, ']');
}

void policy_append_json(struct buffer *out, const struct policy_suggestion *suggestion,
                        const struct policy_source *source, const char *listener)
{
    const struct learned *table = &source->table;
    (void)buffer_append_text(out, "{\"listener\":");
    (void)json_append_string(out, slice_text(listener));
    (void)json_append_member(out, "source", slice_text(source->is_learned ? "learned" : "record"));
    (void)buffer_append_format(out,
                               ",\"passed\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"unreadable\":%" PRIu64
                               ",\"leftOut\":%" PRIu64 ",\"firstUs\":%" PRId64 ",\"lastUs\":%" PRId64,
                               table->passed, table->refused, table->unreadable, table->left_out, table->first_us,
                               table->last_us);
    (void)json_append_member(out, "policy", slice_text(policy_name(POLICY_READ_ONLY)));
    append_json_lines(out, "allow", suggestion->allowed, suggestion->allowed_count);
    append_json_lines(out, "refusedOnly", suggestion->refused, suggestion->refused_count);
    append_json_lines(out, "notCovered", suggestion->unnamed, suggestion->unnamed_count);
    (void)json_append_member(out, "deny", SLICE_LITERAL("* /**"));
    (void)buffer_append_text(out, "}\n");
}
