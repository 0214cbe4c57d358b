/* The store's small tables. The recorder's thread. */
#include "dictionary.h"

#include "countersign/compiler.h"

enum { PORT_DIGITS = 5, PORT_MAX = 65535 };

struct value_column {
    const char *name; /* in the dictionary's table, and in record_fields */
    void (*special)(struct value *value, const struct record *record); /* NULL: the fact as it is */
};

struct slice dictionary_split_port(struct slice address, int64_t *port)
{
    size_t colon = address.length;
    uint64_t number;
    *port = 0;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    struct slice digits = slice_from(address, colon);
    if (colon < 2 || digits.length == 0 || digits.length > PORT_DIGITS || digits.data[0] == '0' ||
        !slice_to_u64(digits, &number) || number > PORT_MAX)
        return address;
    *port = (int64_t)number;
    return slice_first(address, colon - 1);
}

struct slice dictionary_split_query(struct slice target, struct slice *query)
{
    size_t mark = slice_find(target, '?');
    *query = mark < target.length ? slice_of(target.data + mark + 1, target.length - mark - 1) : slice_of(NULL, 0);
    return slice_first(target, mark);
}

static void take_client(struct value *value, const struct record *record)
{
    int64_t port;
    if (record->client_address.length == 0)
        value_set_null(value);
    else
        value_set_text(value, dictionary_split_port(record->client_address, &port));
}

static void take_path(struct value *value, const struct record *record)
{
    struct slice query;
    if (record->target.length == 0)
        value_set_null(value);
    else
        value_set_text(value, dictionary_split_query(record->target, &query));
}

#define SAME(name)                                                                                                     \
    {                                                                                                                  \
        name, NULL                                                                                                     \
    }
#define SPECIAL(name, maker)                                                                                           \
    {                                                                                                                  \
        name, maker                                                                                                    \
    }

static const struct value_column party_columns[] = { SAME("listener"),       SAME("account"),
                                                     SAME("api_key_masked"), SPECIAL("client", take_client),
                                                     SAME("client_uid"),     SAME("client_signature") };
static const struct value_column endpoint_columns[] = { SAME("method"), SPECIAL("path", take_path) };
static const struct value_column verdict_columns[] = { SAME("outcome"),     SAME("status"),     SAME("api_code"),
                                                       SAME("api_message"), SAME("error_name"), SAME("error_message") };
static const struct value_column connection_columns[] = { SAME("local_address"),  SAME("local_port"),
                                                          SAME("remote_address"), SAME("remote_port"),
                                                          SAME("ip_family"),      SAME("tls_version"),
                                                          SAME("tls_cipher"),     SAME("http_version") };

#define COLUMNS(array) (array), ARRAY_LENGTH(array)

static const struct dictionary_row {
    const char *table;
    const struct value_column *columns;
    size_t count;
    bool is_found; /* again, by a statement */
} rows[DICTIONARY_COUNT] = {
    [DICTIONARY_PARTY] = { "party", COLUMNS(party_columns), true },
    [DICTIONARY_ENDPOINT] = { "endpoint", COLUMNS(endpoint_columns), true },
    [DICTIONARY_VERDICT] = { "verdict", COLUMNS(verdict_columns), true },
    [DICTIONARY_CONNECTION] = { "connection", COLUMNS(connection_columns), false },
};

/* --- statements --- */

static void append_find(struct buffer *sql, const struct dictionary_row *row)
{
    (void)buffer_append_format(sql, "SELECT id FROM %s WHERE ",
                               row->table); /* the caller checks `failed`, here and below */
    for (size_t i = 0; i < row->count; i++)
        (void)buffer_append_format(sql, "%s%s IS ?", i == 0 ? "" : " AND ", row->columns[i].name);
}

static void append_add(struct buffer *sql, const struct dictionary_row *row)
{
    (void)buffer_append_format(sql, "INSERT INTO %s(id", row->table); /* the caller checks `failed`, here and below */
    for (size_t i = 0; i < row->count; i++)
        (void)buffer_append_format(sql, ", %s", row->columns[i].name);
    (void)buffer_append_text(sql, ") VALUES (?");
    for (size_t i = 0; i < row->count; i++)
        (void)buffer_append_text(sql, ", ?");
    (void)buffer_append_byte(sql, ')');
}

static bool prepare(sqlite3_stmt **statement, void (*append)(struct buffer *sql, const struct dictionary_row *row),
                    const struct dictionary_row *row, sqlite3 *db, const char *path, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    append(&sql, row);
    return sql_prepare_buffer(statement, db, &sql, path, error);
}

bool dictionary_open(struct dictionary *dictionary, enum dictionary_kind kind, sqlite3 *db, const char *path,
                     struct error *error)
{
    const struct dictionary_row *row = &rows[kind];
    dictionary->kind = kind;
    for (size_t i = 0; i < row->count; i++)
        dictionary->fields[i] = row->columns[i].special == NULL ? record_field_find(row->columns[i].name) : NULL;
    return id_cache_create(&dictionary->cache, error) && value_memo_create(&dictionary->memo, error) &&
           (!row->is_found || prepare(&dictionary->find, append_find, row, db, path, error)) &&
           prepare(&dictionary->add, append_add, row, db, path, error);
}

void dictionary_close(struct dictionary *dictionary)
{
    id_cache_free(dictionary->cache);
    value_memo_free(dictionary->memo);
    (void)sqlite3_finalize(dictionary->find); /* repeats an earlier failure, which was told; here and below */
    (void)sqlite3_finalize(dictionary->add);
    *dictionary = (struct dictionary){ .cache = NULL };
}

void dictionary_forget(const struct dictionary *dictionary)
{
    id_cache_forget(dictionary->cache);
    value_memo_forget(dictionary->memo);
}

/* --- rows --- */

static void take_fact(struct value *value, const struct record *record, const struct record_field *field)
{
    if (record_field_is_absent(record, field))
        value_set_null(value);
    else if (field->kind == RECORD_FIELD_OUTCOME)
        value_set_text(value, slice_text(record_outcome_name(record->outcome)));
    else if (field->kind == RECORD_FIELD_SIGNATURE)
        value_set_text(value, slice_text(record_client_signature_name(record->client_signature)));
    else if (record_field_is_number(field))
        value_set_number(value, record_field_number(record, field));
    else
        value_set_text(value, record_field_bytes(record, field));
}

static void take_values(struct value *values, const struct dictionary *dictionary, const struct record *record)
{
    const struct dictionary_row *row = &rows[dictionary->kind];
    for (size_t i = 0; i < row->count; i++) {
        const struct record_field *field = dictionary->fields[i];
        if (field != NULL)
            take_fact(&values[i], record, field);
        else
            row->columns[i].special(&values[i], record);
    }
}

static struct fingerprint fingerprint_of_values(struct fingerprinter *fingerprinter, const struct value *values,
                                                size_t count)
{
    fingerprint_begin(fingerprinter);
    for (size_t i = 0; i < count; i++) {
        fingerprint_add_number(fingerprinter, (uint64_t)values[i].kind);
        if (values[i].kind == VALUE_TEXT)
            fingerprint_add(fingerprinter, values[i].text);
        else
            fingerprint_add_number(fingerprinter, (uint64_t)values[i].number);
    }
    return fingerprint_end(fingerprinter);
}

static int bind_values(sqlite3_stmt *statement, int place, const struct value *values, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = sql_bind_value(statement, place + (int)i, &values[i]);
    return code;
}

/* The row that is there: SQLITE_ROW with its id, SQLITE_DONE where there is none, or what failed. */
static int find_row(int64_t *id, const struct dictionary *dictionary, const struct value *values, size_t count)
{
    if (dictionary->find == NULL)
        return SQLITE_DONE;
    int code = bind_values(dictionary->find, 1, values, count);
    if (code == SQLITE_OK)
        code = sqlite3_step(dictionary->find);
    if (code == SQLITE_ROW)
        *id = sqlite3_column_int64(dictionary->find, 0);
    (void)sqlite3_reset(dictionary->find); /* repeats the step's failure */
    return code;
}

static int add_row(const struct dictionary *dictionary, int64_t id, const struct value *values, size_t count)
{
    int code = sqlite3_bind_int64(dictionary->add, 1, id);
    if (code == SQLITE_OK)
        code = bind_values(dictionary->add, 2, values, count);
    if (code == SQLITE_OK)
        code = sqlite3_step(dictionary->add);
    (void)sqlite3_reset(dictionary->add); /* repeats the step's failure */
    return code;
}

static int find_or_add(int64_t *id, const struct dictionary *dictionary, struct fingerprinter *fingerprinter,
                       const struct value *values, int64_t *new_id, int step)
{
    const struct dictionary_row *row = &rows[dictionary->kind];
    struct fingerprint of = fingerprint_of_values(fingerprinter, values, row->count);
    *id = id_cache_find(dictionary->cache, &of);
    if (*id != 0)
        return SQLITE_DONE;
    int code = find_row(id, dictionary, values, row->count);
    if (code == SQLITE_DONE) {
        *id = *new_id;
        code = add_row(dictionary, *id, values, row->count);
        if (code == SQLITE_DONE)
            *new_id += step;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return code;
    id_cache_remember(dictionary->cache, &of, *id);
    return SQLITE_DONE;
}

int dictionary_id(int64_t *id, struct dictionary *dictionary, struct fingerprinter *fingerprinter,
                  const struct record *record, int64_t *new_id, int step)
{
    const size_t count = rows[dictionary->kind].count;
    struct value values[DICTIONARY_COLUMNS_MAX] = { { .kind = VALUE_NULL } };
    take_values(values, dictionary, record);
    *id = value_memo_find(dictionary->memo, values, count);
    if (*id != 0)
        return SQLITE_DONE;
    int code = find_or_add(id, dictionary, fingerprinter, values, new_id, step);
    if (code == SQLITE_DONE)
        value_memo_keep(dictionary->memo, values, count, *id);
    return code;
}
