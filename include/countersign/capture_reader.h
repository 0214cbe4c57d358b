/* Reads the capture store: the one reader for every tool. Opens read-only; works beside a running recorder and without
 * one. One thread at a time. */
#ifndef COUNTERSIGN_CAPTURE_READER_H
#define COUNTERSIGN_CAPTURE_READER_H

#include "countersign/error.h"
#include "countersign/record.h"

struct capture_reader;

/* The store's file in a state folder: STATE_DIR/capture.db. The caller frees it. */
char *capture_store_file(const char *state_dir);

/* A missing store, one that is none, one of a newer schema, one that may not be read: an error each, with the path and
 * what to do. */
MUST_CHECK bool capture_reader_open(struct capture_reader **reader, const char *path, struct error *error);
void capture_reader_close(struct capture_reader *reader);

/* Visits the latest `limit` exchanges, newest first, or oldest of them first with `oldest_first`. The record's views are
 * empty (bodies are not read). `visit` returns false to stop. Slices are valid within visit only. */
MUST_CHECK bool capture_reader_list(struct capture_reader *reader, size_t limit, bool oldest_first,
                                    bool (*visit)(void *context, const struct record *record), void *context,
                                    struct error *error);

/* Gives one exchange whole; slices are valid until the next call or close. No such id: ERROR_INPUT, naming the range
 * that there is. */
MUST_CHECK bool capture_reader_get(struct record *record, struct capture_reader *reader, uint64_t id,
                                   struct error *error);

/* The highest id, 0 where the store is empty. */
MUST_CHECK bool capture_reader_last_id(uint64_t *id, struct capture_reader *reader, struct error *error);

#endif
