/* Looking up the small tables' rows that a filter names. The reader's thread. */
#include "reader_lead.h"

static int bind_texts(sqlite3_stmt *statement, const struct slice *texts, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        const struct slice *text = &texts[i];
        code = text->length == 0
                   ? sqlite3_bind_null(statement, (int)i + 1)
                   : sqlite3_bind_text64(statement, (int)i + 1, text->data, text->length, SQLITE_STATIC, SQLITE_UTF8);
    }
    return code;
}

static bool take_rows(struct lead *lead, sqlite3_stmt *rows, struct capture_reader *reader, struct error *error)
{
    int code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        if (lead->count == LEAD_ROWS_MAX) {
            lead->too_many = true;
            return true;
        }
        lead->ids[lead->count++] = sqlite3_column_int64(rows, 0);
    }
    return code == SQLITE_DONE || reader_error(error, reader);
}

/* The rows that match: `sql` with the texts in its places (NULL for empty ones). */
static bool find_rows(struct lead *lead, struct capture_reader *reader, const char *sql, const struct slice *texts,
                      size_t count, struct error *error)
{
    sqlite3_stmt *rows = NULL;
    if (!reader_prepare(&rows, reader, sql, error))
        return false;
    bool done = bind_texts(rows, texts, count) == SQLITE_OK ? take_rows(lead, rows, reader, error)
                                                            : reader_error(error, reader);
    (void)sqlite3_finalize(rows); /* repeats the step's failure, which is told */
    return done;
}

/* Appends " AND coalesce(COLUMN, 'ABSENT') IN (...)" with the names of the values in the set; nothing for an empty one. */
static void append_set_condition(struct buffer *sql, const char *column, const char *absent, unsigned set, int count,
                                 const char *(*name)(int value))
{
    if (set == 0)
        return;
    (void)buffer_append_format(sql, " AND coalesce(%s, '%s') IN (''", column, absent); /* see failed, here and below */
    for (int i = 0; i < count; i++) {
        if ((set & 1u << i) != 0)
            (void)buffer_append_format(sql, ", '%s'", name(i));
    }
    (void)buffer_append_byte(sql, ')');
}

static const char *outcome_name(int value)
{
    return record_outcome_name((enum record_outcome)value);
}

static const char *client_signature_name(int value)
{
    return record_client_signature_name((enum record_client_signature)value);
}

/* As find_rows; frees the buffer. */
static bool find_rows_by(struct lead *lead, struct capture_reader *reader, struct buffer *sql,
                         const struct slice *texts, size_t count, struct error *error)
{
    const char *text = buffer_text(sql);
    bool done = sql->failed ? error_set(error, ERROR_MEMORY, "out of memory while reading %s", reader->path)
                            : find_rows(lead, reader, text, texts, count, error);
    buffer_free(sql);
    return done;
}

static void append_party_condition(struct buffer *sql, const struct capture_filter *filter)
{
    (void)buffer_append_text(sql,
                             "SELECT id FROM party WHERE (?1 IS NULL OR listener = ?1) AND (?2 IS NULL OR account = ?2)"
                             " AND (?3 IS NULL OR substr(client, 1, length(?3)) = ?3)"); /* see failed */
    append_set_condition(sql, "client_signature", "not_checked", filter->client_signatures,
                         RECORD_CLIENT_SIGNATURE_COUNT, client_signature_name);
}

static bool lead_by_party(struct lead *lead, struct capture_reader *reader, const struct capture_filter *filter,
                          struct error *error)
{
    uint64_t port;
    struct slice client = filter->client;
    size_t colon = client.length;
    while (colon > 0 && client.data[colon - 1] != ':')
        colon--;
    struct slice behind = slice_from(client, colon);
    /* The port, also one that is cut short, is tested with the exchange. */
    if (colon > 1 && (behind.length == 0 || slice_to_u64(behind, &port)))
        client.length = colon - 1;
    const struct slice texts[] = { filter->listener, filter->account, client };
    lead->column = "party";
    lead->is_used = filter->listener.length > 0 || filter->account.length > 0 || filter->client.length > 0 ||
                    filter->client_signatures != 0;
    if (!lead->is_used)
        return true;
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    append_party_condition(&sql, filter);
    return find_rows_by(lead, reader, &sql, texts, ARRAY_LENGTH(texts), error);
}

/* The glob is over the path; a condition on the query does not exist. */
static bool lead_by_endpoint(struct lead *lead, struct capture_reader *reader, const struct capture_filter *filter,
                             struct error *error)
{
    const struct slice texts[] = { filter->method, filter->path_glob };
    lead->column = "endpoint";
    lead->is_used = filter->method.length > 0 || filter->path_glob.length > 0;
    return !lead->is_used ||
           find_rows(lead, reader,
                     "SELECT id FROM endpoint WHERE (?1 IS NULL OR method = ?1) AND (?2 IS NULL OR path GLOB ?2)",
                     texts, ARRAY_LENGTH(texts), error);
}

static void append_verdict_condition(struct buffer *sql, const struct capture_filter *filter)
{
    (void)buffer_append_text(
        sql, "SELECT id FROM verdict WHERE (?1 IS NULL OR api_code = ?1)"); /* see failed, here and below */
    if (filter->status_to != 0)
        (void)buffer_append_format(sql, " AND status BETWEEN %d AND %d", filter->status_from, filter->status_to);
    append_set_condition(sql, "outcome", "in_flight", filter->outcomes, RECORD_OUTCOME_COUNT, outcome_name);
}

static bool lead_by_verdict(struct lead *lead, struct capture_reader *reader, const struct capture_filter *filter,
                            struct error *error)
{
    struct buffer sql;
    lead->column = "verdict";
    lead->is_used = filter->code.length > 0 || filter->status_to != 0 || filter->outcomes != 0;
    if (!lead->is_used)
        return true;
    buffer_init(&sql, SQL_TEXT_MAX);
    append_verdict_condition(&sql, filter);
    return find_rows_by(lead, reader, &sql, &filter->code, 1, error);
}

bool leads_find(struct lead *leads, struct capture_reader *reader, const struct capture_filter *filter,
                struct error *error)
{
    static bool (*const finders[LEAD_COUNT])(
        struct lead * lead, struct capture_reader * reader, const struct capture_filter *filter,
        struct error *error) = { lead_by_party, lead_by_endpoint, lead_by_verdict };
    for (size_t i = 0; i < LEAD_COUNT; i++) {
        leads[i] = (struct lead){ .count = 0 };
        if (!finders[i](&leads[i], reader, filter, error))
            return false;
    }
    return true;
}
