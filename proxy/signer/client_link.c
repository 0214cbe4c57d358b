/* Questions to the signer and its answers, checked. While the client is being opened: the opener's thread; afterwards
 * the client's own. */
#include "client_link.h"

#include "countersign/clock.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
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

/* The main thread takes it: SIGHUP is what it waits for. */
static bool take_configuration(struct client_link *link, int descriptor, struct error *error)
{
    if (descriptor < 0 || link->news.generation == 0)
        return error_set(error, ERROR_SYSTEM,
                         "the signer process sent a configuration out of turn or without its file");
    int before = atomic_exchange(&link->configuration, descriptor + 1);
    if (before != 0)
        (void)close(before - 1);  /* an older one that nobody took */
    (void)kill(getpid(), SIGHUP); /* cannot fail for ourselves */
    return true;
}

/* One message, if one is there: *got says so. A configuration is taken on the way. */
static bool receive(bool *got, struct signer_wire_message *message, struct client_link *link, struct error *error)
{
    int descriptor;
    enum wire_result result = wire_receive_descriptor(message, &descriptor, link->fd);
    *got = false;
    if (result == WIRE_DONE && message->type == SIGNER_WIRE_CONFIGURATION)
        return take_configuration(link, descriptor, error);
    *got = result == WIRE_DONE;
    return *got || result == WIRE_LATER ||
           error_set(error, ERROR_SYSTEM,
                     result == WIRE_MALFORMED ? "the signer process sent a message that is none"
                                              : "the signer process has ended");
}

static bool take_answer(struct signer_wire_message *message, struct client_link *link, struct error *error)
{
    bool got = false;
    while (!got) {
        if (!wait_for_answer(link, error) || !receive(&got, message, link, error))
            return false;
    }
    return true;
}

bool link_take_news(struct client_link *link, struct error *error)
{
    struct signer_wire_message message;
    do {
        if (!take_answer(&message, link, error) || !news_take(&link->news, &message, error))
            return false;
    } while (link->news.taken > 0);
    return true;
}

bool link_look(struct client_link *link, struct error *error)
{
    struct signer_wire_message message;
    bool got;
    if (!receive(&got, &message, link, error) || (got && !news_take(&link->news, &message, error)))
        return false;
    return link->news.taken == 0 || link_take_news(link, error);
}

bool link_greet(struct client_link *link, struct error *error)
{
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_HELLO);
    return ask(link, &message, error) && link_take_news(link, error);
}

/* Takes the answer to a question; accounts may have been sent before the signer saw it. */
static bool take_key(struct signer_wire_message *message, struct client_link *link, struct error *error)
{
    for (;;) {
        if (!take_answer(message, link, error))
            return false;
        if (message->type == SIGNER_WIRE_KEY && link->news.taken == 0)
            return true;
        if (!news_take(&link->news, message, error)) /* which refuses a key amid accounts, too */
            return false;
    }
}

/* The signer sends the next generation's accounts, then says that the one before is replaced: both or neither. */
static bool fits_the_news(const struct signer_wire_message *message, const struct client_link *link)
{
    return (message->status == SIGNER_WIRE_REPLACED) == (link->news.generation != message->generation);
}

enum link_result link_fetch_key(struct scheme_window_key *key, struct client_link *link,
                                const struct wire_wanted *wanted, struct error *error)
{
    static const enum link_result results[] = {
        [SIGNER_WIRE_OK] = LINK_KEY,
        [SIGNER_WIRE_WINDOW_REFUSED] = LINK_REFUSED,
        [SIGNER_WIRE_FAILED] = LINK_REFUSED,
        [SIGNER_WIRE_REPLACED] = LINK_REPLACED,
    };
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_KEY_WANTED);
    message.generation = wanted->generation;
    message.account = (uint32_t)wanted->account;
    message.window = wanted->window;
    message.offset_ms = wanted->offset_ms;
    if (!ask(link, &message, error) || !take_key(&message, link, error))
        return LINK_FAILED;
    enum link_result result = LINK_FAILED;
    if (wire_is_key(&message, wanted) && fits_the_news(&message, link))
        result = results[message.status];
    else
        (void)error_set(error, ERROR_SYSTEM, "the signer process sent something else than the key asked for");
    if (result == LINK_KEY)
        *key = message.body.key;
    OPENSSL_cleanse(&message, sizeof(message));
    return result;
}
