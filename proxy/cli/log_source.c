/* Exchanges as the command line names them: an id of the store, or a file's. One thread. */
#include "log_source.h"

#include "progress.h"

#include <stdio.h>
#include <string.h>

void log_source_close(struct log_source *source)
{
    if (source->reader != NULL)
        capture_reader_close(source->reader);
    import_free(source->import);
}

bool log_source_exchange(struct log_source *source, const struct log_run *run, int64_t id, struct error *error)
{
    char text[RECORD_ID_TEXT_MAX];
    (void)snprintf(source->name, sizeof(source->name), "exchange %s", record_id_text(text, id)); /* fits */
    return capture_reader_open(&source->reader, run->store_path, error) &&
           capture_reader_get(&source->record, source->reader, id, error);
}

/* "FILE#2": the second exchange of a file. */
static bool split_number(char *file, size_t size, uint64_t *number, const char *word)
{
    const char *mark = strrchr(word, '#');
    size_t length = mark == NULL ? strlen(word) : (size_t)(mark - word);
    *number = 0;
    if (length >= size)
        return false;
    if (mark != NULL && (!slice_to_u64(slice_text(mark + 1), number) || *number == 0)) {
        *number = 0;
        length = strlen(word);
    }
    (void)snprintf(file, size, "%.*s", (int)length, word); /* it fits, or is no file's name */
    return true;
}

bool log_source_load_file(struct log_source *source, const struct log_run *run, const char *word, size_t *first,
                          size_t *count, struct error *error)
{
    char file[LOG_SOURCE_NAME_MAX];
    uint64_t number;
    struct progress progress;
    if (!split_number(file, sizeof(file), &number, word))
        return error_set(error, ERROR_INPUT, "a file's name of more than %d bytes", LOG_SOURCE_NAME_MAX - 1);
    progress_begin(&progress, "reading");
    source->import = log_import_read(run, file, &progress, error);
    progress_end(&progress);
    (void)snprintf(source->name, sizeof(source->name), "%s", word); /* fits: see above */
    if (source->import == NULL)
        return false;
    if (number > source->import->count)
        return error_set(error, ERROR_INPUT, "%s holds %zu exchange%s, there is no #%llu", file, source->import->count,
                         source->import->count == 1 ? "" : "s", (unsigned long long)number);
    *first = number == 0 ? 0 : (size_t)number - 1;
    *count = number == 0 ? source->import->count : 1;
    return true;
}

bool log_source_load(struct log_source *source, struct log_run *run, const char *word, struct error *error)
{
    int64_t id;
    size_t first = 0, count = 0;
    if (log_id_is_one(word))
        return log_id_resolve(&id, run, word, error) && log_source_exchange(source, run, id, error);
    if (!log_source_load_file(source, run, word, &first, &count, error))
        return false;
    if (count > 1)
        return error_set(error, ERROR_INPUT, "%s holds %zu exchanges: say which, as in '%s#1'", word, count, word);
    source->record = source->import->records[first];
    return true;
}
