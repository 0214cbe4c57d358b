/* The catalogue of causes: what the exchange's codes, the HTTP statuses and this proxy's own errors mean, why they come,
 * how to tell with this program, what to do. Constant data, valid for ever; pure; any thread.
 *
 * What is documented is told apart from what users found and from what is merely concluded: enum catalogue_basis. Sources:
 * the exchange's API documentation ("Answers", "Limits"), and what its users published of their own debugging. */
#ifndef COUNTERSIGN_CATALOGUE_H
#define COUNTERSIGN_CATALOGUE_H

#include "countersign/record.h"
#include "countersign/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CATALOGUE_REASONS_MAX = 20, /* causes of an entry */
    CATALOGUE_COMMANDS_MAX = 3  /* commands of a cause */
};

enum catalogue_kind {
    CATALOGUE_CODE,   /* the envelope's `code` */
    CATALOGUE_STATUS, /* an HTTP status, the exchange's or this proxy's */
    CATALOGUE_OWN,    /* this proxy's own error: Countersign-Error, `error` in the record */
    CATALOGUE_KIND_COUNT
};

/* Where it is known from. */
enum catalogue_basis {
    CATALOGUE_DOCUMENTED, /* the exchange's documentation names it for this very code */
    CATALOGUE_REPORTED,   /* its users found it, or tried it */
    CATALOGUE_CONCLUDED,  /* neither: it follows from how requests are signed and carried */
    CATALOGUE_BY_PROXY,   /* this proxy says it of itself */
    CATALOGUE_BASIS_COUNT
};

struct catalogue_cause {
    const char *id; /* stable: "ip-family"; unique, and no entry's name */
    const char *text;
    const char *tell;                                 /* how to tell; what the commands show */
    const char *commands[CATALOGUE_COMMANDS_MAX + 1]; /* as typed: "countersign log why"; NULL behind the last */
    const char *remedy;
};

/* A cause of an entry. The same cause may be documented for one code and concluded for another. */
struct catalogue_reason {
    const struct catalogue_cause *cause;
    enum catalogue_basis basis;
};

struct catalogue_entry {
    enum catalogue_kind kind;
    const char *name; /* "1401", "http-429", "policy"; unique within its kind, and what `countersign explain` takes */
    const char *message; /* the exchange's `message`, or the status's meaning, as documented; NULL where none is */
    const char *summary; /* the first line: one sentence */
    enum catalogue_basis basis; /* of the entry itself */
    const char *source;         /* where it is documented, or that it is not */
    /* In the order in which to look; ended by one without a cause:
     * for (const struct catalogue_reason *reason = entry->reasons; reason->cause != NULL; reason++). Success has none. */
    struct catalogue_reason reasons[CATALOGUE_REASONS_MAX + 1];
};

/* "code", "http", "countersign"; "documented", "reported", "concluded", "own". */
const char *catalogue_kind_name(enum catalogue_kind kind);
const char *catalogue_basis_name(enum catalogue_basis basis);

/* All entries: codes, then statuses, then own errors, each in order; NULL behind the last. */
size_t catalogue_count(void);
const struct catalogue_entry *catalogue_entry_at(size_t index);

/* NULL where the catalogue has none. A code is as the envelope writes it, without quotes; an error is a
 * Countersign-Error's value. */
const struct catalogue_entry *catalogue_of_code(struct slice code);
const struct catalogue_entry *catalogue_of_status(int status);
const struct catalogue_entry *catalogue_of_error(struct slice error_name);

/* Why the exchange failed: by its code, else by this proxy's error, else by its status. NULL where it did not fail, has not
 * ended, or nothing is known of it. */
const struct catalogue_entry *catalogue_of_record(const struct record *record);

/* The cause by its id, NULL where there is none. `reason->cause` of an entry is the same object. */
const struct catalogue_cause *catalogue_cause_find(struct slice id);

/* All causes, each once, in the order in which entries name them; NULL behind the last. */
const struct catalogue_cause *catalogue_cause_at(size_t index);

/* What the outcome of an exchange means, in sentences. */
const char *catalogue_outcome_meaning(enum record_outcome outcome);

/* Whether the entry names the cause. */
bool catalogue_has_cause(const struct catalogue_entry *entry, const struct catalogue_cause *cause);

/* How the text names the entry; letters' case is not heeded, and all that is no letter or digit is the same. */
enum catalogue_match {
    CATALOGUE_NO_MATCH,
    CATALOGUE_SOME_WORDS, /* every word of the text is one of its name, message or summary, or begins one */
    CATALOGUE_BY_NAME     /* "1401", "code 1401", "unauthorized", "1401 unauthorized", "429", "http 429", "connect" */
};

enum catalogue_match catalogue_match(const struct catalogue_entry *entry, struct slice text);

/* Whether every word of the text is one of the cause's id or sentences, or begins one. */
bool catalogue_cause_matches(const struct catalogue_cause *cause, struct slice text);

#endif
