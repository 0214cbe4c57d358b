-- The store's schema as version 1 made it: what a store of that time is built from in the tests.
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1129530188;
CREATE TABLE bytes ( -- heads and bodies, each kept once while it keeps coming up
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL -- as on the wire, but for masked values in heads
);
CREATE TABLE exchange ( -- one row for each request a client sent; NULL: did not happen, is not known
  id INTEGER PRIMARY KEY, -- 1 and up; the answer's Countersign-Exchange
  received_us INTEGER, -- the request's last byte was read; all times: microseconds since 1970 UTC
  outcome TEXT, -- ok, api_error, http_error, refused, not_sent, unknown; NULL: in flight
  listener TEXT, -- the listener's name in the configuration
  account TEXT, -- the account that signed
  api_key_masked TEXT, -- its key's first and last four characters
  client_address TEXT, -- who asked
  client_uid INTEGER, -- its user id, on a unix socket
  method TEXT,
  target TEXT, -- the request target (path and query) as the client sent it
  status INTEGER, -- the HTTP status the client got
  api_code TEXT, -- the answer's `code` as written, without quotes
  api_message TEXT, -- the answer's `message` or `msg`; the first 1024 bytes
  error_name TEXT, -- the proxy's own error (Countersign-Error)
  error_message TEXT, -- what the proxy said of it
  signed_us INTEGER, -- the clock reading that expires, window and signature come from
  connected_us INTEGER, -- a connection to the exchange was at hand
  sent_us INTEGER, -- the request's last byte left
  first_byte_us INTEGER, -- the answer's first byte came
  complete_us INTEGER, -- the answer's last byte came, or the failure
  replied_us INTEGER, -- the reply's last byte was handed to the kernel
  delivered INTEGER NOT NULL, -- 1: the client took the whole reply
  is_signed INTEGER NOT NULL, -- 1: this proxy signed the request
  payload_length INTEGER NOT NULL, -- bytes that were signed: query and body together
  payload_sha256 BLOB, -- their SHA-256, 32 bytes
  expires_ms INTEGER, -- X-CS-EXPIRES
  window INTEGER, -- floor(expires_ms / 30000)
  signature TEXT, -- X-CS-SIGN
  local_address TEXT, -- the connection to the exchange: this end
  local_port INTEGER,
  remote_address TEXT, -- and the other
  remote_port INTEGER,
  ip_family INTEGER, -- 4 or 6
  reused INTEGER NOT NULL, -- 1: the connection had carried requests before
  tls_version TEXT,
  tls_cipher TEXT,
  http_version TEXT,
  attempts INTEGER NOT NULL, -- how often it was begun to be sent: 0, 1, or 2
  client_request_head INTEGER REFERENCES bytes(id), -- as the client sent it
  client_request_body INTEGER REFERENCES bytes(id),
  upstream_request_head INTEGER REFERENCES bytes(id), -- as it left for the exchange
  upstream_request_body INTEGER REFERENCES bytes(id),
  upstream_response_head INTEGER REFERENCES bytes(id), -- as it came back
  upstream_response_body INTEGER REFERENCES bytes(id),
  client_response_head INTEGER REFERENCES bytes(id), -- as the client got it
  client_response_body INTEGER REFERENCES bytes(id)
);
CREATE INDEX exchange_received ON exchange(received_us);
CREATE INDEX exchange_in_flight ON exchange(id) WHERE outcome IS NULL;
CREATE TABLE ring_position ( -- how far each ring file has been carried over
  ring TEXT PRIMARY KEY, -- the file's name
  run TEXT NOT NULL, -- the proxy's run that wrote it
  sequence INTEGER NOT NULL -- its last frame that is stored
);
CREATE VIEW exchange_text AS -- exchanges with their heads and bodies as text
SELECT e.id, strftime('%Y-%m-%dT%H:%M:%f', e.received_us / 1e6, 'unixepoch') AS received, e.outcome, e.listener,
  e.method, e.target, e.status, e.api_code, e.api_message, e.error_name,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_request_head) AS client_request_head,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_request_body) AS client_request_body,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_request_head) AS upstream_request_head,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_request_body) AS upstream_request_body,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_response_head) AS upstream_response_head,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.upstream_response_body) AS upstream_response_body,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_response_head) AS client_response_head,
  (SELECT CAST(data AS TEXT) FROM bytes WHERE id = e.client_response_body) AS client_response_body
FROM exchange e;
PRAGMA user_version = 1;
