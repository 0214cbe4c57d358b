/* The store's schema: its SQL, one step for each version. */
#ifndef COUNTERSIGN_CAPTURE_SCHEMA_H
#define COUNTERSIGN_CAPTURE_SCHEMA_H

enum {
    SCHEMA_VERSION = 1,                /* PRAGMA user_version */
    SCHEMA_APPLICATION_ID = 0x4353434C /* PRAGMA application_id: "CSCL" */
};

/* schema_steps[n] takes a store from version n to n + 1: statements, ended by NULL. */
extern const char *const *const schema_steps[SCHEMA_VERSION];

#endif
