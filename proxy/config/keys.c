/* The table of configuration keys and its look-ups. Constant; any thread. */
#include "keys.h"

#include "number.h"

#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define MS     INT64_C(1000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

static const char *const log_levels[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
    NULL,
};
static const char *const log_formats[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };
static const char *const switches[] = { "off", "on", NULL };
static const char *const paces[] = {
    [CONFIG_PACE_QUEUE] = "queue", [CONFIG_PACE_REJECT] = "reject", [CONFIG_PACE_OFF] = "off", NULL
};
static const char *const https[] = {
    [CONFIG_HTTP_1_1] = "1.1", [CONFIG_HTTP_2] = "2", [CONFIG_HTTP_AUTO] = "auto", NULL
};
static const char *const ip_families[] = {
    [CONFIG_IP_ANY] = "any", [CONFIG_IP_V4] = "ipv4", [CONFIG_IP_V6] = "ipv6", NULL
};
static const char *const modes[] = {
    [CONFIG_MODE_SIGN] = "sign", [CONFIG_MODE_OBSERVE] = "observe", [CONFIG_MODE_DRY_RUN] = "dry-run", NULL
};
static const char *const policies[] = {
    [CONFIG_POLICY_TRADE] = "trade",
    [CONFIG_POLICY_READ_ONLY] = "read-only",
    [CONFIG_POLICY_ALL] = "all",
    NULL,
};
static const char *const signs[] = { [CONFIG_SIGN_PRIVATE] = "private", [CONFIG_SIGN_ALL] = "all", NULL };
static const char *const clocks[] = { [CONFIG_CLOCK_SYSTEM] = "system", [CONFIG_CLOCK_EXCHANGE] = "exchange", NULL };
static const char *const failure_answers[] = {
    [CONFIG_FAILURES_AS_IS] = "as-is", [CONFIG_FAILURES_AS_STATUS] = "as-status", NULL
};
static const char *const durabilities[] = {
    [CONFIG_DURABILITY_PROCESS] = "process", [CONFIG_DURABILITY_POWER] = "power", NULL
};
static const char *const when_fulls[] = {
    [CONFIG_WHEN_FULL_REFUSE] = "refuse", [CONFIG_WHEN_FULL_DROP] = "drop", NULL
};

/* One row each; the columns behind the default depend on the type. */
#define FIELD(section, field) .offset = offsetof(struct config_##section, field)
#define RANGE(least, most)    .minimum = (least), .maximum = (most)
#define KEY(key, kind, value) .name = (key), .type = CONFIG_TYPE_##kind, .fallback = (value)

static const struct config_key proxy_keys[] = {
    { KEY("state_dir", PATH, "~/.local/state/countersign"), FIELD(proxy, state_dir),
      .help = "holds capture.db and the rings; $XDG_STATE_HOME moves it" },
    { KEY("keystore_passphrase", PHRASE, "prompt"), FIELD(proxy, keystore_passphrase),
      .help = "opens the keystore; read once, at start" },
    { KEY("admin", ENDPOINT, CONFIG_ADMIN_DEFAULT), .optional = true, FIELD(proxy, admin),
      .help = "where /healthz, /readyz and /metrics are; empty: nowhere" },
    { KEY("admin_peer", PEER, "same-user"), FIELD(proxy, admin_peer),
      .help = "same-user, any, or user ids between commas: who may look" },
    { KEY("workers", INTEGER, "1"), RANGE(1, 64), FIELD(proxy, workers),
      .help = "threads; each takes requests with an event loop of its own" },
    { KEY("log_level", CHOICE, "info"), .choices = log_levels, FIELD(proxy, log_level),
      .help = "what is written to standard error" },
    { KEY("log_format", CHOICE, "text"), .choices = log_formats, FIELD(proxy, log_format),
      .help = "for people, or one JSON object a line" },
    { KEY("connections_max", INTEGER, "1024"), RANGE(1, 65536), FIELD(proxy, connections_max),
      .help = "client connections at a time, per worker" },
    { KEY("in_flight_max", INTEGER, "256"), RANGE(1, 65536), FIELD(proxy, in_flight_max),
      .help = "requests under way at a time, per worker; more get 503" },
    { KEY("header_max", SIZE, "16KiB"), RANGE(1 * KIB, 64 * KIB), FIELD(proxy, header_max),
      .help = "a request's line and fields together, Cookie values twice" },
    { KEY("body_max", SIZE, "1MiB"), RANGE(0, 16 * MIB), FIELD(proxy, body_max),
      .help = "a request's body; a larger one gets 413" },
    { KEY("response_max", SIZE, "32MiB"), RANGE(64 * KIB, 256 * MIB), FIELD(proxy, response_max),
      .help = "an answer of the exchange, header and body together" },
    { KEY("buffer_max", SIZE, "128MiB"), RANGE(1 * MIB, 64 * GIB), FIELD(proxy, buffer_max),
      .help = "held of bodies and answers, per worker; small ones always fit" },
    { KEY("idle_timeout", DURATION, "75s"), RANGE(1 * SECOND, 60 * MINUTE), FIELD(proxy, idle_timeout),
      .help = "an idle client connection is closed after this" },
    { KEY("request_timeout", DURATION, "10s"), RANGE(100 * MS, 10 * MINUTE), FIELD(proxy, request_timeout),
      .help = "from a request's first byte to its last; a later one: 408" },
    { KEY("answer_timeout", DURATION, "30s"), RANGE(100 * MS, 10 * MINUTE), FIELD(proxy, answer_timeout),
      .help = "for a client to take its answer; then its connection ends" },
    { KEY("pace", CHOICE, "queue"), .choices = paces, FIELD(proxy, pace),
      .help = "beyond rate and ip_rate: queue waits, reject gets 429" },
    { KEY("pace_wait", DURATION, "2s"), RANGE(0, 60 * SECOND), FIELD(proxy, pace_wait),
      .help = "for a request's turn at most; then it gets 429" },
    { KEY("drain", DURATION, "5s"), RANGE(0, 5 * MINUTE), FIELD(proxy, drain),
      .help = "how long the end waits for requests that are under way" },
    { KEY("sandbox", CHOICE, "on"), .choices = switches, FIELD(proxy, sandbox),
      .help = "off: system calls, files and ports stay unlimited" },
};

static const struct config_key capture_keys[] = {
    { KEY("ring_size", SIZE, "64MiB"), RANGE(4 * MIB, 4 * GIB), FIELD(capture, ring_size),
      .help = "of each worker's ring; must exceed 8 * body_max + 1MiB" },
    { KEY("durability", CHOICE, "process"), .choices = durabilities, FIELD(capture, durability),
      .help = "what the record survives; power: each POST waits for the disk" },
    { KEY("when_full", CHOICE, "refuse"), .choices = when_fulls, FIELD(capture, when_full),
      .help = "what a request gets for which the ring has no room" },
    { KEY("keep_days", INTEGER, "0"), RANGE(0, 36500), FIELD(capture, keep_days),
      .help = "older exchanges are deleted; 0: whatever their age" },
    { KEY("keep_mib", INTEGER, "4096"), RANGE(0, 16777216), FIELD(capture, keep_mib),
      .help = "of capture.db, at least 64: the oldest go; 0: no bound" },
    { KEY("keep_count", INTEGER, "0"), RANGE(0, 1000000000), FIELD(capture, keep_count),
      .help = "exchanges at most: the oldest are deleted; 0: no bound" },
};

static const struct config_key account_keys[] = {
    { KEY("api_key", SECRET, "env:COINSTORE_API_KEY"), FIELD(account, api_key),
      .help = "where the API key comes from" },
    { KEY("api_secret", SECRET, "env:COINSTORE_API_SECRET"), FIELD(account, api_secret),
      .help = "where the API secret comes from" },
    { KEY("trim", BOOL, "no"), FIELD(account, trim),
      .help = "cut white space around both off, instead of refusing it" },
    { KEY("clock", CHOICE, "system"), .choices = clocks, FIELD(account, clock),
      .help = "exchange: signs by that one, as its answers tell it" },
    { KEY("rate", RATE, "120/3s"), FIELD(account, rate),
      .help = "signed requests at most, as the exchange allows each user" },
};

static const struct config_key upstream_keys[] = {
    { KEY("url", URL, "https://api.coinstore.com"), FIELD(upstream, url),
      .help = "where requests go; clients name the path" },
    { KEY("http", CHOICE, "1.1"), .choices = https, FIELD(upstream, http), .help = "version spoken to the exchange" },
    { KEY("ip_family", CHOICE, "any"), .choices = ip_families, FIELD(upstream, ip_family),
      .help = "which addresses to use; must suit the key's IP whitelist" },
    { KEY("ca_file", PATH, ""), .optional = true, FIELD(upstream, ca_file),
      .help = "PEM file of trusted authorities; empty: the system's" },
    { KEY("bind_address", ADDRESS, ""), .optional = true, FIELD(upstream, bind_address),
      .help = "local address to connect from; empty: the kernel's choice" },
    { KEY("proxy", PROXY, ""), .optional = true, FIELD(upstream, proxy),
      .help = "egress proxy (http, https, socks5, socks5h); empty: none" },
    { KEY("connect_timeout", DURATION, "5s"), RANGE(100 * MS, 5 * MINUTE), FIELD(upstream, connect_timeout),
      .help = "to a connection, TLS included; at most `timeout`" },
    { KEY("timeout", DURATION, "10s"), RANGE(100 * MS, 10 * MINUTE), FIELD(upstream, timeout),
      .help = "to the whole answer, connecting included" },
    { KEY("warm", INTEGER, "2"), RANGE(0, 64), FIELD(upstream, warm),
      .help = "connections kept open without requests, per worker" },
    { KEY("connections", INTEGER, "64"), RANGE(1, 1024), FIELD(upstream, connections),
      .help = "connections at most, per worker" },
    { KEY("ip_rate", RATE, "300/3s"), FIELD(upstream, ip_rate),
      .help = "requests at most, as the exchange allows each IP address" },
};

static const struct config_key listener_keys[] = {
    { KEY("listen", ENDPOINT, "127.0.0.1:8787"), FIELD(listener, listen),
      .help = "where clients connect: loopback IP:PORT or unix:/path" },
    { KEY("expose", BOOL, "no"), FIELD(listener, expose), .help = "yes: `listen` may be any address; needs a token" },
    { KEY("allowed_hosts", HOSTS, ""), .optional = true, FIELD(listener, allowed_hosts),
      .help = "names that clients may use, besides its own address" },
    { KEY("peer", PEER, "same-user"), FIELD(listener, peer),
      .help = "same-user, any, or user ids between commas: who may connect" },
    { KEY("token", TOKEN, ""), .optional = true, FIELD(listener, token),
      .help = "what clients must send as Countersign-Token; empty: nothing" },
    { KEY("upstream", NAME, ""), .built_in = "spot", FIELD(listener, upstream_name),
      .help = "an [upstream NAME]; may be left out where there is just one" },
    { KEY("account", NAME, ""), .built_in = "main", FIELD(listener, account_name),
      .help = "an [account NAME]; must be given" },
    { KEY("mode", CHOICE, "sign"), .choices = modes, FIELD(listener, mode),
      .help = "observe: passes on what clients signed; dry-run: sends nothing" },
    { KEY("policy", CHOICE, "trade"), .choices = policies, FIELD(listener, policy),
      .help = "trade: all but moving funds; read-only: no orders" },
    { KEY("allow", RULE, ""), FIELD(listener, rules), .help = "lets pass; the first match of allow and deny decides" },
    { KEY("deny", RULE, ""), FIELD(listener, rules), .help = "refuses; both can be given many times, in their order" },
    { KEY("learn", BOOL, "no"), FIELD(listener, learn),
      .help = "notes what is used, for `countersign policy suggest`" },
    { KEY("sign", CHOICE, "private"), .choices = signs, FIELD(listener, sign),
      .help = "private: public endpoints go out unsigned" },
    { KEY("failures", CHOICE, "as-is"), .choices = failure_answers, FIELD(listener, failures),
      .help = "as-status: a failure sent as HTTP 200 gets 401 to 429" },
    { KEY("max_notional", AMOUNT, ""), .optional = true, FIELD(listener, max_notional),
      .help = "an order's most, in its quote currency; empty: no limit" },
    { KEY("symbols", SYMBOLS, ""), .optional = true, FIELD(listener, symbols),
      .help = "that orders may be for, as in BTCUSDT, ETHUSDT; empty: any" },
    { KEY("sides", SIDES, ""), .optional = true, FIELD(listener, sides),
      .help = "that orders may have, BUY or SELL; empty: both" },
};

#define KEYS(table)     .keys = (table), .key_count = ARRAY_LENGTH(table)
#define STRUCT(section) .size = sizeof(struct config_##section)

const struct config_kind_row config_kinds[CONFIG_KIND_COUNT] = {
    [CONFIG_KIND_PROXY] = { .name = "proxy", KEYS(proxy_keys), STRUCT(proxy) },
    [CONFIG_KIND_CAPTURE] = { .name = "capture", KEYS(capture_keys), STRUCT(capture) },
    [CONFIG_KIND_ACCOUNT] = { .name = "account",
                              .named = true,
                              .built_in_name = "main",
                              KEYS(account_keys),
                              STRUCT(account) },
    [CONFIG_KIND_UPSTREAM] = { .name = "upstream",
                               .named = true,
                               .built_in_name = "spot",
                               KEYS(upstream_keys),
                               STRUCT(upstream) },
    [CONFIG_KIND_LISTENER] = { .name = "listener",
                               .named = true,
                               .built_in_name = "bot",
                               KEYS(listener_keys),
                               STRUCT(listener) },
};

_Static_assert(ARRAY_LENGTH(proxy_keys) <= CONFIG_KEYS_MAX && ARRAY_LENGTH(upstream_keys) <= CONFIG_KEYS_MAX &&
                   ARRAY_LENGTH(listener_keys) <= CONFIG_KEYS_MAX,
               "a section keeps one slot for each of its keys");

enum config_kind config_kind_find(struct slice name)
{
    enum config_kind kind = CONFIG_KIND_PROXY;
    while (kind < CONFIG_KIND_COUNT && !slice_equal_text(name, config_kinds[kind].name))
        kind++;
    return kind;
}

size_t config_key_find(enum config_kind kind, struct slice name)
{
    size_t index = 0;
    while (index < config_kinds[kind].key_count && !slice_equal_text(name, config_kinds[kind].keys[index].name))
        index++;
    return index;
}

/* How a type reads in a sentence and in a listing; NULL where range or choices say it. */
static const struct {
    const char *sentence;
    const char *listing;
    bool number;
} types[] = {
    [CONFIG_TYPE_NAME] = { "a section's name (letters, digits, - and _, at most 32)", "NAME", false },
    [CONFIG_TYPE_PATH] = { "a path", "PATH", false },
    [CONFIG_TYPE_BOOL] = { "yes or no", "yes|no", true },
    [CONFIG_TYPE_INTEGER] = { "an integer", NULL, true },
    [CONFIG_TYPE_SIZE] = { "a size", NULL, true },
    [CONFIG_TYPE_DURATION] = { "a duration", NULL, true },
    [CONFIG_TYPE_CHOICE] = { NULL, NULL, true },
    [CONFIG_TYPE_URL] = { "https://HOST[:PORT]", "https://HOST[:PORT]", false },
    [CONFIG_TYPE_ENDPOINT] = { "127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path", "ADDRESS", false },
    [CONFIG_TYPE_HOSTS] = { "host names or IP addresses between commas, each with a port or without", "HOST[:PORT],...",
                            false },
    [CONFIG_TYPE_PEER] = { "same-user, any, or user ids between commas (at most 16)", "same-user|any|UID,...", false },
    [CONFIG_TYPE_ADDRESS] = { "a literal IP address", "IP", false },
    [CONFIG_TYPE_PROXY] = { "http://, https://, socks5:// or socks5h:// with HOST:PORT", "SCHEME://HOST:PORT", false },
    [CONFIG_TYPE_SECRET] = { "a secret's source (env:NAME, file:PATH, credential:NAME, command:LINE or keystore:NAME)",
                             "SOURCE", false },
    [CONFIG_TYPE_TOKEN] = { "a secret's source (env:NAME, file:PATH, credential:NAME or command:LINE)", "SOURCE",
                            false },
    [CONFIG_TYPE_PHRASE] = { "prompt, fd:NUMBER or a source (credential:NAME, file:PATH, command:LINE or env:NAME)",
                             "prompt|fd:N|SOURCE", false },
    [CONFIG_TYPE_RULE] = { "methods and a path", "METHODS PATH", false },
    [CONFIG_TYPE_AMOUNT] = { "a number above 0 as JSON writes one, such as 500 or 0.05", "AMOUNT", false },
    [CONFIG_TYPE_SYMBOLS] = { "symbols parted by commas, such as BTCUSDT, ETHUSDT (at most 64)", "SYMBOL, ...", false },
    [CONFIG_TYPE_SIDES] = { "BUY, SELL or both parted by a comma", "BUY, SELL", false },
    [CONFIG_TYPE_RATE] = { "COUNT/TIME (1 to 2000 requests in 100ms to 10m), such as 120/3s, or off", "COUNT/TIME|off",
                           false },
};

bool config_key_is_source(const struct config_key *key)
{
    return key->type == CONFIG_TYPE_SECRET || key->type == CONFIG_TYPE_TOKEN || key->type == CONFIG_TYPE_PHRASE;
}

bool config_key_is_number(const struct config_key *key)
{
    return types[key->type].number;
}

static void append_choices(struct buffer *out, const char *const *choices, const char *separator, const char *last)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (i > 0)
            (void)buffer_append_text(out, choices[i + 1] == NULL ? last : separator); /* the caller checks `failed` */
        (void)buffer_append_text(out, choices[i]);
    }
}

void config_key_append_expected(struct buffer *out, const struct config_key *key)
{
    if (key->choices != NULL) {
        append_choices(out, key->choices, ", ", " or ");
        return;
    }
    (void)buffer_append_text(out, types[key->type].sentence); /* the caller checks `failed`, here and below */
    if (key->maximum == 0)
        return;
    (void)buffer_append_text(out, " from ");
    config_number_append(out, key->type, key->minimum);
    (void)buffer_append_text(out, " to ");
    config_number_append(out, key->type, key->maximum);
    if (key->type != CONFIG_TYPE_INTEGER)
        (void)buffer_append_format(out, ", such as %s", key->fallback);
}

void config_key_append_range(struct buffer *out, const struct config_key *key)
{
    if (key->choices != NULL) {
        append_choices(out, key->choices, "|", "|");
    } else if (key->maximum != 0) {
        config_number_append(out, key->type, key->minimum);
        (void)buffer_append_text(out, ".."); /* the caller checks `failed`, here and below */
        config_number_append(out, key->type, key->maximum);
    } else {
        (void)buffer_append_text(out, types[key->type].listing);
    }
}
