/* What the files of share have in common: kinds, the memory of values, rules for words. Private to these. */
#ifndef COUNTERSIGN_COMPARE_SHARE_PRIVATE_H
#define COUNTERSIGN_COMPARE_SHARE_PRIVATE_H

#include "countersign/share.h"

enum share_kind {
    SHARE_WORD,   /* stays where it is a word or a short number, else a value */
    SHARE_FIGURE, /* stays where it is a number, else a value */
    SHARE_TEXT,   /* a message: its words stay */
    SHARE_VALUE,  /* nothing is known of it */
    SHARE_NAME,
    SHARE_LABEL,
    SHARE_KEY,
    SHARE_SIGNATURE,
    SHARE_DIGEST,
    SHARE_ACCOUNT,
    SHARE_ORDER,
    SHARE_TRADE,
    SHARE_ID,
    SHARE_TRANSACTION,
    SHARE_AMOUNT,
    SHARE_ADDRESS,
    SHARE_HOST,
    SHARE_BODY,
    SHARE_KIND_COUNT
};

struct share_value; /* a slot of the table */

struct share {
    struct share_value *slots; /* open addressing, a power of two of them */
    size_t slot_count;
    size_t count;
    struct buffer texts;   /* the values, one behind the other */
    struct buffer bytes;   /* the record at hand */
    struct buffer decoded; /* a compressed body */
    struct buffer plain;   /* a string without escapes */
    bool learns;           /* a first pass, for the names and kinds of values alone: messages wait for the second */
    bool failed;           /* memory or a bound is out: what was written since is incomplete */
};

/* The value's number, 1 and up, and its kind: what it was first seen as, whatever `kind` says. 0 where share->failed. */
uint64_t share_number(struct share *share, enum share_kind kind, struct slice text, enum share_kind *seen_as);

/* Whether the value was seen before. */
bool share_knows(const struct share *share, struct slice text);

/* Whether the value was seen before as somebody's: an id, an address, a key. */
bool share_knows_as_id(const struct share *share, struct slice text);

/* Appends the token ("order-1") of a value; nothing for an empty one. */
void share_append_token(struct buffer *out, struct share *share, enum share_kind kind, struct slice text);

/* As above as a JSON number, see share.h. */
void share_append_number(struct buffer *out, struct share *share, enum share_kind kind, struct slice text);

/* A name of a JSON member or a query parameter, without quotes; case, '_' and '-' do not count. */
enum share_kind share_kind_of_name(struct slice name);

/* A name or a path segment that the exchange's documentation has. */
bool share_is_public_word(struct slice text);

/* Letters, digits, '_', '-', '.': at most 32 of them, at most 4 digits. */
bool share_is_word(struct slice text);

/* Whether a part of the text, between '-', '_', '.' and '\'', was seen before as a value. */
bool share_knows_part(const struct share *share, struct slice text);

/* Whether a name or a path segment stays as it is: a word that gives no token away. */
bool share_name_stays(const struct share *share, struct slice text);

/* Whether a value of this kind stays as it is (SHARE_WORD and SHARE_FIGURE). */
bool share_stays(const struct share *share, enum share_kind kind, struct slice text);

/* The forms of values that may stay (share_forms.c). Some hold numbers, which must be nobody's. */
typedef bool share_form(const struct share *share, struct slice text);
share_form share_is_error, share_is_outcome, share_is_exchange;           /* of this program */
share_form share_is_http_version, share_is_tls_version, share_is_cipher;  /* of connections */
share_form share_is_length, share_is_date, share_is_time, share_is_delay; /* numbers and dates of fields */
share_form share_is_protocol, share_is_languages;                         /* words of fields */

/* A host that is the exchange's own. */
bool share_is_public_host(struct slice host);

/* "192.0.2.1", "2001:db8::1", in brackets or not, with a port or without; "unix:" and what follows; a host name. */
void share_append_endpoint(struct buffer *out, struct share *share, struct slice endpoint);

/* A message of words. */
void share_append_text(struct buffer *out, struct share *share, struct slice text);

/* A request target. */
void share_append_target(struct buffer *out, struct share *share, struct slice target);

/* A request's method. */
void share_append_method(struct buffer *out, struct share *share, struct slice method);

/* A JSON text. False where it is none: what was appended is then to be thrown away. */
bool share_append_json(struct buffer *out, struct share *share, struct slice text);

#endif
