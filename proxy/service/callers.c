/* Who may ask, for each listener. The main thread opens and closes; constant between. */
#include "callers.h"

#include "countersign/endpoint.h"
#include "countersign/log.h"
#include "countersign/signer_tokens.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)SIGNER_WIRE_TOKEN_MAX <= (int)CALLER_TOKEN_MAX &&
                   (int)SIGNER_WIRE_TOKEN_MIN >= (int)CALLER_TOKEN_MIN,
               "every token that the signer gives fits");

struct callers {
    const struct config *config;
    struct signer_token *tokens; /* one for each listener */
    struct peer_rule *peers;     /* likewise */
};

static bool is_any_token_wanted(const struct config *config)
{
    bool is_any = false;
    for (size_t i = 0; i < config->listener_count; i++)
        is_any = is_any || config->listeners[i].token[0] != '\0';
    return is_any;
}

static bool take_tokens(struct callers *callers, int signer_fd, struct error *error)
{
    const struct config *config = callers->config;
    if (!is_any_token_wanted(config))
        return true;
    if (!signer_tokens_fetch(callers->tokens, config->listener_count, signer_fd, error))
        return false;
    for (size_t i = 0; i < config->listener_count; i++) {
        if ((config->listeners[i].token[0] != '\0') != (callers->tokens[i].length > 0))
            return error_set(error, ERROR_CONFIG,
                             "the signer knows another token of listener %s than the configuration; did the file "
                             "change during start-up? Start again",
                             config->listeners[i].name);
    }
    return true;
}

static bool read_rules(struct callers *callers, struct error *error)
{
    for (size_t i = 0; i < callers->config->listener_count; i++) {
        const struct config_listener *listener = &callers->config->listeners[i];
        if (!peer_rule_parse(&callers->peers[i], listener->peer, (uint32_t)geteuid(), error))
            return error_prefix(error, "listener %s, peer", listener->name);
    }
    return true;
}

static struct callers *make(const struct config *config, struct error *error)
{
    struct callers *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->config = config;
        made->tokens = calloc(config->listener_count, sizeof(*made->tokens));
        made->peers = calloc(config->listener_count, sizeof(*made->peers));
    }
    if (made != NULL && made->tokens != NULL && made->peers != NULL)
        return made;
    callers_close(made);
    (void)error_set(error, ERROR_MEMORY, "out of memory for the listeners"); /* NULL says it */
    return NULL;
}

bool callers_open(struct callers **callers, const struct config *config, int signer_fd, struct error *error)
{
    struct callers *made = make(config, error);
    if (made == NULL || !take_tokens(made, signer_fd, error) || !read_rules(made, error)) {
        callers_close(made);
        return false;
    }
    *callers = made;
    return true;
}

bool callers_renew(struct callers **callers, const struct callers *held, const struct config *config,
                   struct error *error)
{
    struct callers *made = make(config, error);
    if (made == NULL || !read_rules(made, error)) {
        callers_close(made);
        return false;
    }
    memcpy(made->tokens, held->tokens, config->listener_count * sizeof(*made->tokens));
    *callers = made;
    return true;
}

void callers_close(struct callers *callers)
{
    if (callers == NULL)
        return;
    if (callers->tokens != NULL)
        explicit_bzero(callers->tokens, callers->config->listener_count * sizeof(*callers->tokens));
    free(callers->tokens);
    free(callers->peers);
    free(callers);
}

void callers_fill(struct exchange_listener *listener, const struct callers *callers, size_t index)
{
    const struct config_listener *configured = &callers->config->listeners[index];
    const struct signer_token *token = &callers->tokens[index];
    listener->peers = callers->peers[index];
    listener->peers_configured = configured->peer;
    caller_hosts_read(&listener->hosts, configured->allowed_hosts);
    caller_token_set(&listener->token, slice_of(token->text, token->length));
}

void callers_wipe(struct exchange_listener *listener)
{
    explicit_bzero(&listener->token, sizeof(listener->token));
}

void callers_test(struct peer_lookup *lookup, const struct callers *callers, size_t index, int listen_fd, bool warns)
{
    const char *name = callers->config->listeners[index].name;
    struct error error;
    if (peer_lookup_test(lookup, listen_fd, &error) || callers->peers[index].takes_any || !warns)
        return;
    const struct log_value values[] = { { "event", "peer-unknown", 0 }, { "listener", name, 0 }, { NULL, NULL, 0 } };
    log_line_values(
        LOG_LEVEL_WARNING, values,
        "listener %s will refuse every client over TCP from this machine: %s. Until then use a unix socket, or "
        "peer = any and a token",
        name, error.message);
}

void callers_report(const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        struct endpoint endpoint;
        struct error error;
        if (!endpoint_parse(&endpoint, listener->listen, &error) || endpoint_is_local(&endpoint))
            continue;
        const struct log_value values[] = { { "event", "exposed", 0 },
                                            { "listener", listener->name, 0 },
                                            { "address", listener->listen, 0 },
                                            { NULL, NULL, 0 } };
        log_line_values(
            LOG_LEVEL_WARNING, values,
            "listener %s at %s can be reached from other machines: only its token keeps others out, and over "
            "plain HTTP whoever is on the way reads it; put TLS or a private network in front of it",
            listener->name, listener->listen);
    }
}
