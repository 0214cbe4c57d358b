/* Tokens as the proxy process gets them: one question and one answer for each listener. The opener's thread. */
#include "countersign/signer_tokens.h"

#include "client_link.h"
#include "countersign/clock.h"
#include "tokens.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TOKENS_WAIT_US = 5000000 };

bool tokens_is_answer(const struct signer_wire_message *message, size_t listener)
{
    size_t length = message->body.token.length;
    return message->type == SIGNER_WIRE_TOKEN && message->account == listener &&
           (length == 0 || length >= SIGNER_WIRE_TOKEN_MIN) && length <= SIGNER_WIRE_TOKEN_MAX &&
           wire_is_visible(slice_of(message->body.token.text, length));
}

static bool fetch_token(struct signer_token *token, const struct client_link *link, size_t listener,
                        struct error *error)
{
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_TOKEN_WANTED);
    message.account = (uint32_t)listener;
    if (!link_ask(link, &message, error) || !link_take_answer(&message, link, error))
        return false;
    bool is_answer = tokens_is_answer(&message, listener);
    if (is_answer) {
        token->length = message.body.token.length;
        memcpy(token->text, message.body.token.text, sizeof(token->text));
    }
    OPENSSL_cleanse(&message, sizeof(message));
    return is_answer ||
           error_set(error, ERROR_SYSTEM,
                     "the signer process sent something else than the token of listener number %zu", listener);
}

bool signer_tokens_fetch(struct signer_token *tokens, size_t count, int fd, struct error *error)
{
    struct client_link link = { .fd = fd, .wake = -1, .deadline_us = clock_monotonic_us() + TOKENS_WAIT_US };
    bool done = true;
    atomic_init(&link.stop, false);
    memset(tokens, 0, count * sizeof(*tokens));
    for (size_t i = 0; done && i < count; i++)
        done = fetch_token(&tokens[i], &link, i, error);
    if (!done)
        OPENSSL_cleanse(tokens, count * sizeof(*tokens));
    return done;
}
