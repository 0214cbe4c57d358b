/* What the tests of the capture room share: a scratch folder, a record with every field set, comparison field by field. */
#ifndef COUNTERSIGN_TESTS_CAPTURE_FIXTURE_H
#define COUNTERSIGN_TESTS_CAPTURE_FIXTURE_H

#include "countersign/capture.h"
#include "countersign/capture_reader.h"

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY_CANARY    "c0ffee5ec2e7c0ffee5ec2e7c0ffee01" /* an API key's form */
#define COOKIE_CANARY "session-value-that-must-not-be-written"

enum { FIXTURE_RING_SIZE = 1024 * 1024 };

/* A fresh folder that exists until scratch_remove. cmocka set-up and tear-down; *state is its path. */
int scratch_make(void **state);
int scratch_remove(void **state);

/* "SCRATCH/NAME", valid until the next call but two. */
const char *scratch_path(void *const *state, const char *name);

/* An exchange with a value in every field, a masked field in each head, and bodies that are shared as usual. */
struct record sample_record(int64_t id);

/* The same exchange as far as an intent knows it. */
struct record sample_intent(int64_t id);

/* Fails the test unless every field and view is the same; heads as redaction leaves them. */
void assert_same_record(const struct record *got, const struct record *sent);

/* Opens the record in the scratch folder with one worker and FIXTURE_RING_SIZE. */
struct capture *open_capture(void *const *state, struct capture_recovery *recovery);

/* Admits, and writes intent, outcome and "replied". */
void journal_whole(struct journal *journal, const struct record *record);

struct capture_reader *open_reader(void *const *state);
struct record read_exchange(struct capture_reader *reader, int64_t id);

/* The first column of the first row of a query on the scratch folder's store; -1 where it is NULL. */
long long store_number(void *const *state, const char *sql);
void store_run(void *const *state, const char *sql);

/* Asks until the query gives `wanted`, for what the recorder does in its own time; fails after 30 s. */
void wait_for_store(void *const *state, const char *sql, long long wanted);

/* Whether any file in the scratch folder holds these bytes. */
bool scratch_holds(void *const *state, const char *bytes);

/* A file's content; free() it. */
char *read_whole_file(const char *path, size_t *length);

#endif
