/* The one table of configuration keys. Parsing, errors, `config keys`, `config show`, COUNTERSIGN_* variables and --set
 * all come from it. Constant; any thread. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_KEYS_H
#define COUNTERSIGN_CONFIG_KEYS_H

#include "countersign/config.h"
#include "countersign/slice.h"

enum config_type {
    CONFIG_TYPE_NAME, /* another section's name */
    CONFIG_TYPE_PATH, /* made absolute, `~` resolved */
    CONFIG_TYPE_BOOL, /* 0 or 1 */
    CONFIG_TYPE_INTEGER,
    CONFIG_TYPE_SIZE,     /* bytes */
    CONFIG_TYPE_DURATION, /* µs */
    CONFIG_TYPE_CHOICE,   /* index into `choices` */
    CONFIG_TYPE_URL,      /* an origin: scheme, host, port */
    CONFIG_TYPE_ENDPOINT, /* endpoint.h */
    CONFIG_TYPE_ADDRESS,  /* a literal IP address */
    CONFIG_TYPE_PROXY,    /* an egress proxy: scheme, host, port */
    CONFIG_TYPE_SECRET,   /* a secret's source, never the secret */
    CONFIG_TYPE_TOKEN,    /* the same of a listener's token, which no keystore holds */
    CONFIG_TYPE_PHRASE,   /* the same of the keystore's passphrase, or where to ask for it */
    CONFIG_TYPE_HOSTS,    /* names or addresses between commas */
    CONFIG_TYPE_PEER,     /* a peer.h rule */
    CONFIG_TYPE_RULE,     /* may be given many times: rules.h */
    CONFIG_TYPE_AMOUNT,   /* a decimal above 0, kept as text */
    CONFIG_TYPE_SYMBOLS,  /* a list of the exchange's symbols, or contract ids */
    CONFIG_TYPE_SIDES,    /* a list of BUY and SELL */
    CONFIG_TYPE_RATE      /* pace.h, kept as text */
};

struct config_key {
    const char *name;
    enum config_type type;
    bool optional;        /* may be empty */
    const char *fallback; /* the default, as a file would say it */
    const char *built_in; /* in the built-in section where it differs from the default, else NULL */
    int64_t minimum;      /* of integer, size and duration */
    int64_t maximum;
    const char *const *choices; /* NULL-terminated; an index is the enum's value */
    size_t offset;              /* in the section's struct: an int64_t for number types, a struct config_rules
                                   for rules, else a char * */
    const char *help;           /* one line of at most CONFIG_HELP_MAX characters */
};

enum { CONFIG_KEYS_MAX = 32, CONFIG_HELP_MAX = 62 };

enum config_kind {
    CONFIG_KIND_PROXY,
    CONFIG_KIND_CAPTURE,
    CONFIG_KIND_ACCOUNT,
    CONFIG_KIND_UPSTREAM,
    CONFIG_KIND_LISTENER,
    CONFIG_KIND_COUNT
};

struct config_kind_row {
    const char *name;
    bool named;                /* [KIND NAME], any number; else [KIND], once. The struct then begins with its name. */
    const char *built_in_name; /* of the section that stands in where the kind appears nowhere */
    const struct config_key *keys;
    size_t key_count;
    size_t size; /* of the section's struct */
};

extern const struct config_kind_row config_kinds[CONFIG_KIND_COUNT];

/* The kind of this name, or CONFIG_KIND_COUNT. */
enum config_kind config_kind_find(struct slice name);

/* The key's index in its kind's table, or key_count. */
size_t config_key_find(enum config_kind kind, struct slice name);

/* Whether the key's value says where a secret is to be had, and may be the secret itself by mistake. */
bool config_key_is_source(const struct config_key *key);

/* Whether the key's value is an int64_t rather than text. */
bool config_key_is_number(const struct config_key *key);

/* What a value may be, for a sentence: "a size from 1KiB to 64KiB, such as 16KiB". */
void config_key_append_expected(struct buffer *out, const struct config_key *key);

/* The same for a listing: "1KiB..64KiB". */
void config_key_append_range(struct buffer *out, const struct config_key *key);

#endif
