/* The HTTP statuses: the documented ones, and those that this proxy answers with. Constant data; any thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

/* --- whose answer it is --- */

static const struct catalogue_cause own_answer = {
    .id = "own-answer",
    .text = "This proxy answered by itself: the answer has a field Countersign-Error with the reason's name.",
    .tell = "The outcome is refused, not_sent or unknown, and `log show` has an `error`.",
    .commands = { "countersign log ls --outcome refused,not_sent,unknown", "countersign explain NAME" },
    .remedy = "Look the name up: `countersign explain NAME`, or `countersign explain` for all of them.",
};

static const struct catalogue_cause gateway = {
    .id = "gateway",
    .text = "The answer has no such field: a gateway before the exchange refused, or had nothing behind it, or the "
            "exchange itself said so. What it means by this status is not documented.",
    .tell = "The outcome is http_error; `log show` has the answer as it came back.",
    .commands = { "countersign log show last:http_error" },
    .remedy = "Read what it says. An order that was answered so may have been booked all the same: look it up before "
              "sending it again.",
};

/* --- documented statuses --- */

static const struct catalogue_cause request_format = {
    .id = "request-format",
    .text = "The request's format is invalid.",
    .tell = "Look at the request as it left: the body's JSON, the query, Content-Type.",
    .commands = { "countersign log show last:http_error --status 400" },
    .remedy = "Compare it with a request that worked: `countersign log diff A B`.",
};

static const struct catalogue_cause service_not_found = {
    .id = "service-not-found",
    .text = "There is no such service at this host: the path or the host is another one.",
    .tell = "Paths begin with /api. Spot is at api.coinstore.com, futures at futures.coinstore.com.",
    .commands = { "countersign log ls --status 404", "countersign config show" },
    .remedy = "Correct the path; for futures, use a listener whose upstream is https://futures.coinstore.com.",
};

static const struct catalogue_cause rate_per_address = {
    .id = "rate-per-address",
    .text = "More than 300 requests in 3 seconds came from one IP address.",
    .tell = "Count what this proxy sent in the seconds before; other programs behind the same address count, too.",
    .commands = { "countersign log ls --since 1m -n 1000", "countersign log stats" },
    .remedy =
        "Ask less often, or all that is needed at once, and wait before trying again. Where other programs share the "
        "address, lower `ip_rate` of the upstream by what they send.",
};

static const struct catalogue_cause rate_per_user = {
    .id = "rate-per-user",
    .text = "More than 120 requests in 3 seconds came from one user.",
    .tell = "Count what this proxy signed in the seconds before; other programs of this user count, too.",
    .commands = { "countersign log ls --since 1m --account main -n 1000", "countersign log stats" },
    .remedy =
        "Ask less often, or all that is needed at once, and wait before trying again. Where other programs, or other "
        "accounts here, are the same user's, lower `rate` of the account by what they send.",
};

static const struct catalogue_cause exchange_internal = {
    .id = "exchange-internal",
    .text = "Something failed within the exchange.",
    .tell = "The request as it left, beside one of the same kind that worked.",
    .commands = { "countersign log show last:http_error", "countersign log diff last:ok last:http_error" },
    .remedy = "Look up what was asked for before sending it again: it may have been booked all the same.",
};

static const struct catalogue_cause given_status = {
    .id = "given-status",
    .text = "The exchange said no with HTTP 200 and a `code`, and this listener gives such answers a status that fits "
            "(failures = as-status).",
    .tell = "Countersign-Outcome is api_error and the code; `log show` has the answer as it came back and as the "
            "client got it.",
    .commands = { "countersign log show last:api_error", "countersign explain CODE" },
    .remedy = "Look the code up: `countersign explain CODE`.",
};

/* A status that is not documented: this proxy's, or one of unknown meaning. `third`: one more cause, or NULL. */
#define UNDOCUMENTED(status, sentence, third)                                                                          \
    {                                                                                                                  \
        .kind = CATALOGUE_STATUS, .name = "http-" #status, .summary = (sentence), .basis = CATALOGUE_BY_PROXY,         \
        .source = "Not documented by the exchange.", .reasons = {                                                      \
            { &own_answer, CATALOGUE_BY_PROXY },                                                                       \
            { &gateway, CATALOGUE_CONCLUDED },                                                                         \
            { (third), CATALOGUE_BY_PROXY }                                                                            \
        }                                                                                                              \
    }

static const struct catalogue_entry entries[] = {
    { .kind = CATALOGUE_STATUS,
      .name = "http-200",
      .summary = "An answer came; whether it is a success, its `code` says.",
      .basis = CATALOGUE_REPORTED,
      .source = "That failures usually come as HTTP 200 is what users found.",
      .reasons = { { &cause_failure_as_http_200, CATALOGUE_REPORTED } } },
    { .kind = CATALOGUE_STATUS,
      .name = "http-400",
      .message = "invalid request format",
      .summary = "The request's format is invalid.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented. This proxy answers with it, too.",
      .reasons = { { &own_answer, CATALOGUE_BY_PROXY },
                   { &request_format, CATALOGUE_DOCUMENTED },
                   { &cause_content_type, CATALOGUE_CONCLUDED } } },
    { .kind = CATALOGUE_STATUS,
      .name = "http-401",
      .message = "signature failed: invalid API key",
      .summary = "The exchange does not accept the API key, or the signature made with it.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented as: signature failed, invalid API key. The answer's `code` says more: "
                "`countersign explain 1401`, `countersign explain code 401`.",
      .reasons = { { &cause_wrong_key, CATALOGUE_DOCUMENTED },
                   { &cause_signature, CATALOGUE_DOCUMENTED },
                   { &cause_key_white_space, CATALOGUE_REPORTED },
                   { &cause_key_form, CATALOGUE_CONCLUDED },
                   { &cause_same_text, CATALOGUE_CONCLUDED },
                   { &cause_wrong_secret, CATALOGUE_CONCLUDED },
                   { &cause_clock, CATALOGUE_CONCLUDED },
                   { &given_status, CATALOGUE_BY_PROXY } } },
    UNDOCUMENTED(403, "Forbidden: by this proxy's policy or guard, if the answer has Countersign-Error.",
                 &given_status),
    { .kind = CATALOGUE_STATUS,
      .name = "http-404",
      .message = "service not found",
      .summary = "The exchange has no service of this path at this host.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented. This proxy never answers with it by itself.",
      .reasons = { { &service_not_found, CATALOGUE_DOCUMENTED }, { &cause_other_server, CATALOGUE_CONCLUDED } } },
    UNDOCUMENTED(405, "This method is not forwarded, if the answer has Countersign-Error.", NULL),
    UNDOCUMENTED(408, "The request did not come whole in time, if the answer has Countersign-Error.", NULL),
    UNDOCUMENTED(409, "The exchange has such an order already (3111), where failures = as-status.", &given_status),
    UNDOCUMENTED(413, "The body is larger than this proxy takes, if the answer has Countersign-Error.", NULL),
    UNDOCUMENTED(422, "The exchange read the request and said no; its `code` says why, where failures = as-status.",
                 &given_status),
    { .kind = CATALOGUE_STATUS,
      .name = "http-429",
      .message = "too many visits",
      .summary = "Too many requests: the exchange takes 300 in 3 s from an IP address, 120 in 3 s from a user.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented, with these limits. How long to wait is not. This proxy answers with it by itself where a "
                "request would be one too many: the answer then has Countersign-Error: pace.",
      .reasons = { { &rate_per_user, CATALOGUE_DOCUMENTED },
                   { &rate_per_address, CATALOGUE_DOCUMENTED },
                   { &own_answer, CATALOGUE_BY_PROXY } } },
    UNDOCUMENTED(431, "The header is larger than this proxy takes, if the answer has Countersign-Error.", NULL),
    { .kind = CATALOGUE_STATUS,
      .name = "http-500",
      .message = "internal server error",
      .summary = "Something failed within the exchange; an order may have been booked all the same.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented. This proxy never answers with it by itself.",
      .reasons = { { &exchange_internal, CATALOGUE_DOCUMENTED } } },
    UNDOCUMENTED(502, "No whole answer came from the exchange; Countersign-Outcome says whether the request left.",
                 &cause_order_may_stand),
    UNDOCUMENTED(503, "This proxy could not send the request now, if the answer has Countersign-Error.", NULL),
    UNDOCUMENTED(504, "No whole answer came in time: whether the exchange acted on the request is not known.",
                 &cause_order_may_stand),
};

const struct catalogue_table catalogue_statuses = { .entries = entries, .count = ARRAY_LENGTH(entries) };
