/* What a listener's clients used: as it learned it, or from the record. One thread. */
#include "policy_command.h"

#include "countersign/capture_reader.h"
#include "countersign/learning.h"

#include <stdlib.h>
#include <string.h>

/* "http://host/path": the path on. */
static struct slice origin_form(struct slice target)
{
    static const char mark[] = "://";
    const char *found = memmem(target.data, target.length, mark, sizeof(mark) - 1);
    if (found == NULL || (target.length > 0 && target.data[0] == '/'))
        return target;
    struct slice behind = slice_from(target, (size_t)(found - target.data) + sizeof(mark) - 1);
    return slice_from(behind, slice_find(behind, '/'));
}

/* Other refusals say nothing of what may pass, or came before that was asked. */
static bool note(void *context, const struct record *record)
{
    struct learned *learned = context;
    bool is_refused = record->outcome == RECORD_REFUSED;
    bool by_policy = slice_equal_text(record->error_name, "policy") || slice_equal_text(record->error_name, "rule");
    struct endpoint_path path;
    if (is_refused && !by_policy)
        return true;
    endpoint_path_read(&path, origin_form(record->target));
    learned_note(learned, record->method, &path, !is_refused, record->received_us);
    return true;
}

static bool read_record(struct learned *learned, const struct policy_options *options, const struct config *config,
                        const char *listener, struct error *error)
{
    const struct capture_query query = {
        .filter = { .listener = slice_text(listener), .since_us = options->since_us },
        .limit = SIZE_MAX,
        .oldest_first = true,
    };
    struct capture_reader *reader = NULL;
    char *path = capture_store_file(config->proxy.state_dir);
    bool done = path == NULL ? error_set(error, ERROR_MEMORY, "out of memory")
                             : capture_reader_open(&reader, path, error) &&
                                   capture_reader_list(reader, &query, note, learned, error);
    capture_reader_close(reader);
    free(path);
    return done;
}

bool policy_source_read(struct policy_source *source, const struct policy_options *options, const struct config *config,
                        const char *listener, struct error *error)
{
    bool wants_learned = options->from != POLICY_FROM_RECORD && options->since_us == 0;
    if (wants_learned && !learning_read(&source->table, config->proxy.state_dir, listener, error))
        return false;
    source->is_learned = source->table.passed + source->table.refused > 0 || options->from == POLICY_FROM_LEARNED;
    return source->is_learned || read_record(&source->table, options, config, listener, error);
}
