/* Reads the capture store: the one reader for every tool. Opens read-only; works beside a running recorder and without
 * one. One thread at a time.
 *
 * What a person can put right (no store, another program's, a newer schema, no right to read it, a lock that another
 * program holds) is ERROR_INPUT, with the path and what to do. */
#ifndef COUNTERSIGN_CAPTURE_READER_H
#define COUNTERSIGN_CAPTURE_READER_H

#include "countersign/error.h"
#include "countersign/record.h"

struct capture_reader;

/* The store's file in a state folder: STATE_DIR/capture.db. The caller frees it. */
char *capture_store_file(const char *state_dir);

MUST_CHECK bool capture_reader_open(struct capture_reader **reader, const char *path, struct error *error);
void capture_reader_close(struct capture_reader *reader);

/* Which exchanges: all conditions hold. Zeroed: every recorded one (not the imported). Texts are borrowed. */
struct capture_filter {
    int64_t since_us;      /* received at or after; 0: any */
    int64_t until_us;      /* received before; 0: any */
    int64_t id_from;       /* the least id, itself in; 0: any */
    int64_t id_to;         /* the greatest id, itself in; 0: any */
    struct slice listener; /* the very name; empty: any. Likewise the next two */
    struct slice account;
    struct slice method;
    struct slice client;    /* the client's address begins with it ("127.0.0.1", "127.0.0.1:50001", "unix:") */
    struct slice path_glob; /* over the target's path, SQLite's GLOB: * ? [..], `*` also crosses slashes */
    struct slice code;      /* the answer's code as written */
    int status_from;        /* HTTP status; both 0: any */
    int status_to;
    unsigned outcomes;          /* 1u << enum record_outcome for each that is wanted; 0: any */
    unsigned client_signatures; /* 1u << enum record_client_signature, likewise */
    int64_t slower_than_us;     /* from received to replied, or to complete where no reply left; 0: any */
    bool imported;              /* the imported exchanges instead of the recorded ones */
    /* A last condition, asked with the views at hand (the payload's digest is not), after all others hold. NULL: none. */
    bool (*accepts)(void *context, const struct record *record);
    void *context;
};

struct capture_query {
    struct capture_filter filter;
    size_t limit;      /* the latest so many; SIZE_MAX: all */
    bool oldest_first; /* the order in which they are visited; newest first otherwise */
    bool with_views;   /* heads and bodies too; else the record's views are empty */
};

/* Visits what the query finds. `visit` returns false to stop. Slices are valid within visit only. No snapshot of the store
 * is held for the whole walk: what is pruned meanwhile is left out. */
MUST_CHECK bool capture_reader_list(struct capture_reader *reader, const struct capture_query *query,
                                    bool (*visit)(void *context, const struct record *record), void *context,
                                    struct error *error);

/* The id of the latest exchange that the filter finds, or with `skip` of the one so many before it. None: ERROR_INPUT. */
MUST_CHECK bool capture_reader_find(int64_t *id, struct capture_reader *reader, const struct capture_filter *filter,
                                    uint64_t skip, struct error *error);

/* Gives one exchange whole; slices are valid until the next call or close. No such id: ERROR_INPUT, naming the range
 * that there is. */
MUST_CHECK bool capture_reader_get(struct record *record, struct capture_reader *reader, int64_t id,
                                   struct error *error);

/* The highest id, 0 where the store is empty. */
MUST_CHECK bool capture_reader_last_id(int64_t *id, struct capture_reader *reader, struct error *error);

/* Whether anything was written since the last call (the first call: true). Cheap: made to be asked many times a second. */
MUST_CHECK bool capture_reader_has_changed(bool *changed, struct capture_reader *reader, struct error *error);

/* Whether the path still names the file that is open: false after the store was set aside, deleted or replaced. */
bool capture_reader_is_current(const struct capture_reader *reader);

/* What the store holds. */
struct capture_stats {
    int64_t exchanges;
    int64_t imported;
    int64_t first_id, last_id; /* of the recorded; 0: none */
    int64_t first_us, last_us; /* when they were received */
    int64_t file_bytes;        /* of the database file */
    int64_t log_bytes;         /* of the write-ahead log beside it, which is carried over into the file now and then */
    int64_t used_bytes;        /* in use, the log taken into account */
    int64_t free_bytes;        /* not in use */
    int64_t outcomes[RECORD_OUTCOME_COUNT];
};
MUST_CHECK bool capture_reader_stats(struct capture_stats *stats, struct capture_reader *reader, struct error *error);

/* One line of a table of figures: recorded exchanges by (outcome, status, code), by endpoint, by party, largest count first. */
struct capture_group {
    struct slice first;  /* outcome; method; listener */
    struct slice second; /* code and message; path; account */
    int status;          /* 0 where it has no meaning */
    int64_t count;
};
enum capture_grouping { CAPTURE_BY_VERDICT, CAPTURE_BY_ENDPOINT, CAPTURE_BY_PARTY };
MUST_CHECK bool capture_reader_groups(struct capture_reader *reader, enum capture_grouping grouping, size_t limit,
                                      bool (*visit)(void *context, const struct capture_group *group), void *context,
                                      struct error *error);

/* What happened to the record itself: torn frames, dropped exchanges, a store set aside. Newest first. */
struct capture_incident {
    int64_t at_us;
    struct slice kind; /* "recovered", "torn", "dropped", "set-aside", "left-out" */
    int64_t count;
    struct slice detail; /* a sentence */
};
MUST_CHECK bool capture_reader_incidents(struct capture_reader *reader, size_t limit,
                                         bool (*visit)(void *context, const struct capture_incident *incident),
                                         void *context, struct error *error);

/* A value of a row that the user's own SQL gave. */
enum capture_value_kind { CAPTURE_NULL, CAPTURE_INTEGER, CAPTURE_REAL, CAPTURE_TEXT, CAPTURE_BLOB };
struct capture_value {
    enum capture_value_kind kind;
    int64_t integer;
    double real;
    struct slice bytes; /* of TEXT and BLOB */
};
struct capture_row {
    size_t count;
    const char *const *names;
    const struct capture_value *values;
};

/* Runs one SQL statement on the read-only connection and visits its rows. What is no single reading statement is
 * ERROR_INPUT with SQLite's words. */
MUST_CHECK bool capture_reader_sql(struct capture_reader *reader, const char *sql,
                                   bool (*visit)(void *context, const struct capture_row *row), void *context,
                                   struct error *error);

#endif
