/* What the parts of `countersign sign` share: the request, its signature, and how both are shown. Private to this room. */
#ifndef COUNTERSIGN_CLI_SIGN_H
#define COUNTERSIGN_CLI_SIGN_H

#include "countersign/config.h"
#include "countersign/scheme.h"

struct sign_request { /* slices are borrowed from the command line and the body's buffer */
    const char *account;
    struct slice method;
    struct slice target;
    struct slice body;
    const char *body_file; /* the file that holds `body`, for curl; NULL where it came from elsewhere */
    bool body_added;       /* `body` is the {} of a POST that was given none */
};

struct sign_result {
    struct slice api_key; /* borrowed from the signer */
    int64_t expires_ms;
    uint64_t window;
    size_t payload_length;
    unsigned char payload_sha256[SCHEME_SHA256_LENGTH];
    char signature[SCHEME_SIGNATURE_LENGTH];
};

/* Appends every step for people. The API key is masked unless show_key. The buffer's `failed` tells of failures, here
 * and below. */
void sign_append_steps(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                       bool show_key);

/* Appends what else the command can print where it masked the key. */
void sign_append_hint(struct buffer *out);

/* Appends the same as one JSON object with a line feed. */
void sign_append_json(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                      bool show_key);

/* Appends a shell command that sends the request as the proxy would, byte for byte, to this upstream. It holds the API
 * key whole. Pasted into any POSIX shell it gives each byte back. */
void sign_append_curl(struct buffer *out, const struct sign_request *request, const struct sign_result *result,
                      const struct config_upstream *upstream);

#endif
