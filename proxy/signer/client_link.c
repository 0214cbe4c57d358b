/* Questions to the signer and its answers, checked. While the client is being opened: the opener's thread; afterwards
 * the client's own. */
#include "client_link.h"

#include "countersign/clock.h"
#include "countersign/secret.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void link_take_wakes(const struct client_link *link)
{
    uint64_t count;
    (void)!read(link->wake, &count, sizeof(count)); /* nothing there is as good */
}

/* Milliseconds for poll(2), rounded up; -1 for ever, 0 when the deadline has passed. */
static int wait_ms(int64_t deadline_us)
{
    if (deadline_us == CLIENT_NO_DEADLINE)
        return -1;
    int64_t left = deadline_us - clock_monotonic_us();
    int64_t ms = left <= 0 ? 0 : (left + 999) / 1000;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Waits until the signer has sent something, or closed. */
static bool wait_for_answer(const struct client_link *link, struct error *error)
{
    for (;;) {
        struct pollfd watched[] = { { .fd = link->fd, .events = POLLIN }, { .fd = link->wake, .events = POLLIN } };
        if (atomic_load(&link->stop))
            return error_set(error, ERROR_SYSTEM, "stopped while waiting for the signer");
        int ready = poll(watched, ARRAY_LENGTH(watched), wait_ms(link->deadline_us));
        if (ready == 0)
            return error_set(error, ERROR_SYSTEM, "the signer process has not answered in time");
        if (ready < 0 && errno != EINTR)
            return error_system(error, errno, "cannot wait for the signer");
        if (ready > 0 && watched[0].revents != 0)
            return true;
        if (ready > 0)
            link_take_wakes(link);
    }
}

static bool ask(const struct client_link *link, const struct signer_wire_message *message, struct error *error)
{
    if (wire_send(link->fd, message) != WIRE_DONE) /* one question at a time: there is always room for it */
        return error_set(error, ERROR_SYSTEM, "the signer process takes no messages: it has ended");
    return true;
}

static bool take_answer(struct signer_wire_message *message, const struct client_link *link, struct error *error)
{
    enum wire_result result = WIRE_LATER;
    while (result == WIRE_LATER) {
        if (!wait_for_answer(link, error))
            return false;
        result = wire_receive(message, link->fd);
    }
    if (result == WIRE_MALFORMED)
        return error_set(error, ERROR_SYSTEM, "the signer process sent a message that is none");
    return result == WIRE_DONE || error_set(error, ERROR_SYSTEM, "the signer process has ended");
}

static void keep_account(struct signer_client_account *account, const struct signer_wire_message *message)
{
    size_t length = message->body.account_info.api_key_length; /* in range: wire_is_account */
    memset(account, 0, sizeof(*account));
    memcpy(account->name, message->body.account_info.name, SIGNER_WIRE_NAME_MAX);
    memcpy(account->api_key, message->body.account_info.api_key, length);
    secret_mask(account->api_key_masked, slice_of(account->api_key, length));
}

bool link_take_accounts(struct signer_client_account **accounts, size_t *count, const struct client_link *link,
                        struct error *error)
{
    struct signer_client_account *made = NULL;
    struct signer_wire_message message;
    size_t taken = 0;
    wire_begin(&message, SIGNER_WIRE_HELLO);
    if (!ask(link, &message, error))
        return false;
    do {
        struct signer_client_account *larger = reallocarray(made, taken + 1, sizeof(*made));
        if (larger == NULL) {
            (void)error_set(error, ERROR_MEMORY, "no memory for %zu accounts", taken + 1);
            goto failed;
        }
        made = larger;
        if (!take_answer(&message, link, error))
            goto failed;
        if (taken == CLIENT_ACCOUNTS_MAX || !wire_is_account(&message, taken)) {
            (void)error_set(error, ERROR_SYSTEM, "the signer process sent something else than account number %zu",
                            taken);
            goto failed;
        }
        keep_account(&made[taken++], &message);
    } while (message.last == 0);
    *accounts = made;
    *count = taken;
    return true;

failed:
    free(made);
    return false;
}

enum link_result link_fetch_key(struct scheme_window_key *key, const struct client_link *link, size_t account,
                                uint64_t window, struct error *error)
{
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_KEY_WANTED);
    message.account = (uint32_t)account;
    message.window = window;
    if (!ask(link, &message, error) || !take_answer(&message, link, error))
        return LINK_FAILED;
    if (!wire_is_key(&message, account, window)) {
        (void)error_set(error, ERROR_SYSTEM, "the signer process sent something else than the key asked for");
        return LINK_FAILED;
    }
    enum link_result result = message.status == SIGNER_WIRE_OK ? LINK_KEY : LINK_REFUSED;
    if (result == LINK_KEY)
        *key = message.body.key;
    OPENSSL_cleanse(&message, sizeof(message));
    return result;
}
