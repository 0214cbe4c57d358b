/* The files of an export. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_EXPORT_FILE_H
#define COUNTERSIGN_CLI_EXPORT_FILE_H

#include "countersign/buffer.h"
#include "countersign/error.h"

/* A file that is there whole or not at all: written under another name beside it, renamed at the end. With it, files of
 * bodies, named after it. */
struct export_file {
    const char *name;
    bool may_overwrite;
    int fd;             /* -1: not open */
    char *temporary;    /* its name meanwhile */
    struct buffer kept; /* temporary names of the bodies' files, each with a NUL behind it */
    size_t body_count;
};

/* ERROR_INPUT where the file is there and may not be overwritten, or cannot be made. Call export_file_end in any case. */
MUST_CHECK bool export_file_begin(struct export_file *file, const char *name, bool may_overwrite, struct error *error);
MUST_CHECK bool export_file_write(struct export_file *file, struct slice bytes, struct error *error);

/* Writes what becomes NAME.body-ID and appends that name without its folder; `file` is the struct: made for
 * export_options.keep_file. */
MUST_CHECK bool export_file_keep_body(void *file, struct buffer *name, int64_t id, struct slice body,
                                      struct error *error);

/* Gives the files their names, the bodies' first. */
MUST_CHECK bool export_file_finish(struct export_file *file, struct error *error);

/* Frees; removes what was not finished. */
void export_file_end(struct export_file *file);

#endif
