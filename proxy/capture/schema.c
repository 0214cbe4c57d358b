/* The schema of capture.db, with a comment for each column: `sqlite3 capture.db .schema` shows them.
 *
 * bytes has no unique index over a digest of its data, though it keeps bytes once. Such an index takes its inserts all
 * over the file: storing 400,000 exchanges with 600-byte bodies (four new rows in bytes for each) took 155 to 162 µs of
 * processor time an exchange with it and 27 to 30 µs without, at about 5,000 against 29,000 to 41,000 exchanges a second;
 * it kept 193 of 1,600,214 rows from being stored twice. Equal bytes of one exchange are stored once; equal bytes of
 * different exchanges while the recorder still remembers them (bytes_cache.h). */
#include "schema.h"

#include <stddef.h>

static const char bytes_table[] = "CREATE TABLE bytes ( -- heads and bodies, each kept once while it keeps coming up\n"
                                  "  id INTEGER PRIMARY KEY,\n"
                                  "  data BLOB NOT NULL -- as on the wire, but for masked values in heads\n"
                                  ");\n";

static const char exchange_table[] =
    "CREATE TABLE exchange ( -- one row for each request a client sent; NULL: did not happen, is not known\n"
    "  id INTEGER PRIMARY KEY, -- 1 and up; the answer's Countersign-Exchange\n"
    "  received_us INTEGER, -- the request's last byte was read; all times: microseconds since 1970 UTC\n"
    "  outcome TEXT, -- ok, api_error, http_error, refused, not_sent, unknown; NULL: in flight\n"
    "  listener TEXT, -- the listener's name in the configuration\n"
    "  account TEXT, -- the account that signed\n"
    "  api_key_masked TEXT, -- its key's first and last four characters\n"
    "  client_address TEXT, -- who asked\n"
    "  client_uid INTEGER, -- its user id, on a unix socket\n"
    "  method TEXT,\n"
    "  target TEXT, -- the request target (path and query) as the client sent it\n"
    "  status INTEGER, -- the HTTP status the client got\n"
    "  api_code TEXT, -- the answer's `code` as written, without quotes\n"
    "  api_message TEXT, -- the answer's `message` or `msg`; the first 1024 bytes\n"
    "  error_name TEXT, -- the proxy's own error (Countersign-Error)\n"
    "  error_message TEXT, -- what the proxy said of it\n"
    "  signed_us INTEGER, -- the clock reading that expires, window and signature come from\n"
    "  connected_us INTEGER, -- a connection to the exchange was at hand\n"
    "  sent_us INTEGER, -- the request's last byte left\n"
    "  first_byte_us INTEGER, -- the answer's first byte came\n"
    "  complete_us INTEGER, -- the answer's last byte came, or the failure\n"
    "  replied_us INTEGER, -- the reply's last byte was handed to the kernel\n"
    "  delivered INTEGER NOT NULL, -- 1: the client took the whole reply\n"
    "  is_signed INTEGER NOT NULL, -- 1: this proxy signed the request\n"
    "  payload_length INTEGER NOT NULL, -- bytes that were signed: query and body together\n"
    "  payload_sha256 BLOB, -- their SHA-256, 32 bytes\n"
    "  expires_ms INTEGER, -- X-CS-EXPIRES\n"
    "  window INTEGER, -- floor(expires_ms / 30000)\n"
    "  signature TEXT, -- X-CS-SIGN\n"
    "  local_address TEXT, -- the connection to the exchange: this end\n"
    "  local_port INTEGER,\n"
    "  remote_address TEXT, -- and the other\n"
    "  remote_port INTEGER,\n"
    "  ip_family INTEGER, -- 4 or 6\n"
    "  reused INTEGER NOT NULL, -- 1: the connection had carried requests before\n"
    "  tls_version TEXT,\n"
    "  tls_cipher TEXT,\n"
    "  http_version TEXT,\n"
    "  attempts INTEGER NOT NULL, -- how often it was begun to be sent: 0, 1, or 2\n"
    "  client_request_head INTEGER REFERENCES bytes(id), -- as the client sent it\n"
    "  client_request_body INTEGER REFERENCES bytes(id),\n"
    "  upstream_request_head INTEGER REFERENCES bytes(id), -- as it left for the exchange\n"
    "  upstream_request_body INTEGER REFERENCES bytes(id),\n"
    "  upstream_response_head INTEGER REFERENCES bytes(id), -- as it came back\n"
    "  upstream_response_body INTEGER REFERENCES bytes(id),\n"
    "  client_response_head INTEGER REFERENCES bytes(id), -- as the client got it\n"
    "  client_response_body INTEGER REFERENCES bytes(id)\n"
    ");\n";

static const char received_index[] = "CREATE INDEX exchange_received ON exchange(received_us);\n";

static const char in_flight_index[] =
    "-- Nearly empty always: finds what a killed process left without a walk through the table.\n"
    "CREATE INDEX exchange_in_flight ON exchange(id) WHERE outcome IS NULL;\n";

static const char ring_position_table[] =
    "CREATE TABLE ring_position ( -- how far each ring file has been carried over\n"
    "  ring TEXT PRIMARY KEY, -- the file's name\n"
    "  run TEXT NOT NULL, -- the proxy's run that wrote it\n"
    "  sequence INTEGER NOT NULL -- its last frame that is stored\n"
    ");\n";

static const char exchange_text_view[] =
    "CREATE VIEW exchange_text AS -- exchanges with their heads and bodies as text\n"
    "SELECT e.id, strftime('%Y-%m-%dT%H:%M:%f', e.received_us / 1e6, 'unixepoch') AS received, e.outcome, e.listener,\n"
    "  e.method, e.target, e.status, e.api_code, e.api_message, e.error_name,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_request_head) AS client_request_head,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_request_body) AS client_request_body,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_request_head) AS upstream_request_head,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_request_body) AS upstream_request_body,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_response_head) AS upstream_response_head,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_response_body) AS upstream_response_body,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_response_head) AS client_response_head,\n"
    "  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_response_body) AS client_response_body\n"
    "FROM exchange e;\n";

static const char *const version_1[] = {
    bytes_table, exchange_table, received_index, in_flight_index, ring_position_table, exchange_text_view, NULL
};

const char *const *const schema_steps[SCHEMA_VERSION] = { version_1 };
