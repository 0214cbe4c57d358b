/* What `countersign doctor` found, for people and for scripts. What others said is escaped. Owns nothing. */
#include "doctor_print.h"

#include "countersign/json_write.h"

#include <stdio.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 256 << 10, /* bytes of one line, or of the verdict */
    STATUS_COLUMNS = 9,
    TITLE_COLUMNS = 23,
    TEXT_COLUMN = STATUS_COLUMNS + TITLE_COLUMNS,
    TEXT_COLUMNS_MIN = 24, /* narrower than this a text is not wrapped: it would be a ladder of words */
    TEXT_COLUMNS_MAX = 100
};

/* --- for people --- */

/* A pipe gets its lines whole. */
static size_t columns_of(const struct doctor_page *page, size_t column)
{
    size_t width = page->terminal.width;
    if (width < column + TEXT_COLUMNS_MIN)
        return SIZE_MAX;
    return width < column + TEXT_COLUMNS_MAX ? width : column + TEXT_COLUMNS_MAX;
}

/* From `column` on to its line's end, each further line indented. */
static void append_text(struct buffer *out, const struct doctor_page *page, const char *text, size_t column,
                        enum terminal_style style)
{
    struct buffer escaped;
    buffer_init(&escaped, OUTPUT_MAX);
    terminal_append_escaped(&escaped, slice_text(text), TERMINAL_ONE_LINE);
    terminal_style_begin(out, &page->terminal, style);
    terminal_append_wrapped(out, buffer_slice(&escaped), column, columns_of(page, column));
    terminal_style_end(out, &page->terminal, style);
    buffer_free(&escaped);
}

static void append_line(struct buffer *out, const struct doctor_page *page, const struct probe_line *line)
{
    static const enum terminal_style styles[] = { [PROBE_OK] = TERMINAL_GREEN,
                                                  [PROBE_WARNING] = TERMINAL_YELLOW,
                                                  [PROBE_FAILED] = TERMINAL_RED,
                                                  [PROBE_SKIPPED] = TERMINAL_DIM };
    terminal_style_begin(out, &page->terminal, styles[line->status]);
    buffer_append_format(out, "%-*s", STATUS_COLUMNS,
                         line->status == PROBE_SKIPPED ? "-" : probe_status_name(line->status));
    terminal_style_end(out, &page->terminal, styles[line->status]);
    buffer_append_format(out, "%-*s", TITLE_COLUMNS, line->title);
    append_text(out, page, line->says, TEXT_COLUMN, line->status == PROBE_SKIPPED ? TERMINAL_DIM : TERMINAL_PLAIN);
    if (line->todo[0] != '\0') {
        buffer_append_format(out, "%*s", TEXT_COLUMN, "");
        append_text(out, page, line->todo, TEXT_COLUMN, TERMINAL_DIM);
    }
}

/* "1401: The exchange does not accept ..." */
static void append_code(struct buffer *out, const struct doctor_page *page, const struct probe_verdict *verdict)
{
    char text[PROBE_SENTENCE_MAX];
    if (verdict->code_means == NULL)
        return;
    (void)snprintf(text, sizeof(text), "%s: %s What the probes say of its causes:", verdict->code,
                   verdict->code_means); /* cut to fit */
    append_text(out, page, text, 0, TERMINAL_PLAIN);
}

static void append_causes(struct buffer *out, const struct doctor_page *page, const struct probe_verdict *verdict)
{
    static const enum terminal_style styles[] = { [PROBE_RULED_OUT] = TERMINAL_DIM,
                                                  [PROBE_UNLIKELY] = TERMINAL_DIM,
                                                  [PROBE_POSSIBLE] = TERMINAL_PLAIN,
                                                  [PROBE_LIKELY] = TERMINAL_YELLOW,
                                                  [PROBE_SHOWN] = TERMINAL_RED };
    enum { STANDING_COLUMNS = 11, ID_COLUMNS = 23, CAUSE_COLUMN = STANDING_COLUMNS + ID_COLUMNS };
    if (verdict->cause_count == 0)
        return;
    buffer_append_byte(out, '\n');
    append_code(out, page, verdict);
    for (size_t i = 0; i < verdict->cause_count; i++) {
        const struct probe_cause *cause = &verdict->causes[i];
        enum terminal_style style = styles[cause->standing];
        terminal_style_begin(out, &page->terminal, style);
        buffer_append_format(out, "%-*s", STANDING_COLUMNS, probe_standing_name(cause->standing));
        terminal_style_end(out, &page->terminal, style);
        buffer_append_format(out, "%-*s", ID_COLUMNS, cause->id);
        append_text(out, page, cause->because, CAUSE_COLUMN, style == TERMINAL_DIM ? TERMINAL_DIM : TERMINAL_PLAIN);
    }
}

static void append_last_words(struct buffer *out, const struct doctor_page *page, const struct probe_verdict *verdict,
                              const struct probes *probes)
{
    char text[PROBE_SENTENCE_MAX];
    bool has_code = verdict->code_means != NULL, has_cause = verdict->outcome == PROBE_CAUSE_FOUND;
    if (has_code || has_cause) {
        (void)snprintf(text, sizeof(text), "`countersign explain %s` says more.",
                       has_cause ? verdict->causes[0].id : verdict->code); /* fits */
        append_text(out, page, text, 0, TERMINAL_PLAIN);
    }
    if (probes->requests > 0) {
        (void)snprintf(text, sizeof(text),
                       "%u of at most %u requests were sent; nothing was placed, cancelled or moved.", probes->requests,
                       probes->requests_max); /* fits */
        append_text(out, page, text, 0, TERMINAL_DIM);
    }
}

static void append_verdict(struct buffer *out, const struct doctor_page *page, const struct probe_verdict *verdict,
                           const struct probes *probes)
{
    append_causes(out, page, verdict);
    buffer_append_byte(out, '\n');
    append_text(out, page, verdict->sentence, 0, TERMINAL_BOLD);
    if (verdict->todo[0] != '\0')
        append_text(out, page, verdict->todo, 0, TERMINAL_PLAIN);
    append_last_words(out, page, verdict, probes);
}

/* --- for scripts --- */

static void append_member(struct buffer *out, const char *name, const char *text)
{
    json_append_member(out, name, slice_text(text));
}

static void append_member_if(struct buffer *out, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        append_member(out, name, text);
}

static void append_answer_json(struct buffer *out, const struct probe_answer *answer)
{
    if (answer->status != 0)
        buffer_append_format(out, ",\"http_status\":%d", answer->status);
    append_member_if(out, "code", answer->code);
    append_member_if(out, "message", answer->words);
    append_member_if(out, "local", answer->local);
    append_member_if(out, "remote", answer->remote);
}

static void append_line_json(struct buffer *out, const struct probe_line *line)
{
    buffer_append_format(out, "{\"check\":\"%s\"", line->check); /* words of ours, here and below */
    append_member_if(out, "way", line->way);
    append_member(out, "status", probe_status_name(line->status));
    append_member(out, "says", line->says);
    append_member_if(out, "todo", line->todo);
    if (line->answer != NULL)
        append_answer_json(out, line->answer);
    buffer_append_text(out, "}\n");
}

static void append_verdict_json(struct buffer *out, const struct probe_verdict *verdict, const struct probes *probes,
                                int exit_code)
{
    static const char *const names[] = {
        [PROBE_WELL] = "well", [PROBE_CAUSE_FOUND] = "cause", [PROBE_UNCLEAR] = "unclear"
    };
    buffer_append_format(out, "{\"verdict\":\"%s\"", names[verdict->outcome]);
    if (verdict->outcome == PROBE_CAUSE_FOUND)
        append_member(out, "cause", verdict->causes[0].id);
    append_member(out, "sentence", verdict->sentence);
    append_member_if(out, "todo", verdict->todo);
    append_member_if(out, "code", verdict->code);
    append_member_if(out, "code_means", verdict->code_means);
    buffer_append_text(out, ",\"causes\":[");
    for (size_t i = 0; i < verdict->cause_count; i++) {
        const struct probe_cause *cause = &verdict->causes[i];
        buffer_append_format(out, "%s{\"id\":\"%s\"", i == 0 ? "" : ",", cause->id);
        append_member(out, "standing", probe_standing_name(cause->standing));
        append_member(out, "because", cause->because);
        buffer_append_byte(out, '}');
    }
    buffer_append_format(out, "],\"requests\":%u,\"requests_max\":%u,\"exit_code\":%d}\n", probes->requests,
                         probes->requests_max, exit_code);
}

/* --- both --- */

/* Writes and empties. */
static bool flush(const struct doctor_page *page, struct buffer *text, struct error *error)
{
    struct buffer safe;
    buffer_init(&safe, 2 * (size_t)OUTPUT_MAX);
    if (page->json)
        terminal_append_json(&safe, buffer_slice(text));
    const struct buffer *out = page->json ? &safe : text;
    bool done = out->failed || text->failed ? error_set(error, ERROR_MEMORY, "no memory for what is to be printed")
                                            : terminal_write(STDOUT_FILENO, buffer_slice(out), error);
    buffer_free(&safe);
    buffer_free(text);
    return done;
}

bool doctor_print_line(const struct doctor_page *page, const struct probe_line *line, struct error *error)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    if (page->json)
        append_line_json(&out, line);
    else
        append_line(&out, page, line);
    return flush(page, &out, error);
}

bool doctor_print_verdict(const struct doctor_page *page, const struct probe_verdict *verdict,
                          const struct probes *probes, int exit_code, struct error *error)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    if (page->json)
        append_verdict_json(&out, verdict, probes, exit_code);
    else
        append_verdict(&out, page, verdict, probes);
    return flush(page, &out, error);
}
