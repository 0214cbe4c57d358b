/* What to do about a fact: a table. Pure; any thread. */
#include "why_private.h"

#include "countersign/compiler.h"

#include <string.h>

enum where { ANYWHERE, PUBLIC, PRIVATE };

struct advice {
    const char *word;
    const char *value; /* what sets the failures apart begins so; NULL: whatever it is */
    const char *text;
    enum where where; /* on which endpoints */
};

/* The first row that fits counts. */
static const struct advice table[] = {
    { "endpoint", NULL, "look at what this endpoint asks for, in its documentation and in an answer of its own",
      ANYWHERE },
    { "signed", "signed", "leave public calls unsigned: sign = private in [listener ...], or no X-CS-* fields",
      PUBLIC },
    { "signed", NULL, "have these calls signed: sign = all in [listener ...]", PUBLIC },
    { "signed", "signed by countersign", "check this account's key and secret: `countersign doctor`", PRIVATE },
    { "signed", "signed by the client", "see what your own code signs: `countersign verify`", PRIVATE },
    { "signed", NULL, "have these calls signed: mode = sign in [listener ...]", PRIVATE },
    { "client-signature", NULL, "ask what was signed instead: `countersign verify ID`", ANYWHERE },
    { "ip-family", "over IPv6",
      "set ip_family = ipv4 in [upstream ...], or add the IPv6 address to the key's whitelist", ANYWHERE },
    { "ip-family", NULL,
      "set ip_family = ipv6 in [upstream ...], or add this machine's public IPv4 address to the key's whitelist",
      ANYWHERE },
    { "egress", NULL,
      "send private calls one way only (bind_address or proxy in [upstream ...]), or add this way's public address to "
      "the key's whitelist",
      ANYWHERE },
    { "local-address", NULL,
      "set bind_address in [upstream ...] to the address that works, or add the other one to the key's whitelist",
      ANYWHERE },
    { "remote-address", NULL,
      "see where the name of the exchange leads from here, and whether an egress proxy stands in between", ANYWHERE },
    { "clock-offset", NULL, "set this machine's clock (NTP): a signature is good for its 30 s window alone", ANYWHERE },
    { "signature-age", NULL, "sign right before sending: a signature is good for its 30 s window alone", ANYWHERE },
    { "window-age", NULL,
      "a signature made at the end of its window may come too late: look at the clock, and at how long requests take",
      ANYWHERE },
    { "order-type", NULL,
      "see which members each type of order takes: a limit order ordPrice and ordQty, a market buy "
      "ordAmt, a market sell ordQty",
      ANYWHERE },
    { "order-price", NULL, "write numbers as the orders that went well do", ANYWHERE },
    { "order-quantity", NULL, "write numbers as the orders that went well do", ANYWHERE },
    { "order-amount", NULL, "write numbers as the orders that went well do", ANYWHERE },
    { "body-form", NULL,
      "send the bytes that were signed: if your code signs for itself, it may sign one form and send another",
      ANYWHERE },
    { "timestamp-distance", NULL, "take timestamp and X-CS-EXPIRES at one moment, right before sending", ANYWHERE },
    { "timestamp", NULL, "do with timestamp as the requests that went well do", ANYWHERE },
    { "symbol", NULL, "see whether this pair is listed and open to this account", ANYWHERE },
    { "content-type", NULL, "send Content-Type: application/json", ANYWHERE },
    { "api-key", NULL, "check this key: its secret, its rights and its whitelist", ANYWHERE },
    { "account", NULL, "check this account's key: its secret, its rights and its whitelist", ANYWHERE },
    { "listener", NULL, "compare the two [listener ...] sections: `countersign config check`", ANYWHERE },
    { "http-version", NULL, "set http in [upstream ...] to the version that works", ANYWHERE },
    { "reused", NULL, "see whether something on the way ends idle connections, or changes the address of new ones",
      ANYWHERE },
    { "hour", NULL, "see what else happens at that hour: maintenance, an address that changes, limits of use",
      ANYWHERE },
    { "field", NULL, "do with this field as the requests that went well do", ANYWHERE },
    { "client-field", NULL, "do with this field as the requests that went well do", ANYWHERE },
};

const char *why_advice(struct why_name name, struct slice value, bool is_public)
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        if (strcmp(table[i].word, name.word) == 0 && table[i].where != (is_public ? PRIVATE : PUBLIC) &&
            (table[i].value == NULL || slice_starts_with(value, table[i].value)))
            return table[i].text;
    }
    return NULL;
}
