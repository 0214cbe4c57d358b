/* The writing side of capture.db. One thread at a time; one process (capture_open holds the folder's lock). */
#ifndef COUNTERSIGN_CAPTURE_STORE_WRITING_H
#define COUNTERSIGN_CAPTURE_STORE_WRITING_H

#include "batch.h"

#include "countersign/error.h"

struct store;

/* Opens or creates the file (mode 0600), migrates it. `path` is borrowed until store_close. `power`: what is committed is
 * on the disk, not only with the kernel. */
MUST_CHECK bool store_open(struct store **store, const char *path, bool power, struct error *error);

/* Moves the write-ahead log into the file and closes. NULL is allowed. */
void store_close(struct store *store);

/* One transaction: begin, writes, commit. A write or commit that fails has rolled everything back. */
MUST_CHECK bool store_begin(struct store *store, struct error *error);
MUST_CHECK bool store_commit(struct store *store, struct error *error);

/* A row that can never be stored (a constraint, a size) is left out, logged and counted; it does not fail the batch. */
MUST_CHECK bool store_write_batch(struct store *store, const struct batch *batch, struct error *error);
MUST_CHECK bool store_set_ring_position(struct store *store, const char *ring, const char *run, uint64_t sequence,
                                        struct error *error);
uint64_t store_rows_left_out(const struct store *store);

/* Within a transaction: something that befell the record itself. `kind`: "recovered", "torn", "dropped"; `detail`: a
 * sentence. */
MUST_CHECK bool store_note_incident(struct store *store, int64_t at_us, const char *kind, int64_t count,
                                    const char *detail, struct error *error);

/* The last frame of this ring and run that is stored; 0 where there is none. */
MUST_CHECK bool store_ring_position(uint64_t *sequence, struct store *store, const char *ring, const char *run,
                                    struct error *error);

/* Ends exchanges that are in flight: outcome `unknown`, error_name "process-ended". */
MUST_CHECK bool store_end_in_flight(uint64_t *count, struct store *store, struct error *error);

/* The highest exchange id, 0 where there is none. */
MUST_CHECK bool store_last_id(int64_t *id, struct store *store, struct error *error);

#endif
