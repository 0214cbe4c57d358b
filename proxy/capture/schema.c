/* The schema of capture.db, with a comment for each column: `sqlite3 capture.db .schema` shows them.
 *
 * What an exchange has in common with others is kept once: its parties, endpoint, verdict and connection in tables of
 * their own, its heads as templates whose changing parts (target, signature, times, lengths, id) stand in the row anyway,
 * its bodies while they keep coming up. The view `exchange` puts it all together again, byte for byte, in plain SQL.
 *
 * Only three indexes go through every exchange (12 bytes each). Ids follow time but for steps of the clock, whose extent
 * `epoch` tells: that is enough to find a time without an index over it (time_bounds.h).
 *
 * Bytes have no unique index over a digest either: it takes its inserts all over the file (155 against 28 µs of processor
 * time an exchange, measured with 400,000). Equal bytes meet in a cache, within one epoch: so that once all exchanges of
 * an epoch are gone, its bytes are known to be unused, without a count of references. */
#include "schema.h"

#include <stddef.h>

static const char bytes_table[] = "CREATE TABLE bytes ( -- bodies, each kept once while it keeps coming up\n"
                                  "  id INTEGER PRIMARY KEY, -- below 0: of imported exchanges, here and everywhere\n"
                                  "  data BLOB NOT NULL -- as on the wire\n"
                                  ");\n";

static const char head_table[] =
    "CREATE TABLE head ( -- heads of messages: first line, fields, empty line; values that must not be kept are "
    "masked\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  template BLOB NOT NULL, -- in place of what stands in the row: byte 1 the request target, 2 the signature,\n"
    "    -- 3 expires_ms, 4 the answer's Date, 5 the body's length, 6 the exchange's id\n"
    "  raw INTEGER NOT NULL -- 1: these are the very bytes, nothing is to be put in\n"
    ");\n";

static const char party_table[] = "CREATE TABLE party ( -- who asked whom, and who signed\n"
                                  "  id INTEGER PRIMARY KEY,\n"
                                  "  listener TEXT,\n"
                                  "  account TEXT,\n"
                                  "  api_key_masked TEXT,\n"
                                  "  client TEXT, -- the client's address without its port\n"
                                  "  client_uid INTEGER,\n"
                                  "  client_signature TEXT -- the check of the one it brought: few values a client\n"
                                  ");\n"
                                  "CREATE INDEX party_find ON party(client, listener);\n";

static const char endpoint_table[] = "CREATE TABLE endpoint ( -- what was asked for\n"
                                     "  id INTEGER PRIMARY KEY,\n"
                                     "  method TEXT,\n"
                                     "  path TEXT -- the target up to its question mark\n"
                                     ");\n"
                                     "CREATE INDEX endpoint_find ON endpoint(path, method);\n";

static const char verdict_table[] =
    "CREATE TABLE verdict ( -- what came of it\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  outcome TEXT, -- NULL: in flight\n"
    "  status INTEGER,\n"
    "  api_code TEXT,\n"
    "  api_message TEXT,\n"
    "  error_name TEXT,\n"
    "  error_message TEXT\n"
    ");\n"
    "CREATE INDEX verdict_find ON verdict(api_code, api_message, error_name, error_message, outcome, status);\n"
    "CREATE INDEX verdict_in_flight ON verdict(id) WHERE outcome IS NULL;\n";

static const char connection_table[] = "CREATE TABLE connection ( -- connections to the exchange\n"
                                       "  id INTEGER PRIMARY KEY,\n"
                                       "  local_address TEXT,\n"
                                       "  local_port INTEGER,\n"
                                       "  remote_address TEXT,\n"
                                       "  remote_port INTEGER,\n"
                                       "  ip_family INTEGER,\n"
                                       "  tls_version TEXT,\n"
                                       "  tls_cipher TEXT,\n"
                                       "  http_version TEXT\n"
                                       ");\n";

static const char record_table[] =
    "CREATE TABLE record ( -- one row for each exchange, as small as can be; read it through the view exchange\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  received_us INTEGER,\n"
    "  party INTEGER NOT NULL,\n"
    "  endpoint INTEGER NOT NULL,\n"
    "  verdict INTEGER NOT NULL,\n"
    "  connection INTEGER,\n"
    "  client_port INTEGER,\n"
    "  query TEXT, -- behind the target's question mark\n"
    "  signed_after INTEGER, -- microseconds after received_us, as all named so\n"
    "  connected_after INTEGER,\n"
    "  sent_after INTEGER,\n"
    "  first_byte_after INTEGER,\n"
    "  complete_after INTEGER,\n"
    "  replied_after INTEGER,\n"
    "  delivered INTEGER NOT NULL,\n"
    "  is_signed INTEGER NOT NULL,\n"
    "  reused INTEGER NOT NULL,\n"
    "  attempts INTEGER NOT NULL,\n"
    "  payload_length INTEGER NOT NULL,\n"
    "  payload_sha256 BLOB, -- NULL where it follows from query and upstream_request_body\n"
    "  expires_after INTEGER, -- milliseconds from the signing to expires_ms\n"
    "  window INTEGER, -- NULL where it follows from expires_ms\n"
    "  signature BLOB, -- 32 bytes; TEXT where it was no lower-case hexadecimal\n"
    "  date_after INTEGER, -- seconds from received_us to the answer's Date\n"
    "  client_request_head INTEGER, -- head(id), as all that end so; bodies: bytes(id)\n"
    "  client_request_body INTEGER,\n"
    "  upstream_request_head INTEGER,\n"
    "  upstream_request_body INTEGER,\n"
    "  upstream_response_head INTEGER,\n"
    "  upstream_response_body INTEGER,\n"
    "  client_response_head INTEGER,\n"
    "  client_response_body INTEGER,\n"
    "  clock_offset_us INTEGER, -- NULL: not known, as the next\n"
    "  clock_bound_us INTEGER,\n"
    "  waited_us INTEGER -- NULL: it did not wait\n"
    ");\n"
    "CREATE INDEX record_party ON record(party);\n"
    "CREATE INDEX record_endpoint ON record(endpoint);\n"
    "CREATE INDEX record_verdict ON record(verdict);\n";

static const char life_tables[] =
    "CREATE TABLE epoch ( -- exchanges that share bytes, heads and connections with each other alone\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  first_bytes INTEGER NOT NULL, -- its rows go from here to the next epoch's first\n"
    "  first_head INTEGER NOT NULL,\n"
    "  first_connection INTEGER NOT NULL,\n"
    "  first_record INTEGER NOT NULL, -- the lowest and the highest id written in it\n"
    "  last_record INTEGER NOT NULL,\n"
    "  earliest_us INTEGER NOT NULL, -- the earliest and the latest received_us\n"
    "  latest_us INTEGER NOT NULL,\n"
    "  disorder_us INTEGER NOT NULL, -- none was received longer before one with a lower id\n"
    "  records INTEGER NOT NULL, -- how often one was written\n"
    "  size INTEGER NOT NULL -- bytes that went into bytes and head\n"
    ");\n"
    "CREATE TABLE ring_position ( -- how far each ring file has been carried over\n"
    "  ring TEXT PRIMARY KEY, -- the file's name\n"
    "  run TEXT NOT NULL, -- the proxy's run that wrote it\n"
    "  sequence INTEGER NOT NULL -- its last frame that is stored\n"
    ");\n"
    "CREATE TABLE incident ( -- what happened to the record itself\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  at_us INTEGER NOT NULL,\n"
    "  kind TEXT NOT NULL, -- recovered, torn, dropped, set-aside, left-out\n"
    "  count INTEGER NOT NULL,\n"
    "  detail TEXT NOT NULL\n"
    ");\n";

const char schema_additions[] = "CREATE TABLE IF NOT EXISTS reconciled ( -- what was found out later of exchanges in "
                                "doubt (countersign reconcile)\n"
                                "  exchange INTEGER PRIMARY KEY, -- record(id), whose outcome stays what it was\n"
                                "  at_us INTEGER NOT NULL, -- when the exchange was asked\n"
                                "  settled INTEGER NOT NULL, -- 1: nothing of it is in doubt any more\n"
                                "  summary TEXT NOT NULL, -- a word or two: placed\n"
                                "  detail TEXT NOT NULL -- a sentence for each order\n"
                                ");\n";

/* --- the views --- */

/* SQL in its own lines. */
/* clang-format off */

#define SIGNED_US  "(coalesce(r.received_us, 0) + r.signed_after)"
#define EXPIRES_MS "(coalesce(" SIGNED_US ", 0) / 1000 + r.expires_after)"
#define TARGET     "(n.path || coalesce('?' || r.query, ''))"
#define SIGNATURE  "CASE typeof(r.signature) WHEN 'blob' THEN lower(hex(r.signature)) ELSE r.signature END"

/* IMF-fixdate, RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT" */
#define DATE_S          "(coalesce(r.received_us, 0) / 1000000 + r.date_after)"
#define DATE_PART(form) "strftime('" form "', " DATE_S ", 'unixepoch')"
#define DAY_NAME        "substr('SunMonTueWedThuFriSat', 1 + 3 * " DATE_PART("%w") ", 3)"
#define MONTH_NAME      "substr('JanFebMarAprMayJunJulAugSepOctNovDec', 3 * " DATE_PART("%m") " - 2, 3)"
#define DATE            DAY_NAME " || " DATE_PART(", %d ") " || " MONTH_NAME " || " DATE_PART(" %Y %H:%M:%S GMT")

#define LENGTH(view)           "coalesce((SELECT length(data) FROM bytes WHERE id = r." view "_body), 0)"
#define PUT(text, byte, value) "replace(" text ", x'" byte "', coalesce(" value ", ''))"

/* The template with its holes filled, in the order of schema.h. */
#define FILLED_1         PUT("h.template", "01", TARGET)
#define FILLED_2         PUT(FILLED_1, "02", SIGNATURE)
#define FILLED_3         PUT(FILLED_2, "03", EXPIRES_MS)
#define FILLED_4         PUT(FILLED_3, "04", DATE)
#define FILLED_5(view)   PUT(FILLED_4, "05", LENGTH(view))
#define FILLED(view)     PUT(FILLED_5(view), "06", "r.id")

#define HEAD(view)                                                              \
    "  (SELECT CASE WHEN h.raw THEN h.template ELSE CAST(" FILLED(view) " AS BLOB) END\n" \
    "    FROM head h WHERE h.id = r." view "_head) AS " view "_head"
#define BODY(view)  "  (SELECT data FROM bytes WHERE id = r." view "_body) AS " view "_body"
#define AFTER(name) "  coalesce(r.received_us, 0) + r." name "_after AS " name "_us"

static const char exchange_view[] =
    "CREATE VIEW exchange AS -- one row for each request a client sent; NULL: did not happen, is not known\n"
    "SELECT r.id, -- 1 and up: the answer's Countersign-Exchange; -1 and down: imported (i1, ...)\n"
    "  r.received_us, -- the request's last byte was read; all times: microseconds since 1970 UTC\n"
    "  v.outcome, -- ok, api_error, http_error, refused, not_sent, unknown, dry_run; NULL: in flight\n"
    "  p.listener, -- the listener's name in the configuration\n"
    "  p.account, -- the account that signed, or whose key the client signed with\n"
    "  p.api_key_masked, -- its key's first and last four characters\n"
    "  p.client || coalesce(':' || r.client_port, '') AS client_address, -- who asked\n"
    "  p.client_uid, -- its user id; NULL: not known, or on another machine\n"
    "  n.method,\n"
    "  " TARGET " AS target, -- the request target (path and query) as the client sent it\n"
    "  v.status, -- the HTTP status the client got\n"
    "  v.api_code, -- the answer's `code` as written, without quotes\n"
    "  v.api_message, -- the answer's `message` or `msg`; the first 1024 bytes\n"
    "  v.error_name, -- the proxy's own error (Countersign-Error)\n"
    "  v.error_message, -- what the proxy said of it\n"
    "  " SIGNED_US " AS signed_us, -- the clock reading that expires, window and signature come from\n"
    AFTER("connected") ", -- a connection to the exchange was at hand\n"
    AFTER("sent") ", -- the request's last byte left\n"
    AFTER("first_byte") ", -- the answer's first byte came\n"
    AFTER("complete") ", -- the answer's last byte came, or the failure\n"
    AFTER("replied") ", -- the reply's last byte was handed to the kernel\n"
    "  r.delivered, -- 1: the client took the whole reply\n"
    "  r.is_signed, -- 1: this proxy signed the request\n"
    "  r.payload_length, -- bytes that were signed: query and body together\n"
    "  r.payload_sha256, -- NULL where it is the SHA-256 of query and upstream_request_body\n"
    "  " EXPIRES_MS " AS expires_ms, -- X-CS-EXPIRES\n"
    "  coalesce(r.window, " EXPIRES_MS " / 30000) AS window,\n"
    "  " SIGNATURE " AS signature, -- X-CS-SIGN\n"
    "  c.local_address, -- the connection to the exchange: this end\n"
    "  c.local_port,\n"
    "  c.remote_address, -- and the other\n"
    "  c.remote_port,\n"
    "  c.ip_family, -- 4 or 6\n"
    "  r.reused, -- 1: the connection had carried requests before\n"
    "  c.tls_version,\n"
    "  c.tls_cipher,\n"
    "  c.http_version,\n"
    "  r.attempts, -- how often it was begun to be sent: 0, 1, or 2\n"
    "  p.client_signature, -- of the client's own: none, right, wrong, stale, other_key, unreadable, unknown\n"
    "  r.clock_offset_us, -- the exchange's clock less this machine's, as known when the request came\n"
    "  r.clock_bound_us, -- how far from it the true one can have been\n"
    "  r.waited_us, -- for its turn: the exchange allows so many requests in a time\n";

/* In parts: a C compiler need not take a longer literal. */
static const char exchange_client_request[] =
    HEAD("client_request") ", -- as the client sent it\n"
    BODY("client_request") ",\n";
static const char exchange_upstream_request[] =
    HEAD("upstream_request") ", -- as it left for the exchange\n"
    BODY("upstream_request") ",\n";
static const char exchange_upstream_response[] =
    HEAD("upstream_response") ", -- as it came back\n"
    BODY("upstream_response") ",\n";
static const char exchange_client_response[] =
    HEAD("client_response") ", -- as the client got it\n"
    BODY("client_response") "\n";

static const char exchange_sources[] =
    "FROM record r\n"
    "  LEFT JOIN party p ON p.id = r.party\n"
    "  LEFT JOIN endpoint n ON n.id = r.endpoint\n"
    "  LEFT JOIN verdict v ON v.id = r.verdict\n"
    "  LEFT JOIN connection c ON c.id = r.connection;\n";

#define AS_TEXT(column) "  CAST(" column " AS TEXT) AS " column

static const char exchange_text_view[] =
    "CREATE VIEW exchange_text AS -- exchanges with their heads and bodies as text\n"
    "SELECT id, strftime('%Y-%m-%dT%H:%M:%f', received_us / 1e6, 'unixepoch') AS received, outcome, listener,\n"
    "  method, target, status, api_code, api_message, error_name,\n"
    AS_TEXT("client_request_head") ",\n"
    AS_TEXT("client_request_body") ",\n"
    AS_TEXT("upstream_request_head") ",\n"
    AS_TEXT("upstream_request_body") ",\n"
    AS_TEXT("upstream_response_head") ",\n"
    AS_TEXT("upstream_response_body") ",\n"
    AS_TEXT("client_response_head") ",\n"
    AS_TEXT("client_response_body") "\n"
    "FROM exchange;\n";

/* clang-format on */

static const char extension[] = "ALTER TABLE record ADD COLUMN clock_offset_us INTEGER;\n"
                                "ALTER TABLE record ADD COLUMN clock_bound_us INTEGER;\n"
                                "ALTER TABLE record ADD COLUMN waited_us INTEGER;\n"
                                "DROP VIEW exchange_text;\n"
                                "DROP VIEW exchange;\n";

#define VIEWS                                                                                                          \
    exchange_view, exchange_client_request, exchange_upstream_request, exchange_upstream_response,                     \
        exchange_client_response, exchange_sources, exchange_text_view

const char *const schema_extension[] = { extension, VIEWS, NULL };

const char *const schema_parts[] = {
    bytes_table,      head_table,   party_table, endpoint_table, verdict_table,
    connection_table, record_table, life_tables, VIEWS,          NULL,
};
