/* The configuration: read once, checked whole, then immutable and shared freely between threads.
 *
 * Sources, the later wins: built-in defaults, the file, COUNTERSIGN_* variables, command-line settings. A kind of named
 * section ([account], [upstream], [listener]) that appears nowhere gets its built-in one, so that no file at all works. */
#ifndef COUNTERSIGN_CONFIG_H
#define COUNTERSIGN_CONFIG_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/log.h"
#include "countersign/rule.h"

#include <stdint.h>

/* [proxy] admin where nothing is said: taken if it can be had. */
#define CONFIG_ADMIN_DEFAULT "127.0.0.1:8788"

enum { CONFIG_NAME_MAX = 32 }; /* characters in a section's name: letters, digits, '-' and '_' */

/* Characters in the NAME of "keystore:NAME", of the same kind. Keys in the wild have 32: one that is pasted in a name's place
 * is refused, and not shown. */
enum { CONFIG_KEYSTORE_NAME_MAX = 24 };

enum config_http { CONFIG_HTTP_1_1, CONFIG_HTTP_2, CONFIG_HTTP_AUTO };
enum config_ip_family { CONFIG_IP_ANY, CONFIG_IP_V4, CONFIG_IP_V6 };
enum config_mode { CONFIG_MODE_SIGN, CONFIG_MODE_OBSERVE, CONFIG_MODE_DRY_RUN };
enum config_policy { CONFIG_POLICY_TRADE, CONFIG_POLICY_READ_ONLY, CONFIG_POLICY_ALL };
enum config_sign { CONFIG_SIGN_PRIVATE, CONFIG_SIGN_ALL };
enum config_clock { CONFIG_CLOCK_SYSTEM, CONFIG_CLOCK_EXCHANGE };
enum config_pace { CONFIG_PACE_QUEUE, CONFIG_PACE_REJECT, CONFIG_PACE_OFF };
enum config_failures { CONFIG_FAILURES_AS_IS, CONFIG_FAILURES_AS_STATUS };
enum config_durability { CONFIG_DURABILITY_PROCESS, CONFIG_DURABILITY_POWER };
enum config_when_full { CONFIG_WHEN_FULL_REFUSE, CONFIG_WHEN_FULL_DROP };

struct config_proxy {
    char *state_dir; /* absolute, `~` resolved */
    /* "prompt", "fd:NUMBER" or a secret's source but "keystore:NAME": where the keystore's passphrase comes from */
    char *keystore_passphrase;
    char *admin;      /* an endpoint.h text of this machine; "" for none */
    char *admin_peer; /* a peer.h rule's text */
    int64_t workers;
    int64_t log_level;  /* enum log_level */
    int64_t log_format; /* enum log_format */
    int64_t connections_max;
    int64_t in_flight_max;
    int64_t header_max;      /* bytes */
    int64_t body_max;        /* bytes */
    int64_t response_max;    /* bytes */
    int64_t buffer_max;      /* bytes of bodies and answers together, per worker */
    int64_t idle_timeout;    /* µs; kept-alive client connections */
    int64_t request_timeout; /* µs; from a request's first byte to its last */
    int64_t answer_timeout;  /* µs; for a client to take its answer */
    int64_t pace;            /* enum config_pace */
    int64_t pace_wait;       /* µs; for a turn to leave */
    int64_t drain;           /* µs */
    int64_t sandbox;         /* bool: system calls, files and ports are limited */
};

struct config_capture {
    int64_t ring_size;  /* bytes, per worker */
    int64_t durability; /* enum config_durability */
    int64_t when_full;  /* enum config_when_full */
    int64_t keep_days;  /* 0: no bound; likewise the next two */
    int64_t keep_mib;
    int64_t keep_count;
};

struct config_account {
    char name[CONFIG_NAME_MAX + 1];
    /* A secret's source: "env:NAME", "file:PATH" (made absolute), "keystore:NAME", ... Never the key itself. */
    char *api_key;
    char *api_secret; /* likewise */
    int64_t trim;     /* bool */
    int64_t clock;    /* enum config_clock */
    char *rate;       /* a pace.h rate's text */
};

struct config_upstream {
    char name[CONFIG_NAME_MAX + 1];
    char *url;               /* "https://host[:port]", no path; "http://" only for a literal loopback address */
    int64_t http;            /* enum config_http */
    int64_t ip_family;       /* enum config_ip_family */
    char *ca_file;           /* "" for the system's */
    char *bind_address;      /* "" for any */
    char *proxy;             /* "" for none; "http://host:port", "socks5h://host:port" */
    int64_t connect_timeout; /* µs */
    int64_t timeout;         /* µs */
    int64_t warm;            /* connections opened at start, per worker */
    int64_t connections;     /* to the exchange at most, per worker */
    char *ip_rate;           /* a pace.h rate's text; the same for all upstreams that config_is_same_address joins */
};

/* What `allow` and `deny` say, in the order in which they are asked: flags first, then variables (what they deny before what
 * they allow), then the file's from its top. */
struct config_rules {
    struct rule *items;
    size_t count;
};

struct config_listener {
    char name[CONFIG_NAME_MAX + 1];
    char *listen; /* an endpoint.h text; an address that is not a loopback one only with `expose` and a token */
    char *upstream_name;
    char *account_name;
    size_t upstream;  /* index into config.upstreams */
    size_t account;   /* index into config.accounts */
    int64_t mode;     /* enum config_mode */
    int64_t policy;   /* enum config_policy */
    int64_t sign;     /* enum config_sign */
    int64_t failures; /* enum config_failures */
    struct config_rules rules;
    int64_t learn;       /* bool */
    int64_t expose;      /* bool */
    char *allowed_hosts; /* names between commas; "" for none */
    char *peer;          /* a peer.h rule's text: "same-user", "any", "1000, 1001" */
    char *token;         /* a secret's source as an account's; "" for none */
    /* Limits for orders placed, as order_limits_read takes them; "" for none. */
    char *max_notional;
    char *symbols;
    char *sides;
};

/* Whether both reach the same host and port, and whether the exchange sees requests to both come from one address: by the same
 * egress proxy, or from the same `bind_address`. The family of addresses is not looked at: "any" may be either. */
bool config_is_same_exchange(const struct config_upstream *one, const struct config_upstream *other);
bool config_is_same_address(const struct config_upstream *one, const struct config_upstream *other);

struct config_setting;

struct config {
    char *file;                            /* the file that was read, NULL for none */
    const struct config_setting *settings; /* borrowed from the sources, for config_load_again */
    size_t setting_count;
    struct config_proxy proxy;
    struct config_capture capture;
    struct config_account *accounts;
    size_t account_count;
    struct config_upstream *upstreams;
    size_t upstream_count;
    struct config_listener *listeners;
    size_t listener_count;
};

/* One setting from the command line: key "proxy.workers", "listener.bot.listen". */
struct config_setting {
    const char *key;
    const char *value;
    const char *flag; /* how the user wrote it, for errors: "--listen" */
};

struct config_sources {
    const char *file;         /* NULL: the default place if it exists (config_default_file), else none */
    char *const *environment; /* environ-like, NULL-terminated; NULL for none */
    const struct config_setting *settings;
    size_t setting_count;
};

/* Reads and checks everything. On success *config is the caller's (config_free). On failure *config is NULL and
 * `report` holds one line for each thing that is wrong, all of them, each with file and line (or variable, or flag),
 * what was expected and, for a near miss, the name meant. `error` sums it up. Reads files; not for a request's path. */
MUST_CHECK bool config_load(struct config **config, const struct config_sources *sources, struct buffer *report,
                            struct error *error);
void config_free(struct config *config);

/* As config_load, for what the same file says now: `text` stands in for its content (a process that gave up opening it was
 * handed it), the command line's settings are those of `held`, whose sources must still be there. Any thread. */
MUST_CHECK bool config_load_again(struct config **config, const struct config *held, char *const *environment,
                                  struct slice text, struct buffer *report, struct error *error);

/* One key whose value is another in `fresh`: "listener bot", "policy", as a file would say both (rules: "a | b"). */
struct config_change {
    const char *section;
    const char *key;
    const char *was;
    const char *now;
};

/* Visits each key that differs, in the table's order. False, with ERROR_CONFIG, where sections were added, taken out, renamed
 * or stand in another order. The texts are valid during the visit. */
MUST_CHECK bool config_each_change(const struct config *held, const struct config *fresh,
                                   void (*visit)(void *context, const struct config_change *change), void *context,
                                   struct error *error);

/* $XDG_CONFIG_HOME/countersign/countersign.ini (or ~/.config/...), then /etc/countersign/countersign.ini: the first
 * that exists, else NULL. The caller frees it. */
char *config_default_file(void);

/* Appends every key: section, name, type and range, default, help; from the table that parsing uses. */
void config_describe_keys(struct buffer *out);

/* Appends the checked configuration as an INI file (every key with its value in force). Holds no secret: secrets are
 * named by their source. */
void config_describe(struct buffer *out, const struct config *config);

/* Visits every secret source "env:NAME" so that the variable can be taken out of an environment. */
void config_each_secret_variable(const struct config *config, void (*visit)(void *context, const char *variable),
                                 void *context);

/* Whether an entry of the keystore may have this name. */
bool config_keystore_name_valid(struct slice name);

/* The one of `words` (NULL-terminated) that `word` was probably meant to be, or NULL where none is near. For messages. */
const char *config_nearest_word(const char *word, const char *const *words);

#endif
