/* The rows of `countersign log ls`: cells, their colours, columns that fit. Owns copies of what it shows; one thread. */
#include "log_command.h"
#include "reconcile.h"

#include "countersign/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum column {
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_LISTENER,
    COLUMN_METHOD,
    COLUMN_TARGET,
    COLUMN_STATUS,
    COLUMN_OUTCOME,
    COLUMN_MS,
    COLUMN_COUNT
};

enum {
    MS_WITH_TENTHS_US = 1000000, /* from a second on, tenths of a millisecond tell nothing */
    ROW_MAX = 1 << 20,           /* bytes of one row's cells */
    TARGET_WIDTH_MIN = 8,        /* columns; a terminal too narrow for that gets longer lines */
    FOLLOWED_TARGET_WIDTH = 80,  /* columns at most: all that the others leave, where that is less */
    NARROW_WIDTH = 100,          /* a terminal below that gets tighter columns and no error names */
    DETAIL_WIDTH_MAX = 24        /* columns of an exchange's code on a terminal: it is the other side's text */
};

struct row {
    char *text; /* the cells, one behind the other */
    size_t end[COLUMN_COUNT];
    enum record_outcome outcome;
    enum terminal_style style;
};

struct log_table {
    struct row *rows;
    size_t count;
    size_t capacity;
    size_t width[COLUMN_COUNT];
    size_t printed[COLUMN_COUNT]; /* the widths of log_table_print_more's header; the rows behind it keep to them */
    struct terminal terminal;
    int64_t now_us;
    bool has_header; /* log_table_print_more printed it */
};

static bool is_narrow(const struct log_table *table)
{
    return table->terminal.width > 0 && table->terminal.width < NARROW_WIDTH;
}

static void append_id(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    char text[RECORD_ID_TEXT_MAX];
    buffer_append_text(out, record_id_text(text, record->id));
}

static void append_time(struct buffer *out, const struct record *record, const struct log_table *table)
{
    log_append_local_time(out, record->received_us, table->now_us, is_narrow(table));
}

static void append_listener(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    terminal_append_escaped(out, record->listener, TERMINAL_ONE_LINE);
}

static void append_method(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    terminal_append_escaped(out, record->method, TERMINAL_ONE_LINE);
}

/* Behind the target of an exchange in doubt, where its views are at hand, what it ordered. */
static void append_target(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    terminal_append_escaped(out, record->target, TERMINAL_ONE_LINE);
    reconcile_append_orders_of(out, record);
}

static void append_status(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    if (record->status > 0)
        buffer_append_format(out, "%d", record->status);
    else
        buffer_append_text(out, "-");
}

/* What says more than the outcome's name: the exchange's code, else the proxy's own error. */
static struct slice outcome_detail(const struct record *record, const struct log_table *table)
{
    if (record->outcome != RECORD_OK && record->api_code.length > 0)
        return record->api_code;
    return is_narrow(table) ? SLICE_LITERAL("") : record->error_name;
}

/* What a client that signs for itself got wrong. */
static void append_own_signature(struct buffer *out, const struct record *record, const struct log_table *table)
{
    if (!record_client_signature_is_odd(record->client_signature))
        return;
    buffer_append_format(out, is_narrow(table) ? ", own %s" : ", own signature %s",
                         record_client_signature_name(record->client_signature));
}

static void append_outcome_detail(struct buffer *out, const struct record *record, const struct log_table *table)
{
    struct slice detail = outcome_detail(record, table);
    struct buffer escaped;
    if (detail.length == 0)
        return;
    buffer_init(&escaped, ROW_MAX);
    terminal_append_escaped(&escaped, detail, TERMINAL_ONE_LINE);
    buffer_append_byte(out, ' ');
    terminal_append_fitted(out, buffer_slice(&escaped), table->terminal.width > 0 ? DETAIL_WIDTH_MAX : SIZE_MAX);
    out->failed = out->failed || escaped.failed;
    buffer_free(&escaped);
}

/* What `countersign reconcile` found out later. */
static void append_reconciled(struct buffer *out, const struct record *record, const struct log_table *table)
{
    if (record->reconciled.length == 0)
        return;
    (void)buffer_append_text(out, is_narrow(table) ? ", " : ", reconciled: "); /* see out->failed, as everywhere here */
    terminal_append_escaped(out, record->reconciled, TERMINAL_ONE_LINE);
}

static void append_outcome(struct buffer *out, const struct record *record, const struct log_table *table)
{
    if (log_is_without_answer(record)) {
        buffer_append_text(out, is_narrow(table) ? "no answer" : LOG_WITHOUT_ANSWER);
        return;
    }
    buffer_append_text(out, record_outcome_name(record->outcome));
    append_outcome_detail(out, record, table);
    append_reconciled(out, record, table);
    append_own_signature(out, record, table);
}

/* From the request's last byte to the reply's, or to the answer's where no reply left. */
static void append_ms(struct buffer *out, const struct record *record, const struct log_table *table)
{
    (void)table;
    int64_t end = record->replied_us != 0 ? record->replied_us : record->complete_us;
    if (end == 0 || record->received_us == 0)
        buffer_append_text(out, "-");
    else
        buffer_append_format(out, end - record->received_us < MS_WITH_TENTHS_US ? "%.1f" : "%.0f",
                             (double)(end - record->received_us) / 1000.0);
}

static const struct column_kind {
    const char *title;
    bool to_the_right;
    void (*append)(struct buffer *out, const struct record *record, const struct log_table *table);
} columns[COLUMN_COUNT] = {
    [COLUMN_ID] = { "ID", true, append_id },
    [COLUMN_TIME] = { "TIME", true, append_time },
    [COLUMN_LISTENER] = { "LISTENER", false, append_listener },
    [COLUMN_METHOD] = { "METHOD", false, append_method },
    [COLUMN_TARGET] = { "TARGET", false, append_target },
    [COLUMN_STATUS] = { "HTTP", true, append_status },
    [COLUMN_OUTCOME] = { "OUTCOME", false, append_outcome },
    [COLUMN_MS] = { "MS", true, append_ms },
};

enum terminal_style log_outcome_style(enum record_outcome outcome)
{
    static const enum terminal_style styles[RECORD_OUTCOME_COUNT] = {
        [RECORD_IN_FLIGHT] = TERMINAL_CYAN,    [RECORD_OK] = TERMINAL_GREEN,     [RECORD_API_ERROR] = TERMINAL_YELLOW,
        [RECORD_HTTP_ERROR] = TERMINAL_YELLOW, [RECORD_REFUSED] = TERMINAL_DIM,  [RECORD_NOT_SENT] = TERMINAL_RED,
        [RECORD_UNKNOWN] = TERMINAL_RED,       [RECORD_DRY_RUN] = TERMINAL_CYAN,
    };
    return (size_t)outcome < ARRAY_LENGTH(styles) ? styles[outcome] : TERMINAL_PLAIN;
}

bool log_is_without_answer(const struct record *record)
{
    return record->id < 0 && record->outcome == RECORD_UNKNOWN && record->status == 0 && record->error_name.length == 0;
}

enum terminal_style log_record_style(const struct record *record)
{
    return log_is_without_answer(record) ? TERMINAL_DIM : log_outcome_style(record->outcome);
}

static bool is_same_day(int64_t a_us, int64_t b_us)
{
    time_t a = (time_t)(a_us / 1000000), b = (time_t)(b_us / 1000000);
    struct tm a_parts, b_parts;
    return localtime_r(&a, &a_parts) != NULL && localtime_r(&b, &b_parts) != NULL &&
           a_parts.tm_year == b_parts.tm_year && a_parts.tm_yday == b_parts.tm_yday;
}

void log_append_local_time(struct buffer *out, int64_t wall_us, int64_t now_us, bool shorten)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm parts;
    char text[CLOCK_TEXT_MAX];
    if (wall_us == 0 || localtime_r(&seconds, &parts) == NULL) {
        buffer_append_text(out, "-");
        return;
    }
    bool today = is_same_day(wall_us, now_us);
    if (!today && strftime(text, sizeof(text), shorten ? "%Y-%m-%d %H:%M" : "%Y-%m-%d ", &parts) > 0)
        buffer_append_text(out, text);
    if (today || !shorten)
        buffer_append_text(out, clock_format_local_time(text, wall_us));
}

bool log_table_create(struct log_table **table, const struct terminal *terminal, int64_t now_us)
{
    struct log_table *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return false;
    made->terminal = *terminal;
    made->now_us = now_us;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        made->width[i] = strlen(columns[i].title);
    *table = made;
    return true;
}

void log_table_free(struct log_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i].text);
    free(table->rows);
    free(table);
}

static bool make_room(struct log_table *table)
{
    if (table->count < table->capacity)
        return true;
    size_t capacity = table->capacity == 0 ? 32 : table->capacity * 2;
    struct row *rows = reallocarray(table->rows, capacity, sizeof(*rows));
    if (rows == NULL)
        return false;
    table->rows = rows;
    table->capacity = capacity;
    return true;
}

static struct slice cell(const struct row *row, size_t column)
{
    size_t begin = column == 0 ? 0 : row->end[column - 1];
    return slice_of(row->text + begin, row->end[column] - begin);
}

bool log_table_add(struct log_table *table, const struct record *record)
{
    if (!make_room(table))
        return false;
    struct row *row = &table->rows[table->count];
    struct buffer text;
    buffer_init(&text, ROW_MAX);
    if (table->has_header && record->received_us > table->now_us) /* followed beyond midnight */
        table->now_us = record->received_us;
    row->outcome = record->outcome;
    row->style = log_record_style(record);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        columns[i].append(&text, record, table);
        row->end[i] = text.length;
    }
    if (text.failed) {
        buffer_free(&text);
        return false;
    }
    row->text = buffer_take(&text, NULL);
    table->count++;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        size_t width = terminal_columns(cell(row, i));
        if (width > table->width[i])
            table->width[i] = width;
    }
    return true;
}

static size_t gap_width(const struct log_table *table)
{
    return is_narrow(table) ? 1 : 2;
}

/* The columns left for the target once the others have theirs. */
static size_t target_width(const struct log_table *table)
{
    size_t wanted = table->width[COLUMN_TARGET];
    if (table->terminal.width == 0)
        return wanted;
    size_t others = (COLUMN_COUNT - 1) * gap_width(table);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        others += i == COLUMN_TARGET ? 0 : table->width[i];
    size_t left = table->terminal.width > others ? table->terminal.width - others : 0;
    if (left < TARGET_WIDTH_MIN)
        left = TARGET_WIDTH_MIN;
    return wanted < left ? wanted : left;
}

static void append_blanks(struct buffer *out, size_t count)
{
    buffer_append_format(out, "%*s", (int)count, "");
}

static void append_cell(struct buffer *out, struct slice text, size_t width, bool to_the_right)
{
    size_t taken = terminal_columns(text);
    size_t blanks = taken < width ? width - taken : 0;
    if (to_the_right)
        append_blanks(out, blanks);
    terminal_append_fitted(out, text, width);
    if (!to_the_right)
        append_blanks(out, blanks);
}

/* The outcome's name stays whole: what says more gives way. */
static void append_outcome_cell(struct buffer *out, struct slice text, size_t width)
{
    struct slice name = slice_first(text, slice_find(text, ' ') + 1);
    size_t taken = terminal_columns(name);
    if (terminal_columns(text) <= width || taken >= width) {
        append_cell(out, text, width, false);
        return;
    }
    buffer_append_slice(out, name);
    append_cell(out, slice_from(text, name.length), width - taken, false);
}

static void print_header(struct buffer *out, const struct log_table *table, const size_t *widths)
{
    terminal_style_begin(out, &table->terminal, TERMINAL_BOLD);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        append_blanks(out, i > 0 ? gap_width(table) : 0);
        append_cell(out, slice_text(columns[i].title), widths[i], columns[i].to_the_right);
    }
    terminal_style_end(out, &table->terminal, TERMINAL_BOLD);
    buffer_append_byte(out, '\n');
}

/* A refused exchange is dim as a whole; of the others the status and the outcome are coloured. */
static enum terminal_style cell_style(const struct row *row, size_t column)
{
    bool tells = column == COLUMN_STATUS || column == COLUMN_OUTCOME || row->outcome == RECORD_REFUSED;
    return tells ? row->style : TERMINAL_PLAIN;
}

static void print_row(struct buffer *out, const struct log_table *table, const struct row *row, const size_t *widths)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        enum terminal_style style = cell_style(row, i);
        append_blanks(out, i > 0 ? gap_width(table) : 0);
        terminal_style_begin(out, &table->terminal, style);
        if (i == COLUMN_OUTCOME)
            append_outcome_cell(out, cell(row, i), widths[i]);
        else
            append_cell(out, cell(row, i), widths[i], columns[i].to_the_right);
        terminal_style_end(out, &table->terminal, style);
    }
    buffer_append_byte(out, '\n');
}

void log_table_print(struct buffer *out, const struct log_table *table)
{
    size_t widths[COLUMN_COUNT];
    memcpy(widths, table->width, sizeof(widths));
    widths[COLUMN_TARGET] = target_width(table);
    print_header(out, table, widths);
    for (size_t i = 0; i < table->count; i++)
        print_row(out, table, &table->rows[i], widths);
}

/* A few columns more than the first rows need: later ids, times and outcomes seldom are longer. */
static void widen_for_more(struct log_table *table)
{
    static const struct {
        size_t wide;
        size_t narrow;
    } floors[COLUMN_COUNT] = {
        [COLUMN_ID] = { 7, 5 },        [COLUMN_TIME] = { 12, 12 },  [COLUMN_LISTENER] = { 8, 8 },
        [COLUMN_METHOD] = { 6, 6 },    [COLUMN_TARGET] = { 40, 0 }, [COLUMN_STATUS] = { 4, 4 },
        [COLUMN_OUTCOME] = { 20, 14 }, [COLUMN_MS] = { 7, 6 },
    };
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        size_t floor = is_narrow(table) ? floors[i].narrow : floors[i].wide;
        table->width[i] = table->width[i] < floor ? floor : table->width[i];
    }
    if (table->terminal.width > 0) /* what comes has other targets */
        table->width[COLUMN_TARGET] = FOLLOWED_TARGET_WIDTH;
    memcpy(table->printed, table->width, sizeof(table->printed));
    table->printed[COLUMN_TARGET] = target_width(table);
}

void log_table_print_more(struct buffer *out, struct log_table *table)
{
    if (!table->has_header) {
        widen_for_more(table);
        print_header(out, table, table->printed);
    }
    table->has_header = true;
    for (size_t i = 0; i < table->count; i++) {
        print_row(out, table, &table->rows[i], table->terminal.width > 0 ? table->printed : table->width);
        free(table->rows[i].text);
    }
    table->count = 0;
}
