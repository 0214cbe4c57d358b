/* `countersign log sql`: the user's own query. One thread. */
#include "log_command.h"

#include "countersign/base64.h"
#include "countersign/json_write.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCHEMA_LINE_MAX = 130, CELL_MAX = 80, CELL_MIN = 6, GAP = 2, ROWS_MAX = 100000, CELL_BYTES_MAX = 1 << 26 };

struct sheet {
    const struct log_run *run;
    struct buffer out;
    char **cells; /* rows of a table on a terminal, the header first */
    size_t cell_count;
    size_t cell_capacity;
    size_t columns;
    bool has_header;
    bool failed;
    struct error *error;
};

static bool fail_for_memory(struct sheet *sheet)
{
    sheet->failed = true;
    (void)error_set(sheet->error, ERROR_MEMORY,
                    "not enough memory for the answer: ask for fewer rows (LIMIT)"); /* false */
    return false;
}

static bool flush(struct sheet *sheet)
{
    if (sheet->out.failed)
        return fail_for_memory(sheet);
    sheet->failed = !terminal_write(STDOUT_FILENO, buffer_slice(&sheet->out), sheet->error);
    buffer_reset(&sheet->out);
    return !sheet->failed;
}

/* --- values --- */

static void append_blob_hex(struct buffer *out, struct slice bytes)
{
    buffer_append_text(out, "x'");
    for (size_t i = 0; i < bytes.length; i++)
        buffer_append_format(out, "%02x", (unsigned)(unsigned char)bytes.data[i]);
    buffer_append_byte(out, '\'');
}

static void append_text_value(struct buffer *out, const struct capture_value *value)
{
    if (value->kind == CAPTURE_INTEGER)
        buffer_append_format(out, "%lld", (long long)value->integer);
    else if (value->kind == CAPTURE_REAL)
        buffer_append_format(out, "%.15g", value->real);
    else if (value->kind == CAPTURE_BLOB && !terminal_is_utf8(value->bytes))
        append_blob_hex(out, value->bytes);
    else if (value->kind != CAPTURE_NULL)
        terminal_append_escaped(out, value->bytes, TERMINAL_ONE_LINE);
}

/* JSON has no infinity; a blob that is no UTF-8 comes as base64, which NAMEEncoding then says. */
static void append_json_value(struct buffer *out, const char *name, const struct capture_value *value)
{
    if (value->kind == CAPTURE_INTEGER)
        buffer_append_format(out, "%lld", (long long)value->integer);
    else if (value->kind == CAPTURE_REAL && isfinite(value->real))
        buffer_append_format(out, "%.17g", value->real);
    else if (value->kind == CAPTURE_NULL || value->kind == CAPTURE_REAL)
        buffer_append_text(out, "null");
    else if (terminal_is_utf8(value->bytes))
        (void)json_append_string(out, value->bytes); /* the buffer remembers a failure, as below */
    else {
        buffer_append_byte(out, '"');
        (void)base64_append(out, value->bytes);
        buffer_append_text(out, "\",");
        struct buffer encoding;
        buffer_init(&encoding, CELL_BYTES_MAX);
        buffer_append_format(&encoding, "%sEncoding", name);
        (void)json_append_string(out, buffer_slice(&encoding));
        buffer_append_text(out, ":\"base64\"");
        buffer_free(&encoding);
    }
}

/* --- rows --- */

static bool visit_json(void *context, const struct capture_row *row)
{
    struct sheet *sheet = context;
    struct buffer line;
    buffer_init(&line, LOG_OUTPUT_MAX);
    for (size_t i = 0; i < row->count; i++) {
        buffer_append_byte(&line, i == 0 ? '{' : ',');
        (void)json_append_string(&line, slice_text(row->names[i])); /* the buffer remembers a failure */
        buffer_append_byte(&line, ':');
        append_json_value(&line, row->names[i], &row->values[i]);
    }
    buffer_append_text(&line, "}\n");
    terminal_append_json(&sheet->out, buffer_slice(&line));
    sheet->out.failed = sheet->out.failed || line.failed;
    buffer_free(&line);
    return sheet->out.length < LOG_FLUSH || flush(sheet);
}

static bool visit_tabs(void *context, const struct capture_row *row)
{
    struct sheet *sheet = context;
    for (size_t i = 0; !sheet->has_header && i < row->count; i++) {
        buffer_append_text(&sheet->out, i == 0 ? "" : "\t");
        terminal_append_escaped(&sheet->out, slice_text(row->names[i]), TERMINAL_ONE_LINE);
    }
    if (!sheet->has_header)
        buffer_append_byte(&sheet->out, '\n');
    sheet->has_header = true;
    for (size_t i = 0; i < row->count; i++) {
        buffer_append_text(&sheet->out, i == 0 ? "" : "\t");
        append_text_value(&sheet->out, &row->values[i]);
    }
    buffer_append_byte(&sheet->out, '\n');
    return sheet->out.length < LOG_FLUSH || flush(sheet);
}

static bool add_cell(struct sheet *sheet, struct buffer *text)
{
    if (sheet->cell_count == sheet->cell_capacity) {
        size_t capacity = sheet->cell_capacity == 0 ? 256 : 2 * sheet->cell_capacity;
        char **cells = reallocarray(sheet->cells, capacity, sizeof(*cells));
        if (cells == NULL)
            return fail_for_memory(sheet);
        sheet->cells = cells;
        sheet->cell_capacity = capacity;
    }
    buffer_append_byte(text, '\0');
    if (text->failed)
        return fail_for_memory(sheet);
    sheet->cells[sheet->cell_count++] = buffer_take(text, NULL);
    return true;
}

static bool visit_table(void *context, const struct capture_row *row)
{
    struct sheet *sheet = context;
    struct buffer text;
    bool done = true;
    buffer_init(&text, CELL_BYTES_MAX);
    for (size_t i = 0; done && !sheet->has_header && i < row->count; i++) {
        terminal_append_escaped(&text, slice_text(row->names[i]), TERMINAL_ONE_LINE);
        done = add_cell(sheet, &text);
    }
    sheet->has_header = true;
    sheet->columns = row->count; /* a statement without columns gives no rows */
    if (row->count == 0)
        return true;
    for (size_t i = 0; done && i < row->count; i++) {
        append_text_value(&text, &row->values[i]);
        done = add_cell(sheet, &text);
    }
    buffer_free(&text);
    if (!done || sheet->cell_count / row->count <= ROWS_MAX)
        return done;
    sheet->failed = true;
    return error_set(sheet->error, ERROR_INPUT,
                     "a table of more than %d rows is too large for a terminal: ask for fewer (LIMIT), or send it to a "
                     "file or a pipe",
                     ROWS_MAX);
}

static size_t column_width(const struct sheet *sheet, size_t column)
{
    size_t width = 0;
    for (size_t i = column; i < sheet->cell_count; i += sheet->columns) {
        size_t cell = terminal_columns(slice_text(sheet->cells[i]));
        width = cell > width ? cell : width;
    }
    return width < CELL_MAX ? width : CELL_MAX;
}

/* Takes from the widest columns until the table is as wide as the terminal, or all are as narrow as can be read. */
static void fit_widths(size_t *widths, size_t count, size_t terminal_width)
{
    size_t total = (count - 1) * GAP;
    for (size_t i = 0; i < count; i++)
        total += widths[i];
    while (total > terminal_width) {
        size_t widest = 0;
        for (size_t i = 1; i < count; i++)
            widest = widths[i] > widths[widest] ? i : widest;
        if (widths[widest] <= CELL_MIN)
            return;
        widths[widest]--;
        total--;
    }
}

static void append_cell(struct sheet *sheet, size_t place, size_t width)
{
    struct slice cell = slice_text(sheet->cells[place]);
    bool is_header = place < sheet->columns, is_last = (place + 1) % sheet->columns == 0;
    size_t taken = terminal_columns(cell);
    if (is_header)
        terminal_style_begin(&sheet->out, &sheet->run->terminal, TERMINAL_BOLD);
    terminal_append_fitted(&sheet->out, cell, width);
    if (is_header)
        terminal_style_end(&sheet->out, &sheet->run->terminal, TERMINAL_BOLD);
    if (!is_last)
        buffer_append_format(&sheet->out, "%*s", (int)(GAP + (taken < width ? width - taken : 0)), "");
    buffer_append_text(&sheet->out, is_last ? "\n" : "");
}

static bool print_table(struct sheet *sheet)
{
    size_t *widths = sheet->columns == 0 ? NULL : calloc(sheet->columns, sizeof(*widths));
    if (widths == NULL)
        return fail_for_memory(sheet);
    for (size_t i = 0; i < sheet->columns; i++)
        widths[i] = column_width(sheet, i);
    if (sheet->run->terminal.width > 0)
        fit_widths(widths, sheet->columns, sheet->run->terminal.width);
    for (size_t i = 0; i < sheet->cell_count; i++)
        append_cell(sheet, i, widths[i % sheet->columns]);
    free(widths);
    return sheet->out.failed ? fail_for_memory(sheet) : log_print(sheet->run, buffer_slice(&sheet->out), sheet->error);
}

static void end_sheet(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->cell_count; i++)
        free(sheet->cells[i]);
    free(sheet->cells);
    buffer_free(&sheet->out);
}

/* How a head is put together again takes a line that is nobody's concern here. */
static void append_schema_line(struct buffer *out, struct slice line)
{
    if (line.length > SCHEMA_LINE_MAX)
        buffer_append_text(out, "  (... the template with its parts put in ...");
    else
        terminal_append_escaped(out, line, TERMINAL_LINES);
    buffer_append_byte(out, '\n');
}

static bool print_schema_row(void *context, const struct capture_row *row)
{
    struct sheet *sheet = context;
    struct slice rest = row->values[0].bytes, line;
    while (slice_next_part(&rest, '\n', &line))
        append_schema_line(&sheet->out, line);
    buffer_append_byte(&sheet->out, '\n');
    return true;
}

/* Without a statement: what there is to ask for. */
static bool print_schema(struct sheet *sheet)
{
    static const char statement[] = "SELECT sql, type, name FROM sqlite_schema WHERE sql IS NOT NULL"
                                    " ORDER BY type = 'index', name <> 'exchange'";
    if (sheet->run->options->json)
        return capture_reader_sql(sheet->run->reader, statement, visit_json, sheet, sheet->error) && flush(sheet);
    return capture_reader_sql(sheet->run->reader, statement, print_schema_row, sheet, sheet->error) &&
           log_print(sheet->run, buffer_slice(&sheet->out), sheet->error);
}

static bool query(struct sheet *sheet, const char *statement)
{
    bool is_table = sheet->run->terminal.is_terminal && !sheet->run->options->json;
    bool (*visit)(void *context, const struct capture_row *row) = is_table ? visit_table : visit_tabs;
    if (sheet->run->options->json)
        visit = visit_json;
    if (!capture_reader_sql(sheet->run->reader, statement, visit, sheet, sheet->error) || sheet->failed)
        return false;
    if (!is_table)
        return flush(sheet);
    if (sheet->cell_count > 0)
        return print_table(sheet);
    log_note("no rows");
    return true;
}

static bool sql(struct log_run *run, struct error *error)
{
    struct sheet sheet = { .run = run, .error = error };
    buffer_init(&sheet.out, LOG_OUTPUT_MAX);
    bool done = run->options->word_count == 0 ? print_schema(&sheet) : query(&sheet, run->options->words[0]);
    end_sheet(&sheet);
    return done;
}

const struct log_command log_command_sql = {
    .word = "sql",
    .synopsis = "['SELECT ...'] [--json]",
    .summary = "your own query over the view exchange and the tables below it",
    .help = "Runs one SQL statement (SQLite's) that reads. Without one, prints the schema: the view `exchange` has a "
            "row for each\n"
            "exchange, every fact, head and body; `exchange_text` has heads and bodies as text. On a terminal the "
            "answer is a\n"
            "table; into a pipe it has tabs between the columns and a line of names first.\n"
            "\n"
            "  countersign log sql \"SELECT method, path, count(*) FROM record JOIN endpoint ON endpoint.id = "
            "record.endpoint\n"
            "                      GROUP BY 1, 2 ORDER BY 3 DESC\"",
    .takes = LOG_TAKES_JSON | LOG_TAKES_PAGER,
    .words_max = 1,
    .what_words = "one statement, in quotes",
    .run = sql,
};
