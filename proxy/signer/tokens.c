/* Tokens as the signer has them: read at the start, told to the proxy process when it asks. Signer process. */
#include "tokens.h"

#include "secret_parts.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_token(const struct config_listener *listener)
{
    return listener->token[0] != '\0';
}

static bool check_token(const struct secret *token, const char *what, struct error *error)
{
    if (token->length < SIGNER_WIRE_TOKEN_MIN)
        return error_set(error, ERROR_CONFIG,
                         "%s: it has %zu characters and must have at least %d, so that it cannot be guessed; `openssl "
                         "rand -hex 24` makes one",
                         what, token->length, SIGNER_WIRE_TOKEN_MIN);
    if (token->length > SIGNER_WIRE_TOKEN_MAX)
        return error_set(error, ERROR_CONFIG, "%s: it is longer than %d characters", what, SIGNER_WIRE_TOKEN_MAX);
    if (!wire_is_visible(secret_slice(token)))
        return error_set(
            error, ERROR_CONFIG,
            "%s: it has a blank or a character that is not ASCII, which no header field can carry as it is", what);
    return true;
}

/* A token goes to every client and into the proxy process: a key or secret in its place would, too. */
static bool check_not_an_accounts(const struct signer *signer, struct slice token, const char *what,
                                  struct error *error)
{
    for (size_t i = 0; i < signer->config->account_count; i++) {
        const struct signer_account *account = &signer->accounts[i];
        if (slice_equal(token, secret_slice(&account->api_key)) ||
            slice_equal(token, secret_slice(&account->api_secret)))
            return error_set(error, ERROR_INPUT,
                             "%s: it is the same text as a key or secret of account %s, which clients must not have: "
                             "choose another one",
                             what, signer->config->accounts[i].name);
    }
    return true;
}

static bool load_token(struct secret *token, const struct signer *signer, const struct config_listener *listener,
                       struct error *error)
{
    char what[CONFIG_NAME_MAX + 32];
    (void)snprintf(what, sizeof(what), "token of listener %s", listener->name); /* fits: names are bounded */
    return secret_load(token, listener->token, false, what, error) && check_token(token, what, error) &&
           check_not_an_accounts(signer, secret_slice(token), what, error);
}

void tokens_load(struct signer *signer, struct buffer *report, struct error *sum)
{
    const struct config *config = signer->config;
    signer->tokens = calloc(config->listener_count, sizeof(*signer->tokens));
    if (signer->tokens == NULL && sum->kind == ERROR_NONE)
        (void)error_set(sum, ERROR_MEMORY, "no memory for %zu tokens", config->listener_count); /* *sum says it */
    for (size_t i = 0; signer->tokens != NULL && i < config->listener_count; i++) {
        struct error error;
        if (!has_token(&config->listeners[i]) || load_token(&signer->tokens[i], signer, &config->listeners[i], &error))
            continue;
        (void)buffer_append_format(report, "%s\n", error.message); /* a report that is full has said enough */
        if (sum->kind == ERROR_NONE)
            *sum = error;
    }
}

void tokens_forget(const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++)
        secret_source_forget(config->listeners[i].token);
}

void tokens_end(struct signer *signer)
{
    for (size_t i = 0; signer->tokens != NULL && i < signer->config->listener_count; i++)
        secret_end(&signer->tokens[i]);
    free(signer->tokens);
    signer->tokens = NULL;
}

bool tokens_is_question(const struct signer_wire_message *message, size_t listener_count)
{
    return message->type == SIGNER_WIRE_TOKEN_WANTED && message->account < listener_count;
}

void tokens_answer(struct signer_wire_message *answer, const struct signer *signer, size_t listener)
{
    struct slice token = signer->tokens == NULL ? slice_of(NULL, 0) : secret_slice(&signer->tokens[listener]);
    wire_begin(answer, SIGNER_WIRE_TOKEN);
    answer->account = (uint32_t)listener;
    answer->body.token.length = (uint32_t)token.length; /* tokens_load saw that it fits */
    if (token.length > 0)
        memcpy(answer->body.token.text, token.data, token.length);
}
