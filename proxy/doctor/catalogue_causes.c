/* Why the exchange does not accept who is asking: the causes of 401, 1401 and 3005. Constant data; any thread. */
#include "catalogue_tables.h"

/* --- where the request comes from --- */

const struct catalogue_cause cause_ip_not_whitelisted = {
    .id = "ip-not-whitelisted",
    .text =
        "The key is bound to IP addresses, and the request came from another one. A key can be bound to up to 5, and "
        "works from those alone.",
    .tell =
        "Compare the addresses that requests leave from with those that the key is bound to on the exchange's site. "
        "`log show` has this machine's own address; behind a router, the exchange sees the router's.",
    .commands = { "countersign doctor", "countersign log show last:api_error" },
    .remedy =
        "Bind the address that you come from, or leave from a bound one: `ip_family`, `bind_address` or `proxy` of "
        "the upstream.",
};

const struct catalogue_cause cause_ip_family = {
    .id = "ip-family",
    .text = "The host has IPv4 and IPv6, and the request left over the one whose address the key is not bound to. It "
            "comes and goes with the address that is picked, and public calls work all the same.",
    .tell = "Failures over one IP family and successes over the other.",
    .commands = { "countersign log why",
                  "countersign log sql \"SELECT api_code, ip_family, count(*) FROM exchange GROUP BY 1, 2\"" },
    .remedy = "Set `ip_family = ipv4` or `ip_family = ipv6` for the upstream, as the key is bound; or bind both "
              "addresses.",
};

const struct catalogue_cause cause_egress_address = {
    .id = "egress-address",
    .text =
        "There are two ways out, a host's own address and an HTTP proxy with a static one, say, and the key is bound "
        "to one of them.",
    .tell = "Failures by one way and successes by the other. `config show` has each upstream's `bind_address` and "
            "`proxy`.",
    .commands = { "countersign log why", "countersign config show" },
    .remedy = "Send everything one way, or bind both addresses.",
};

/* --- whose key it is --- */

const struct catalogue_cause cause_wrong_key = {
    .id = "wrong-key",
    .text = "The API key is not the one that the exchange knows: cut short, mistyped, deleted, or of another account.",
    .tell = "`log show` has the key's first and last characters; `sign --show-key` prints the key that this program "
            "uses. Compare it with the one on the exchange's site.",
    .commands = { "countersign doctor", "countersign log show last:api_error",
                  "countersign sign --target /api/trade/order/active --show-key" },
    .remedy = "Copy the key again, or make a new one; put the new secret beside it, for they belong together.",
};

const struct catalogue_cause cause_key_white_space = {
    .id = "key-white-space",
    .text = "White space was pasted with the key or the secret.",
    .tell = "This program refuses such a key at its start and says where the white space stands. In code of your own, "
            "print the lengths: keys and secrets seen so far have 32 characters.",
    .commands = { "countersign doctor" },
    .remedy = "Take it out, or set `trim = yes` for the account.",
};

const struct catalogue_cause cause_key_form = {
    .id = "key-form",
    .text = "The key or the secret was not copied as it is: a character is missing, or was taken for another one.",
    .tell =
        "`doctor` counts its characters without showing any. Keys and secrets seen so far have 32, 0 to 9 and a to f.",
    .commands = { "countersign doctor" },
    .remedy = "Copy it again, by machine and not by eye.",
};

const struct catalogue_cause cause_same_text = {
    .id = "same-text",
    .text = "The API key stands in the secret's place, or the secret in the key's.",
    .tell = "`doctor` compares the two; `config show` has where each comes from.",
    .commands = { "countersign doctor", "countersign config show" },
    .remedy = "Put each in its place: `api_key` and `api_secret` of the account.",
};

const struct catalogue_cause cause_wrong_secret = {
    .id = "wrong-secret",
    .text = "The secret is not this key's. Signatures made with it have the right form and are wrong, all of them.",
    .tell =
        "No private call of this key has ever worked, and `verify` finds no other way in which the request could have "
        "been signed.",
    .commands = { "countersign doctor", "countersign verify last:api_error",
                  "countersign log ls --outcome ok --account main" },
    .remedy = "Make a new key on the exchange's site and take its key and its secret together.",
};

const struct catalogue_cause cause_sub_account_frozen = {
    .id = "sub-account-frozen",
    .text = "The main account froze the sub-account's login.",
    .tell = "Nothing on this side shows it. It worked until some moment, and no private call has since.",
    .commands = { "countersign log ls --outcome ok --account main" },
    .remedy = "Look at the sub-account on the exchange's site, from its main account.",
};

const struct catalogue_cause cause_sub_account_deleted = {
    .id = "sub-account-deleted",
    .text = "The sub-account was deleted.",
    .tell = "Nothing on this side shows it. It worked until some moment, and no private call has since.",
    .commands = { "countersign log ls --outcome ok --account main" },
    .remedy = "Look at the sub-accounts on the exchange's site; use the key of one that is there.",
};

const struct catalogue_cause cause_login_expired = {
    .id = "login-expired",
    .text = "The login token expired. What a login token is to a request that is signed with a key, the documentation "
            "does not say.",
    .tell = "Nothing on this side shows it. It worked until some moment, and no private call has since.",
    .commands = { "countersign log ls --outcome ok --account main" },
    .remedy = "Look whether the key is still valid on the exchange's site; if it is, rule the other causes out first.",
};

/* --- what was signed --- */

const struct catalogue_cause cause_signature = {
    .id = "signature",
    .text = "The signature is not that of the bytes that were sent, or was made in another way than documented.",
    .tell = "`verify` checks a recorded or imported request, tries the known ways of signing it wrongly, and names the "
            "one that fits.",
    .commands = { "countersign verify last:api_error", "countersign sign --target /api/trade/order/active" },
    .remedy =
        "Sign the query without its `?`, as sent, and right behind it the body, as sent. Or send unsigned requests "
        "through this proxy: what it signs is what it sends.",
};

const struct catalogue_cause cause_body_reserialised = {
    .id = "body-reserialised",
    .text = "The body was serialised twice: one byte string was signed, and another one was sent. `json=` of an HTTP "
            "library serialises again, and separators differ.",
    .tell = "`verify` names the form that was signed. Look at the bytes that left beside those that your code signs.",
    .commands = { "countersign verify last:api_error",
                  "countersign log show last:api_error --raw --view upstream-request" },
    .remedy = "Serialise once, keep the bytes, sign them and send them: `data=` instead of `json=`.",
};

const struct catalogue_cause cause_empty_body = {
    .id = "empty-body",
    .text = "A POST without parameters was signed as '' and sent as {}, or the other way round.",
    .tell = "`verify` names it. It can only be where the request has no parameters.",
    .commands = { "countersign verify last:api_error", "countersign log show last:api_error --view upstream-request" },
    .remedy = "Sign {} and send {}: the documentation asks for this body. This proxy adds it where there is none.",
};

const struct catalogue_cause cause_clock = {
    .id = "clock",
    .text =
        "The clock is off. X-CS-EXPIRES and the 30-second window come from it; how far off the exchange lets them be "
        "is not documented.",
    .tell = "`doctor` measures the offset; `log show` has the answer's `Date` beside `expires`.",
    .commands = { "countersign doctor", "countersign log show last:api_error" },
    .remedy = "Keep the machine's clock with NTP.",
};

const struct catalogue_cause cause_body_timestamp = {
    .id = "body-timestamp",
    .text =
        "The body's `timestamp` and X-CS-EXPIRES were taken at two moments. Whether the exchange compares them is not "
        "documented.",
    .tell = "`log why` tells whether their distance sets failures apart from successes.",
    .commands = { "countersign log why", "countersign log show last:api_error --view upstream-request" },
    .remedy =
        "Take the body's `timestamp` right before sending, in milliseconds; in code that signs for itself, take both "
        "from one reading of the clock.",
};

const struct catalogue_cause cause_content_type = {
    .id = "content-type",
    .text = "The request has another Content-Type than application/json, or none. The documentation asks for it; what "
            "happens without is not documented.",
    .tell = "Look at the fields that left.",
    .commands = { "countersign log show last:api_error --view upstream-request" },
    .remedy =
        "Send `Content-Type: application/json`. This proxy adds it to a POST that has none, and changes no other.",
};

/* --- what users found beside these --- */

const struct catalogue_cause cause_order_type = {
    .id = "order-type",
    .text =
        "Market orders worked and limit orders answered 1401, with the same key. Why is not known: the two exchanges "
        "have to be seen side by side.",
    .tell = "`log diff` shows what differs between an order that worked and one that did not.",
    .commands = { "countersign log diff last:ok last:api_error --path '/api/trade/order/place*'",
                  "countersign log why" },
    .remedy = "Change one of the differences at a time: numbers as strings or not, the body's form, `timestamp`, the "
              "address.",
};

const struct catalogue_cause cause_signed_public_call = {
    .id = "signed-public-call",
    .text = "A public endpoint was called with signature fields, and the same call without them worked.",
    .tell = "The path is a public one, and `log show` has a signature.",
    .commands = { "countersign log ls --path '/api/v1/*' --outcome api_error", "countersign config show" },
    .remedy = "Leave the fields away. `sign = private`, the default, sends public calls unsigned.",
};

const struct catalogue_cause cause_failure_as_http_200 = {
    .id = "failure-as-http-200",
    .text =
        "The failure came as HTTP 200 and was taken for a success, so that it shows up somewhere else: a trade that "
        "never happened.",
    .tell = "Failures with status 200.",
    .commands = { "countersign log ls --status 200 --outcome api_error" },
    .remedy =
        "Read the answer's `code`, not its HTTP status, or the `Countersign-Outcome` field of each answer; or let "
        "the listener give failures a status that fits: failures = as-status.",
};

const struct catalogue_cause cause_no_record = {
    .id = "no-record",
    .text =
        "Not a cause, but why causes are not found: nobody had recorded the raw request and the raw answer, so every "
        "theory stayed one.",
    .tell =
        "What came through this proxy is recorded byte for byte. What other code sent can be imported from a HAR, an "
        "`.http` file or a curl command.",
    .commands = { "countersign log show last:api_error", "countersign log import FILE" },
    .remedy = "Send the request through this proxy, then compare: `countersign log diff A B`.",
};
