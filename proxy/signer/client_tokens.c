/* Tokens as the proxy process gets them: one question and one answer for each listener, before HELLO, so that nothing else
 * can be on its way. The opener's thread. */
#include "countersign/signer_tokens.h"

#include "countersign/clock.h"
#include "tokens.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <string.h>

enum { TOKENS_WAIT_US = 5000000, US_PER_MS = 1000 };

bool tokens_is_answer(const struct signer_wire_message *message, size_t listener)
{
    size_t length = message->body.token.length;
    return message->type == SIGNER_WIRE_TOKEN && message->account == listener &&
           (length == 0 || length >= SIGNER_WIRE_TOKEN_MIN) && length <= SIGNER_WIRE_TOKEN_MAX &&
           wire_is_visible(slice_of(message->body.token.text, length));
}

/* Waits until the signer has sent something, or closed. */
static bool wait_for_answer(int fd, int64_t deadline_us, struct error *error)
{
    for (;;) {
        struct pollfd watched = { .fd = fd, .events = POLLIN };
        int64_t left_us = deadline_us - clock_monotonic_us();
        int ready = left_us <= 0 ? 0 : poll(&watched, 1, (int)(left_us / US_PER_MS) + 1);
        if (ready == 0)
            return error_set(error, ERROR_SYSTEM, "the signer process has not answered in time");
        if (ready > 0)
            return true;
        if (errno != EINTR)
            return error_system(error, errno, "cannot wait for the signer");
    }
}

static bool ask(struct signer_wire_message *message, int fd, size_t listener, int64_t deadline_us, struct error *error)
{
    enum wire_result result = WIRE_LATER;
    wire_begin(message, SIGNER_WIRE_TOKEN_WANTED);
    message->account = (uint32_t)listener;
    if (wire_send(fd, message) != WIRE_DONE) /* one question at a time: there is always room for it */
        return error_set(error, ERROR_SYSTEM, "the signer process takes no messages: it has ended");
    while (result == WIRE_LATER) {
        if (!wait_for_answer(fd, deadline_us, error))
            return false;
        result = wire_receive(message, fd);
    }
    return result == WIRE_DONE || error_set(error, ERROR_SYSTEM, "the signer process has ended, or sent no message");
}

static bool fetch_token(struct signer_token *token, int fd, size_t listener, int64_t deadline_us, struct error *error)
{
    struct signer_wire_message message;
    if (!ask(&message, fd, listener, deadline_us, error))
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
    int64_t deadline_us = clock_monotonic_us() + TOKENS_WAIT_US;
    bool done = true;
    memset(tokens, 0, count * sizeof(*tokens));
    for (size_t i = 0; done && i < count; i++)
        done = fetch_token(&tokens[i], fd, i, deadline_us, error);
    if (!done)
        OPENSSL_cleanse(tokens, count * sizeof(*tokens));
    return done;
}
