/* The token of a request that is sent again: from where the configuration says that it is. One thread. */
#include "replay_token.h"

#include "countersign/http_message.h"
#include "countersign/secret.h"

#include <stdio.h>
#include <string.h>

enum { WHAT_MAX = CONFIG_NAME_MAX + 32 };

/* NULL where it has none, or is not in the configuration. */
static const struct config_listener *with_token(const struct config *config, const char *listener)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, listener) == 0 && config->listeners[i].token[0] != '\0')
            return &config->listeners[i];
    }
    return NULL;
}

static bool append_token(struct buffer *out, const struct config_listener *listener, struct error *error)
{
    struct secret token;
    char what[WHAT_MAX];
    (void)snprintf(what, sizeof(what), "token of listener %s", listener->name); /* fits: names are bounded */
    if (!secret_read(&token, listener->token, false, what, error))
        return false;
    (void)http_append_field(out, SLICE_LITERAL("Countersign-Token"), secret_slice(&token)); /* `failed` is checked */
    secret_end(&token);
    return true;
}

static bool append_configured_token(struct buffer *out, const struct log_options *options, const char *listener,
                                    struct error *error)
{
    struct config *config = NULL;
    int exit_code;
    if (!cli_config_load(&config, &options->config, &exit_code))
        return error_set(error, ERROR_CONFIG,
                         "the configuration cannot be read, so whether a token is asked for is not "
                         "known");
    const struct config_listener *found = with_token(config, listener);
    bool done = found == NULL || append_token(out, found, error);
    config_free(config);
    return done;
}

bool replay_token_add(struct buffer *out, struct slice head, const struct log_options *options, const char *listener,
                      struct error *error)
{
    static const char end[] = "\r\n"; /* the empty line, which every head here has */
    size_t lines = head.length - (sizeof(end) - 1);
    (void)buffer_append_slice(out, slice_first(head, lines)); /* `failed` is checked at the end of the run */
    if (options->store == NULL && !append_configured_token(out, options, listener, error))
        return false;
    (void)buffer_append_text(out, end); /* likewise */
    return !out->failed || error_set(error, ERROR_LIMIT, "there is no room for the token in the request's head");
}
