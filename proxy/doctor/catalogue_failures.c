/* What fails on the way to the exchange and back: the names in proxy/upstream/failure.c, and what the record notes. Constant
 * data; any thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

/* --- getting there --- */

static const struct catalogue_cause name_unknown = {
    .id = "name-unknown",
    .text = "The host's name is misspelt, or there is none: the exchange's, or the egress proxy's.",
    .tell = "The message names the host. Does another program of this machine resolve it?",
    .commands = { "countersign doctor", "countersign config show" },
    .remedy = "Correct `url` or `proxy` of the upstream.",
};

static const struct catalogue_cause resolver_down = {
    .id = "resolver-down",
    .text = "The name server does not answer, or this machine has no network.",
    .tell = "No other name resolves, either.",
    .commands = { "countersign doctor" },
    .remedy = "Look at /etc/resolv.conf and at the network.",
};

static const struct catalogue_cause nobody_listens = {
    .id = "nobody-listens",
    .text = "Nothing listens at that address and port, or a firewall refuses it.",
    .tell = "The message says that the connection was refused.",
    .commands = { "countersign doctor", "countersign log show last:not_sent" },
    .remedy = "Correct `url` or `proxy` of the upstream; start what should listen there.",
};

static const struct catalogue_cause no_route = {
    .id = "no-route",
    .text = "This machine has no way to that address: no network, or an IP family without one.",
    .tell = "The message says unreachable; `doctor` tries IPv4 and IPv6, each alone.",
    .commands = { "countersign doctor", "countersign log show last:not_sent" },
    .remedy = "Set the `ip_family` that works, or mend the network.",
};

static const struct catalogue_cause bind_address_gone = {
    .id = "bind-address-gone",
    .text = "The upstream's `bind_address` is none of this machine's addresses any more.",
    .tell = "The message says that the bind address could not be used.",
    .commands = { "countersign config show", "countersign log show last:not_sent" },
    .remedy = "Set `bind_address` to an address that the machine has, or leave it empty.",
};

static const struct catalogue_cause packets_lost = {
    .id = "packets-lost",
    .text = "A firewall on the way drops what goes there, or the network is overloaded.",
    .tell = "It fails after `connect_timeout`, every time, or with one IP family alone.",
    .commands = { "countersign doctor", "countersign log ls --outcome not_sent" },
    .remedy = "Let the connection out; set the `ip_family` that works; raise `connect_timeout` for a slow line.",
};

static const struct catalogue_cause certificate_untrusted = {
    .id = "certificate-untrusted",
    .text =
        "The certificate is not from an authority that this machine trusts, or is for another name: a company's or a "
        "hotel's network that opens TLS, or a mock exchange whose certificate is not in `ca_file`.",
    .tell = "`doctor` shows the chain and who issued it.",
    .commands = { "countersign doctor", "countersign log show last:not_sent" },
    .remedy = "Use a network that leaves TLS alone. Name an authority in `ca_file` only where you know why.",
};

static const struct catalogue_cause certificate_expired = {
    .id = "certificate-expired",
    .text = "The certificate is not valid now: it has expired, or this machine's clock is far off.",
    .tell = "`doctor` shows until when it is valid, and what the clock says.",
    .commands = { "countersign doctor", "countersign log show last:not_sent" },
    .remedy = "Set the clock; if it is right, wait for the exchange to renew its certificate.",
};

static const struct catalogue_cause not_tls = {
    .id = "not-tls",
    .text = "What listens there does not speak TLS, or none of a version that both ends take.",
    .tell = "The handshake fails before any certificate is shown.",
    .commands = { "countersign doctor", "countersign config show" },
    .remedy = "Correct `url`'s port; with `http = 2`, try `http = 1.1`.",
};

static const struct catalogue_cause egress_refused = {
    .id = "egress-refused",
    .text = "The egress proxy refused to lead there, asked for a password, or is none.",
    .tell = "The message has its answer.",
    .commands = { "countersign log show last:not_sent", "countersign config show" },
    .remedy = "Correct `proxy` of the upstream; let the egress proxy pass CONNECT to the exchange's host and port 443.",
};

/* --- the answer --- */

static const struct catalogue_cause slow_exchange = {
    .id = "slow-exchange",
    .text = "The exchange took longer than the upstream's `timeout`, or the network lost its answer.",
    .tell = "Other requests of that time were slow, too, or not.",
    .commands = { "countersign log show last:unknown", "countersign log ls --slower-than 2s" },
    .remedy = "Raise `timeout` if answers come late; look at the network if none come.",
};

static const struct catalogue_cause connection_cut = {
    .id = "connection-cut",
    .text =
        "The exchange, or something on the way, closed the connection: an idle one was reused, a gateway restarted.",
    .tell = "`log show` says whether the connection was reused, and how long it took.",
    .commands = { "countersign log show last:unknown", "countersign log why" },
    .remedy =
        "Lost GETs without a body are tried again by themselves. If reused connections are the lost ones, say so to "
        "the exchange.",
};

const struct catalogue_cause cause_order_may_stand = {
    .id = "order-may-stand",
    .text = "The request had left: whether the exchange acted on it is not known.",
    .tell = "The outcome is unknown; `reconcile` asks the exchange what became of it, with calls that only look.",
    .commands = { "countersign log ls --outcome unknown", "countersign reconcile last:unknown" },
    .remedy = "Do not send it again before `countersign reconcile ID` has said what became of it.",
};

static const struct catalogue_cause large_answer = {
    .id = "large-answer",
    .text = "The answer is larger than `proxy.response_max`.",
    .tell = "The message has the bound.",
    .commands = { "countersign log show last:unknown", "countersign config show" },
    .remedy = "Ask for less at a time, or raise `response_max`.",
};

static const struct catalogue_cause much_answered = {
    .id = "much-answered",
    .text =
        "Bodies and answers that this proxy holds take as many bytes together as `proxy.buffer_max` allows. The first "
        "64 KiB of an answer pass all the same.",
    .tell = "Large answers come at the same time, or clients do not read theirs.",
    .commands = { "countersign log show last:unknown", "countersign config show" },
    .remedy = "Ask for less at once, read answers as they come, or raise `buffer_max`.",
};

static const struct catalogue_cause no_file_left = {
    .id = "no-file-left",
    .text = "This process has as many files and connections open as the system allows it (RLIMIT_NOFILE).",
    .tell = "The log warned at the start if the limit was too low. `config check` says how many are needed.",
    .commands = { "countersign config check", "countersign log show last:not_sent" },
    .remedy = "Raise the limit (LimitNOFILE of the systemd unit, `ulimit -n`), or lower `connections_max`.",
};

static const struct catalogue_cause not_http = {
    .id = "not-http",
    .text =
        "What came back is not HTTP as it should be: something else listens there, or something on the way answers.",
    .tell = "The message says which part could not be read.",
    .commands = { "countersign log show last:unknown", "countersign config show" },
    .remedy = "Correct `url`'s scheme and port, and look at what is on the way.",
};

static const struct catalogue_cause captive_portal = {
    .id = "captive-portal",
    .text = "The answer is no envelope: a page of a captive portal or of a gateway, an empty body, an unknown coding.",
    .tell = "`log show` has the answer as it came back; HTML begins with <.",
    .commands = { "countersign log show last:unknown --view upstream-response", "countersign doctor" },
    .remedy = "Log in to the network, or use another one; then look up what was asked for.",
};

const struct catalogue_cause cause_other_server = {
    .id = "other-server",
    .text = "What answers is not the exchange: the upstream's `url` names another server.",
    .tell = "`doctor` asks for what is public and says what came.",
    .commands = { "countersign doctor", "countersign config show" },
    .remedy = "Compare `url` letter by letter: https://api.coinstore.com, https://futures.coinstore.com.",
};

static const struct catalogue_cause odd_answer = {
    .id = "odd-answer",
    .text = "The exchange's answer has a status or a head that this proxy's HTTP server cannot send on.",
    .tell = "`log show` has the answer as it came back.",
    .commands = { "countersign log show last --view upstream-response" },
    .remedy = "Read the answer there: the exchange did answer.",
};

/* --- this program's own --- */

static const struct catalogue_cause no_intent = {
    .id = "no-intent",
    .text =
        "The request was stopped as it was about to be sent: it could not be recorded, or its window's key was gone.",
    .tell = "The proxy's log says which.",
    .commands = { "countersign log show last:not_sent", "countersign log stats" },
    .remedy = "It is safe to send again. Look at the disk and at the clock if it comes back.",
};

static const struct catalogue_cause library_failed = {
    .id = "library-failed",
    .text = "The HTTP library failed in a way that is not foreseen, or memory was out.",
    .tell = "The message has the library's own words, the outcome whether the request had left.",
    .commands = { "countersign log show last:not_sent", "countersign log show last:unknown" },
    .remedy = "Look up what is unknown before sending it again, and report the message.",
};

static const struct catalogue_cause answer_left_out = {
    .id = "answer-left-out",
    .text = "The client got the answer; the record had no room for its bytes.",
    .tell = "`log show` has the exchange without its answer.",
    .commands = { "countersign log show last", "countersign log stats" },
    .remedy = "Make room on the disk; for large answers, raise `capture.ring_size`.",
};

static const struct catalogue_cause proxy_died = {
    .id = "proxy-died",
    .text = "The proxy ended, killed or with the machine, before the answer came.",
    .tell = "The next start noted it; `log show` has the request as it was to be sent.",
    .commands = { "countersign log ls --outcome unknown", "countersign reconcile" },
    .remedy = "Look up what was asked for before sending it again: `countersign reconcile` does, for orders.",
};

#define FAILURE(word, sentence, where, ...)                                                                            \
    {                                                                                                                  \
        .kind = CATALOGUE_OWN, .name = (word), .summary = (sentence), .basis = CATALOGUE_BY_PROXY, .source = (where),  \
        .reasons = {                                                                                                   \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define BY_US(reason)                                                                                                  \
    {                                                                                                                  \
        &(reason), CATALOGUE_BY_PROXY                                                                                  \
    }
#define NOTHING_LEFT  "Noted by this proxy. Nothing left, unless the outcome is unknown."
#define MAY_HAVE_LEFT "Noted by this proxy. The outcome says whether the request had left: not_sent or unknown."

static const struct catalogue_entry entries[] = {
    FAILURE("name-resolution", "The host's name could not be resolved.", NOTHING_LEFT, BY_US(name_unknown),
            BY_US(resolver_down)),
    FAILURE("connect", "No connection to the exchange could be made.", NOTHING_LEFT, BY_US(nobody_listens),
            BY_US(no_route), BY_US(bind_address_gone)),
    FAILURE("connect-timeout", "No connection to the exchange was made in time.", NOTHING_LEFT, BY_US(packets_lost),
            BY_US(no_route)),
    FAILURE("tls", "No TLS connection could be made, or the certificate could not be verified.", NOTHING_LEFT,
            BY_US(certificate_untrusted), BY_US(certificate_expired), BY_US(not_tls)),
    FAILURE("egress-proxy", "The egress proxy gave no way to the exchange.", NOTHING_LEFT, BY_US(egress_refused)),
    FAILURE("timeout", "No whole answer came within the upstream's timeout.", MAY_HAVE_LEFT,
            BY_US(cause_order_may_stand), BY_US(slow_exchange)),
    FAILURE("lost", "The connection ended before the whole answer had come.", MAY_HAVE_LEFT,
            BY_US(cause_order_may_stand), BY_US(connection_cut)),
    FAILURE("response-too-large", "The answer is larger than this proxy takes.", MAY_HAVE_LEFT, BY_US(large_answer),
            BY_US(cause_order_may_stand)),
    FAILURE("no-room-for-answer", "Bodies and answers take as many bytes together as this proxy allows.", MAY_HAVE_LEFT,
            BY_US(much_answered), BY_US(cause_order_may_stand)),
    FAILURE("no-descriptor", "This process can open no connection: its descriptors are out.", NOTHING_LEFT,
            BY_US(no_file_left)),
    FAILURE("response-malformed", "What came back is not HTTP as it should be.", MAY_HAVE_LEFT, BY_US(not_http),
            BY_US(cause_order_may_stand)),
    FAILURE("aborted", "The request was stopped as it was about to be sent.", NOTHING_LEFT, BY_US(no_intent)),
    FAILURE("internal", "The HTTP library failed in a way that is not foreseen.", MAY_HAVE_LEFT, BY_US(library_failed),
            BY_US(cause_order_may_stand)),
    FAILURE("no-code", "The answer came whole and has no `code` that can be read.",
            "Noted by this proxy. The exchange's answers to private calls have a `code`.", BY_US(captive_portal),
            BY_US(cause_other_server), BY_US(cause_order_may_stand)),
    FAILURE("answer-unsendable", "The exchange answered, and the answer could not be passed on.",
            "This proxy's own answer. The record has the exchange's.", BY_US(odd_answer)),
    FAILURE("record-truncated", "The client got the answer; its bytes are missing in the record.",
            "Noted by this proxy; the client saw nothing of it.", BY_US(answer_left_out)),
    FAILURE("process-ended", "The proxy ended before the answer came.",
            "Noted at the next start. Whether the exchange acted on the request is not known.", BY_US(proxy_died)),
};

const struct catalogue_table catalogue_failures = { .entries = entries, .count = ARRAY_LENGTH(entries) };
