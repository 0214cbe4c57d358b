/* The options of `countersign mock`. Private to this room. */
#ifndef COUNTERSIGN_CLI_MOCK_OPTIONS_H
#define COUNTERSIGN_CLI_MOCK_OPTIONS_H

#include "countersign/error.h"
#include "countersign/log.h"
#include "countersign/mock.h"

#define MOCK_DEFAULT_LISTEN  "127.0.0.1:9787"
#define MOCK_KEY_VARIABLE    "COINSTORE_API_KEY"
#define MOCK_SECRET_VARIABLE "COINSTORE_API_SECRET"

extern const char mock_help[];

struct mock_command {
    const char *listen[MOCK_LISTEN_MAX];
    size_t listen_count; /* at least one */
    struct mock_rehearsal rehearsal;
    bool tls;
    const char *certificate_file; /* the user's own, or NULL */
    const char *key_file;
    const char *write_certificate; /* NULL: nowhere */
    const char *api_key;           /* a secret's source; NULL until chosen */
    const char *api_secret;
    enum log_level log_level;
    enum log_format log_format;
    bool quiet;
    int ready_fd; /* -1: none */
    bool help;
};

/* Fills *command from the arguments; the texts are those of argv. */
MUST_CHECK bool mock_options_read(struct mock_command *command, int argc, char **argv, struct error *error);

#endif
