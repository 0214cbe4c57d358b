/* One exchange full of secrets, for the tests of export and share. */
#ifndef COUNTERSIGN_TESTS_EXPORT_FIXTURE_H
#define COUNTERSIGN_TESTS_EXPORT_FIXTURE_H

#include "text_asserts.h"

#include "countersign/export.h"

#define FIXTURE_KEY       "0123456789abcdef0123456789abcdef"
#define FIXTURE_COOKIE    "session-cookie-7f3a"
#define FIXTURE_BEARER    "bearer-credential-91"
#define FIXTURE_SIGNATURE "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface"

/* A POST answered with a list of balances, in gzip where the body is replaced by the test. Static memory. */
struct record fixture_record(void);

/* The record exported alone, as text with a NUL. The caller frees the buffer. */
const char *fixture_export(struct buffer *out, const struct export_options *options, const struct record *record);

#endif
