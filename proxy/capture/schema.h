/* The store's schema: its SQL. Older versions are carried over by migrate.h. */
#ifndef COUNTERSIGN_CAPTURE_SCHEMA_H
#define COUNTERSIGN_CAPTURE_SCHEMA_H

enum {
    SCHEMA_VERSION = 3,                /* PRAGMA user_version */
    SCHEMA_VERSION_EXTENDED = 2,       /* the one that schema_extension makes today's */
    SCHEMA_APPLICATION_ID = 0x4353434C /* PRAGMA application_id: "CSCL" */
};

/* One script that makes a store of SCHEMA_VERSION out of an empty database, in parts, ended by NULL. */
extern const char *const schema_parts[];

/* Likewise one that makes a store of SCHEMA_VERSION out of one of SCHEMA_VERSION_EXTENDED, where it is: columns are added, no
 * row is touched. */
extern const char *const schema_extension[];

/* What came to this version's stores after the first of them were made: run on each that is opened to be written. Readers do
 * without it where it is not there. */
extern const char schema_additions[];

/* Where a head's changing parts stood, in head.template. The bytes are in no head that is kept as a template. */
enum schema_hole {
    SCHEMA_HOLE_TARGET = 1,
    SCHEMA_HOLE_SIGNATURE,
    SCHEMA_HOLE_EXPIRES,
    SCHEMA_HOLE_DATE,
    SCHEMA_HOLE_LENGTH,
    SCHEMA_HOLE_ID,
    SCHEMA_HOLE_END /* one more than the last */
};

#endif
