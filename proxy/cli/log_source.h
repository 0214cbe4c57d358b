/* Exchanges as the command line names them: an id of the store, or a file's. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_SOURCE_H
#define COUNTERSIGN_CLI_LOG_SOURCE_H

#include "log_command.h"

#include "countersign/import.h"

enum { LOG_SOURCE_NAME_MAX = 512 };

/* One exchange, and what its record's bytes are borrowed from: a reader of its own, because a reader gives one exchange at a
 * time, or what was read of a file. Zeroed before it is loaded; end with log_source_close. */
struct log_source {
    struct record record;
    struct capture_reader *reader;
    struct import *import;
    char name[LOG_SOURCE_NAME_MAX]; /* for people: "exchange 17", "file.har#2"; bytes from outside */
};

/* Loads what `word` names: an id as log_id_resolve takes it (then run->reader is open), FILE, or FILE#2 for the second
 * exchange in it. A file of several without a number is ERROR_INPUT. */
MUST_CHECK bool log_source_load(struct log_source *source, struct log_run *run, const char *word, struct error *error);

/* As above for a file, but a file of several without a number is all of them: *first and *count say which of
 * source->import->records are meant. `source->name` is the word. */
MUST_CHECK bool log_source_load_file(struct log_source *source, const struct log_run *run, const char *word,
                                     size_t *first, size_t *count, struct error *error);

MUST_CHECK bool log_source_exchange(struct log_source *source, const struct log_run *run, int64_t id,
                                    struct error *error);
void log_source_close(struct log_source *source);

#endif
