/* Who may ask: which user of this machine, through which name, with which token; and no web page in a browser. Pure.
 *
 * A page can have the browser send requests to 127.0.0.1. Browsers mark them: `Origin` on everything that is not a plain
 * navigation or image, `Sec-Fetch-Site` on everything (Fetch standard; Fetch Metadata). A page behind a name that was made
 * to resolve to 127.0.0.1 (DNS rebinding) looks like one of the listener's own, but for `Host`: it can be no address, which
 * no one resolves, and no name that was not configured. */
#ifndef COUNTERSIGN_CALLER_H
#define COUNTERSIGN_CALLER_H

#include "countersign/http_message.h"
#include "countersign/peer.h"

enum {
    CALLER_HOSTS_MAX = 16,  /* names of one listener */
    CALLER_TOKEN_MIN = 16,  /* characters: a shorter one can be guessed */
    CALLER_TOKEN_MAX = 128, /* characters */
    CALLER_REASON_MAX = 512 /* bytes of caller_explain_peer's text with its NUL */
};

enum caller_verdict {
    CALLER_MAY_ASK,
    CALLER_IS_A_BROWSER,       /* Origin, or a Sec-Fetch-Site other than none */
    CALLER_NAMES_ANOTHER_HOST, /* Host is neither the listener's address, a loopback address, localhost, an allowed name, nor
                                  the upstream's own */
    CALLER_IS_ANOTHER_USER, /* of this machine, and not one of those who may */
    CALLER_IS_UNKNOWN,      /* which user asks could not be found out */
    CALLER_HAS_NO_TOKEN,
    CALLER_HAS_ANOTHER_TOKEN
};

/* --- names --- */

/* Allowed names as a list that is read once: "bot.internal", "bot.internal:8787", "10.0.0.7". */
struct caller_hosts {
    struct slice names[CALLER_HOSTS_MAX]; /* borrowed from the text */
    size_t count;
};

/* Reads names between commas; what is beyond CALLER_HOSTS_MAX is left out. `text` must stay. */
void caller_hosts_read(struct caller_hosts *hosts, const char *text);

/* What Host may say. */
struct caller_names {
    const char *local;         /* where the connection came in: "127.0.0.1:8787"; of "unix:...", which no web page
                                          can reach, Host is not looked at */
    const char *upstream_host; /* the upstream's Host value, which a client that is pointed here by its proxy
                                          settings or a hosts file sends */
    const struct caller_hosts *allowed;
};

/* By the request's fields: CALLER_MAY_ASK, CALLER_IS_A_BROWSER or CALLER_NAMES_ANOTHER_HOST. A name without a port is the
 * listener's under any port; of an address that is not a loopback one, the port must be the listener's, or none. */
enum caller_verdict caller_judge(struct http_fields fields, const struct caller_names *names);

/* --- users --- */

/* `has_token`: the listener asks for a token. On another machine there is no user to find: there the token decides alone.
 * CALLER_MAY_ASK, CALLER_IS_ANOTHER_USER or CALLER_IS_UNKNOWN. User 0 is a user as any other. */
enum caller_verdict caller_judge_peer(const struct peer *peer, const struct peer_rule *rule, bool has_token);

/* Writes what was found of a peer that may not ask, and what to do, into `text` of CALLER_REASON_MAX bytes. `configured` is
 * the rule as it was written. */
void caller_explain_peer(char *text, const struct peer *peer, const struct peer_rule *rule, const char *configured,
                         const char *listener);

/* --- tokens --- */

struct caller_token {
    char bytes[CALLER_TOKEN_MAX]; /* 0 behind its end */
    size_t length;                /* 0: none is asked for */
};

/* `token` of at most CALLER_TOKEN_MAX bytes. */
void caller_token_set(struct caller_token *token, struct slice value);

/* By Countersign-Token, or where there is none by Authorization: Bearer (RFC 6750 §2.1). Takes as long for a token that is
 * nearly right as for any other. CALLER_MAY_ASK, CALLER_HAS_NO_TOKEN or CALLER_HAS_ANOTHER_TOKEN. */
enum caller_verdict caller_judge_token(const struct caller_token *token, struct http_fields fields);

/* Whether the field is an Authorization that holds this listener's token: it is for this proxy, and not forwarded.
 * (Countersign-Token never is: redaction.h.) */
bool caller_field_is_token(const struct caller_token *token, const struct http_field *field);

#endif
