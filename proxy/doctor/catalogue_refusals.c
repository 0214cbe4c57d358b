/* What this proxy refuses by itself, before anything leaves: the names in proxy/exchange/refusal.c. Constant data; any
 * thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

/* --- the request's form --- */

static const struct catalogue_cause large_header = {
    .id = "large-header",
    .text = "The request line and the header fields are larger than `proxy.header_max`.",
    .tell = "Cookies, tokens or a long query, mostly.",
    .commands = { "countersign log show last:refused", "countersign config show" },
    .remedy = "Send fewer or shorter fields, or raise `header_max`.",
};

static const struct catalogue_cause large_body = {
    .id = "large-body",
    .text = "The body is larger than `proxy.body_max`.",
    .tell = "`log show` has the request without its body.",
    .commands = { "countersign log show last:refused", "countersign config show" },
    .remedy = "Send less at a time, or raise `body_max`, and `capture.ring_size` with it.",
};

static const struct catalogue_cause method_not_forwarded = {
    .id = "method-not-forwarded",
    .text =
        "CONNECT and TRACE are not forwarded. CONNECT comes from clients that take this proxy for one of the kind that "
        "HTTPS_PROXY names.",
    .tell = "The request line says CONNECT or TRACE.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Use this proxy's address as the base URL, not as an HTTP proxy.",
};

static const struct catalogue_cause two_lengths = {
    .id = "two-lengths",
    .text = "The request's length can be read in two ways: two Content-Length, or one beside Transfer-Encoding.",
    .tell = "Look at the fields that the client sent.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Send one Content-Length, or one chunked body.",
};

static const struct catalogue_cause odd_target = {
    .id = "odd-target",
    .text = "The request target has blanks, control or NUL bytes, or is no path.",
    .tell = "Look at the request line that the client sent.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Percent-encode what is not plain: a blank is %20.",
};

static const struct catalogue_cause odd_field = {
    .id = "odd-field",
    .text = "A header field's name or value has bytes that no field may have.",
    .tell = "Look at the fields that the client sent.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy =
        "Take line ends and control bytes out of names and values; a key that was read from a file may end in one.",
};

static const struct catalogue_cause odd_request = {
    .id = "odd-request",
    .text = "The request's line, length or chunks are not as HTTP/1.1 has them, and two readers could take them in two "
            "ways.",
    .tell = "The error's message names what is wrong, and the byte.",
    .commands = { "countersign log show last:refused" },
    .remedy = "Use an HTTP library as it is. If the message speaks of TLS, use http:// in the base URL.",
};

static const struct catalogue_cause wrong_target_host = {
    .id = "wrong-target-host",
    .text = "The request target is a whole URL, and its host is not the exchange's of this listener.",
    .tell = "Look at the request line, and at the listener's upstream.",
    .commands = { "countersign log show last:refused --view client-request", "countersign config check" },
    .remedy = "Send the path alone, or use a listener for that host.",
};

static const struct catalogue_cause cannot_be_carried = {
    .id = "cannot-be-carried",
    .text = "The request has what HTTP/1.1 or the HTTP library cannot carry as it is.",
    .tell = "The error's message names it.",
    .commands = { "countersign log show last:refused" },
    .remedy = "Send it without that part.",
};

/* --- who asks, and for what --- */

static const struct catalogue_cause from_a_page = {
    .id = "from-a-page",
    .text =
        "The request has Origin or Sec-Fetch-Site: it comes from a web page, and any page that is open could trade.",
    .tell = "Look at the fields that the client sent.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Call this proxy from a program, not from a page's script.",
};

static const struct catalogue_cause other_name = {
    .id = "other-name",
    .text = "The Host field names neither this listener nor its exchange, as where a page's name points to 127.0.0.1.",
    .tell = "Look at the Host field that the client sent.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy =
        "Use 127.0.0.1, [::1] or localhost in the base URL, or a unix socket; where clients must use another name, "
        "add it to the listener's `allowed_hosts`.",
};

static const struct catalogue_cause other_user = {
    .id = "other-user",
    .text = "The client is a process of another user of this machine than those that the listener takes (`peer`; by "
            "default the proxy's own user alone), or whose it is could not be found out.",
    .tell =
        "The error's message names the user that was found, or why none was; `log show` has it as the client's uid.",
    .commands = { "countersign log show last:refused", "countersign config show" },
    .remedy = "Run the client as the proxy's user, or name its user: `peer = 1000, 1001`. What closes its connection "
              "before the answer cannot be found: let it wait.",
};

static const struct catalogue_cause no_token = {
    .id = "no-token",
    .text = "The listener asks for a token (`token`), and the request has none, or another one.",
    .tell = "The error's message says which of both.",
    .commands = { "countersign log show last:refused --view client-request", "countersign config show" },
    .remedy =
        "Have the client send `Countersign-Token: TOKEN` or `Authorization: Bearer TOKEN`. It stays with this proxy: "
        "the exchange never gets it.",
};

static const struct catalogue_cause policy_class = {
    .id = "policy-class",
    .text = "The listener's policy does not let this class of requests pass.",
    .tell = "The error's message names the class and the policy.",
    .commands = { "countersign log show last:refused", "countersign config check" },
    .remedy = "If it is meant to pass, allow that endpoint by name (`allow = POST /api/...`), or set the listener's "
              "`policy`: "
              "read-only, trade, or all, which includes moving funds.",
};

static const struct catalogue_cause rule_decides = {
    .id = "rule-decides",
    .text = "A deny rule of the listener matches this request, or could under another reading of its path.",
    .tell = "The error's message names the rule and its line.",
    .commands = { "countersign log show last:refused", "countersign config show" },
    .remedy = "If it is meant to pass, put `allow = METHOD PATH` before that line, or take the line away.",
};

static const struct catalogue_cause order_beyond_limit = {
    .id = "order-beyond-limit",
    .text =
        "The order is for more than `max_notional`, for a pair that `symbols` does not name, or on a side that `sides` "
        "does not; or what it is worth is not in it, as in a market order that sells.",
    .tell = "The error's message names the key, what was sent and what is allowed; of a batch, which order.",
    .commands = { "countersign log show last:refused", "countersign config show" },
    .remedy = "Change the order, or the listener's limit; a LIMIT order says what it is worth.",
};

static const struct catalogue_cause order_two_ways = {
    .id = "order-two-ways",
    .text =
        "The listener has limits for orders, and this body can be read in two ways, or holds what is not documented: a "
        "member twice or unknown, an escape, bytes outside ASCII, a query beside it, another Content-Type; or the "
        "request is to an endpoint that may place orders and is not known.",
    .tell = "The error's message names what stands in the way.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Send the documented members alone, as application/json, to the documented endpoints.",
};

static const struct catalogue_cause trading_is_stopped = {
    .id = "trading-is-stopped",
    .text = "`countersign stop-trading` was run on this state folder, or its switch was damaged or taken away.",
    .tell = "The error's message says since when, by whom and why.",
    .commands = { "countersign stop-trading --status", "countersign resume-trading" },
    .remedy = "Find out why it was stopped, then resume. Cancels and reads pass meanwhile.",
};

/* --- what this proxy could not do --- */

static const struct catalogue_cause no_room = {
    .id = "no-room",
    .text = "The record has no room: the disk is full, or another program holds capture.db.",
    .tell = "The proxy's log says which; `log stats` shows how large the record is.",
    .commands = { "countersign log stats", "countersign log prune --keep-days 30 --dry-run" },
    .remedy = "Make room. It goes on by itself; `capture.when_full = drop` sends requests unrecorded instead.",
};

static const struct catalogue_cause disk_not_in_time = {
    .id = "disk-not-in-time",
    .text = "`capture.durability = power` waits for the disk, and the disk failed or took longer than 5 seconds.",
    .tell = "The proxy's log has the disk's own error.",
    .commands = { "countersign log ls --outcome refused", "countersign config show" },
    .remedy = "Look at the disk, or use `durability = process`.",
};

static const struct catalogue_cause many_in_flight = {
    .id = "many-in-flight",
    .text = "As many requests are under way as `proxy.in_flight_max` allows.",
    .tell = "The exchange answers slowly, or the client sends without waiting.",
    .commands = { "countersign log ls --slower-than 1s", "countersign config show" },
    .remedy = "Send fewer at once, or raise `in_flight_max`; mind the exchange's own limits.",
};

static const struct catalogue_cause paced = {
    .id = "paced",
    .text = "As many requests have left as the exchange allows in this time: for the account (`rate`), or from this "
            "address "
            "(`ip_rate`); or the exchange said 429, and nothing leaves for a while. No turn is free within "
            "`proxy.pace_wait`.",
    .tell = "The error's message names the limit; Retry-After says when there may be a turn.",
    .commands = { "countersign log ls --since 1m -n 1000", "countersign config show" },
    .remedy =
        "Ask less often, or all that is needed at once, and wait for Retry-After. Cancels go before orders, orders "
        "before reads. A larger `pace_wait` lets them wait longer; a larger rate than the exchange's only moves the "
        "429 there.",
};

static const struct catalogue_cause many_connections = {
    .id = "many-connections",
    .text = "As many connections are open as `proxy.connections_max` allows, or as there are descriptors for.",
    .tell =
        "The log says which: connections_max or RLIMIT_NOFILE. Such a connection's request is not read, nor recorded.",
    .commands = { "countersign config check" },
    .remedy = "Have clients keep their connections and close what they do not use, or raise `connections_max`.",
};

static const struct catalogue_cause much_held = {
    .id = "much-held",
    .text = "Bodies that are coming in and answers that clients have not read take as many bytes together as "
            "`proxy.buffer_max` allows.",
    .tell = "Bodies below 16 KiB pass all the same; larger ones come at the same time, or clients do not read.",
    .commands = { "countersign log ls --outcome refused", "countersign config show" },
    .remedy = "Send fewer large requests at once, read answers as they come, or raise `buffer_max`.",
};

static const struct catalogue_cause slow_request = {
    .id = "slow-request",
    .text = "The request did not come whole within `proxy.request_timeout`, counted from its first byte.",
    .tell = "The message says how many bytes came. A Content-Length that is more than the body looks like this, too.",
    .commands = { "countersign log show last:refused --view client-request" },
    .remedy = "Write the request in one go, with the Content-Length that its body has; or raise `request_timeout`.",
};

static const struct catalogue_cause no_window_key = {
    .id = "no-window-key",
    .text = "The signer gave no key for this time window: the clock was set or is, with clock = exchange, "
            "more than 5 minutes off the exchange's, or the signer has ended.",
    .tell = "The proxy's log says which.",
    .commands = { "countersign log ls --outcome refused", "countersign doctor" },
    .remedy =
        "Start the proxy again if it does not go on by itself; keep the clock with NTP, which does not make it jump.",
};

static const struct catalogue_cause stopping = {
    .id = "stopping",
    .text = "The proxy was told to stop. The message says whether the request had left.",
    .tell = "`log show` has the outcome: refused and not_sent are safe to send again, unknown is not.",
    .commands = { "countersign log ls --outcome refused,not_sent,unknown -n 20" },
    .remedy = "Look up what is unknown before sending it again; `proxy.drain` is how long stopping waits.",
};

static const struct catalogue_cause no_memory = {
    .id = "no-memory",
    .text = "The proxy ran out of memory.",
    .tell = "The system's log may name what took it.",
    .commands = { "countersign config show" },
    .remedy = "Give it more, or lower `body_max`, `response_max` and `in_flight_max`.",
};

#define REFUSAL(word, sentence, reason)                                                                                \
    {                                                                                                                  \
        .kind = CATALOGUE_OWN, .name = (word), .summary = (sentence), .basis = CATALOGUE_BY_PROXY,                     \
        .source = "This proxy's own answer; nothing left for the exchange.", .reasons = {                              \
            { (reason), CATALOGUE_BY_PROXY }                                                                           \
        }                                                                                                              \
    }

static const struct catalogue_entry entries[] = {
    REFUSAL("header-too-large", "The request's header is larger than this proxy takes.", &large_header),
    REFUSAL("body-too-large", "The request's body is larger than this proxy takes.", &large_body),
    REFUSAL("no-room-for-body", "Bodies and answers take as many bytes together as this proxy allows.", &much_held),
    REFUSAL("request-timeout", "The request did not come whole in time.", &slow_request),
    REFUSAL("method-refused", "CONNECT and TRACE are not forwarded.", &method_not_forwarded),
    REFUSAL("ambiguous-length", "The request's length can be read in two ways.", &two_lengths),
    REFUSAL("malformed-target", "The request's target is malformed.", &odd_target),
    REFUSAL("malformed-field", "A header field of the request is malformed.", &odd_field),
    REFUSAL("malformed-request", "The request is not HTTP/1.1 as its standard has it.", &odd_request),
    REFUSAL("other-host", "The request names a host that this listener does not lead to.", &wrong_target_host),
    REFUSAL("unsendable", "The request cannot be forwarded as it is.", &cannot_be_carried),
    REFUSAL("browser", "The request comes from a web page, and pages may not use this proxy.", &from_a_page),
    REFUSAL("host", "The Host field names neither this listener nor its exchange.", &other_name),
    REFUSAL("peer", "The client is another user's than this listener takes, or nobody could tell whose.", &other_user),
    REFUSAL("token", "The request does not have the listener's token.", &no_token),
    REFUSAL("policy", "The listener's policy does not let this request pass.", &policy_class),
    REFUSAL("rule", "A rule of the listener does not let this request pass.", &rule_decides),
    REFUSAL("trading-stopped", "Trading is stopped: orders are refused, cancels and reads pass.", &trading_is_stopped),
    REFUSAL("order-limit", "The order is beyond a limit of the listener.", &order_beyond_limit),
    REFUSAL("order-unreadable", "The listener has limits for orders, and this one cannot be read with certainty.",
            &order_two_ways),
    REFUSAL("record-full", "The record has no room for this request.", &no_room),
    REFUSAL("record-not-synced", "The disk did not take this request into the record.", &disk_not_in_time),
    REFUSAL("too-many-in-flight", "As many requests are under way as this proxy allows.", &many_in_flight),
    REFUSAL("too-many-connections", "As many connections are open as this proxy allows.", &many_connections),
    REFUSAL("pace", "More requests than the exchange allows in this time.", &paced),
    REFUSAL("signer-gone", "The signer gave no key for this time window.", &no_window_key),
    { .kind = CATALOGUE_OWN,
      .name = "shutting-down",
      .summary = "The proxy was shutting down.",
      .basis = CATALOGUE_BY_PROXY,
      .source = "This proxy's own answer; its message and its outcome say whether the request had left.",
      .reasons = { { &stopping, CATALOGUE_BY_PROXY } } },
    REFUSAL("out-of-memory", "The proxy ran out of memory.", &no_memory),
};

const struct catalogue_table catalogue_refusals = { .entries = entries, .count = ARRAY_LENGTH(entries) };
