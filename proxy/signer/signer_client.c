/* The proxy process's end of the signer's socket: opened on one thread, then kept by a thread of its own, which fetches
 * each window's keys ahead of time; workers read them without locks.
 *
 * The thread sleeps until the next window is near (twice a minute), the clock is set, a worker misses a key, the signer
 * has read its sources anew or ends, or the client is closed. When the signer has ended it waits for another one's socket. */
#include "client_parts.h"

#include "client_report.h"
#include "client_schedule.h"
#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CLIENT_OPEN_US = 5000000 }; /* signer_client_open's bound */

/* --- keys --- */

/* By how much the account's time is corrected at this moment. */
static int64_t offset_ms(const struct signer_client *client, size_t account)
{
    bool follows = atomic_load(&client->slots[account].clock) != NULL;
    return follows ? signer_client_time_us(client, account) / 1000 - clock_wall_us() / 1000 : 0;
}

/* Fetches one key into a bank unless it is held there. */
static enum link_result fetch_into(struct key_bank *bank, struct signer_client *client,
                                   const struct wire_wanted *wanted, struct error *error)
{
    struct scheme_window_key key;
    if (key_bank_holds(bank, wanted->window))
        return LINK_KEY;
    enum link_result result = link_fetch_key(&key, &client->link, wanted, error);
    if (result == LINK_KEY) {
        key_bank_put(bank, wanted->window, &key);
        OPENSSL_cleanse(&key, sizeof(key));
    }
    return result;
}

/* A key of what is in force. False when the signer is gone; *error says how. Where the generation has been replaced, what
 * is missing comes with the next one. */
static bool fetch(struct signer_client *client, size_t account, uint64_t window, struct error *error)
{
    struct key_slots *slots = &client->slots[account];
    struct wire_wanted wanted = {
        .generation = client->generation, .account = account, .window = window, .offset_ms = offset_ms(client, account)
    };
    enum link_result result = fetch_into(key_slots_in_force(slots), client, &wanted, error);
    if (result == LINK_REFUSED)
        atomic_store(&slots->refused, window);
    return result != LINK_FAILED;
}

/* The keys that are due by the clock. What was refused earlier may be given now. */
static bool fetch_due(struct signer_client *client, struct error *error)
{
    for (size_t i = 0; i < client->account_count; i++) {
        struct client_windows due = schedule_windows(signer_client_time_us(client, i) / 1000);
        atomic_store(&client->slots[i].refused, KEY_SLOTS_NO_WINDOW);
        if (!fetch(client, i, due.current, error) || !fetch(client, i, due.ahead, error))
            return false;
    }
    return true;
}

/* The keys that workers looked for and did not find. Looks again until a whole round finds nothing: waiting for one answer
 * takes the wake-ups that come meanwhile, and what they stood for may be of an account already looked at. */
static bool fetch_wanted(struct signer_client *client, struct error *error)
{
    bool found;
    do {
        found = false;
        for (size_t i = 0; i < client->account_count; i++) {
            uint64_t wanted = atomic_exchange(&client->slots[i].wanted, KEY_SLOTS_NO_WINDOW);
            if (wanted == KEY_SLOTS_NO_WINDOW)
                continue;
            found = true;
            if (!fetch(client, i, wanted, error))
                return false;
        }
    } while (found && !atomic_load(&client->link.stop));
    return true;
}

/* --- generations --- */

/* The current, the next and the last window's keys of one account. The last may be refused where the clock turns
 * meanwhile. */
static enum link_result prepare_account(struct signer_client *client, size_t account, struct error *error)
{
    uint64_t now = scheme_window(signer_client_time_us(client, account) / 1000);
    const uint64_t windows[] = { now, now + 1, now - 1 };
    struct key_slots *slots = &client->slots[account];
    enum link_result result = LINK_KEY;
    key_slots_prepare(slots, &client->link.news.accounts[account].api_key);
    for (size_t i = 0; i < ARRAY_LENGTH(windows) && result != LINK_FAILED && result != LINK_REPLACED; i++) {
        struct wire_wanted wanted = { client->link.news.generation, account, windows[i], offset_ms(client, account) };
        result = fetch_into(key_slots_prepared(slots), client, &wanted, error);
    }
    return result;
}

static enum link_result prepare_accounts(struct signer_client *client, struct error *error)
{
    enum link_result result = LINK_KEY;
    for (size_t i = 0; i < client->account_count && result != LINK_FAILED && result != LINK_REPLACED; i++)
        result = prepare_account(client, i, error);
    return result;
}

static bool has_another_key(const struct signer_client *client, size_t account)
{
    return !slice_equal(signer_client_api_key_slice(&client->link.news.accounts[account].api_key),
                        signer_client_api_key_slice(&client->in_force[account]));
}

/* From here on every request is signed with the pairs that were prepared. */
static void put_in_force(struct signer_client *client)
{
    for (size_t i = 0; i < client->account_count; i++) {
        key_slots_turn(&client->slots[i]);
        atomic_store(&client->slots[i].refused, KEY_SLOTS_NO_WINDOW);
    }
    for (size_t i = 0; i < client->account_count; i++) {
        /* Also where the first was replaced before it was in force, and where another signer has another key. */
        if (client->link.news.generation > 1 || has_another_key(client, i))
            report_reloaded(&client->link.news.accounts[i], &client->in_force[i]);
        client->in_force[i] = client->link.news.accounts[i].api_key;
    }
    news_are_old(&client->link.news);
    if (client->generation != 0)
        atomic_fetch_add(&client->rotations, 1);
    client->generation = client->link.news.generation;
}

/* Goes over to what the signer told last. The pairs in force stay in use until all of the next are there. */
static bool follow_news(struct signer_client *client, struct error *error)
{
    while (client->generation != client->link.news.generation) {
        switch (prepare_accounts(client, error)) {
        case LINK_FAILED:
            return false;
        case LINK_REPLACED: /* before all were here: the next generation is the one to go over to */
            break;
        case LINK_KEY:
        case LINK_REFUSED: /* by the clocks, as it would be with the old pair: workers ask again */
            put_in_force(client);
        }
    }
    return true;
}

/* --- the thread --- */

/* The next moment, by this machine's clock, at which some account's next key is due. */
static int64_t next_due_ms(const struct signer_client *client)
{
    int64_t wall_ms = clock_wall_us() / 1000, soonest_ms = schedule_next_ms(wall_ms) - wall_ms;
    for (size_t i = 0; i < client->account_count; i++) {
        int64_t now_ms = wall_ms + offset_ms(client, i), wait_ms = schedule_next_ms(now_ms) - now_ms;
        soonest_ms = wait_ms < soonest_ms ? wait_ms : soonest_ms;
    }
    return wall_ms + soonest_ms;
}

/* Sets the timer to the next key's time. The clock may be set between reading it and this: then again. */
static bool set_timer(const struct signer_client *client, struct error *error)
{
    int64_t next_ms;
    do {
        next_ms = next_due_ms(client);
        struct itimerspec at = { .it_value = { .tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000 } };
        if (timerfd_settime(client->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) != 0)
            return error_system(error, errno, "cannot set the timer for the next window's keys");
    } while (next_due_ms(client) < next_ms);
    return true;
}

/* Sleeps until there is something to do: *is_due when the timer fired or the clock was set. Takes news that come. False at
 * the signer's end. */
static bool sleep_until_needed(struct signer_client *client, bool *is_due, struct error *error)
{
    struct pollfd watched[] = { { .fd = client->link.fd, .events = POLLIN },
                                { .fd = client->link.wake, .events = POLLIN },
                                { .fd = client->timer, .events = POLLIN } };
    if (poll(watched, ARRAY_LENGTH(watched), -1) < 0 && errno != EINTR)
        return error_system(error, errno, "cannot wait for the signer");
    if (watched[0].revents != 0 && !link_look(&client->link, error))
        return false;
    if (watched[1].revents != 0)
        link_take_wakes(&client->link);
    uint64_t count;
    *is_due = watched[2].revents != 0;
    if (*is_due)
        (void)!read(client->timer, &count, sizeof(count)); /* fails where the clock was set: due as well */
    return true;
}

static bool keep_keys(struct signer_client *client, struct error *error)
{
    bool is_due = true;
    while (!atomic_load(&client->link.stop)) {
        if (!follow_news(client, error))
            return false;
        if (is_due && (!set_timer(client, error) || !fetch_due(client, error)))
            return false;
        if (!fetch_wanted(client, error))
            return false;
        bool has_news = client->generation != client->link.news.generation; /* they came with an answer */
        if (!has_news && !sleep_until_needed(client, &is_due, error))
            return false;
    }
    return true;
}

/* --- another signer --- */

/* Waits until there is the socket to one. False when the client is closed first. */
static bool wait_for_another(struct signer_client *client)
{
    struct pollfd watched = { .fd = client->link.wake, .events = POLLIN };
    while (!atomic_load(&client->link.stop)) {
        int fd = atomic_exchange(&client->next_fd, -1);
        if (fd >= 0) {
            (void)close(client->link.fd); /* its other end has gone, or is not to be listened to any more */
            client->link.fd = fd;
            return true;
        }
        (void)poll(&watched, 1, -1); /* EINTR alone is possible: then again */
        link_take_wakes(&client->link);
    }
    return false;
}

/* The new one's accounts and keys. What is in force stays until then. */
static bool greet_another(struct signer_client *client, struct error *error)
{
    client->link.deadline_us = clock_monotonic_us() + CLIENT_OPEN_US;
    news_begin_again(&client->link.news);
    client->generation = 0;
    bool done = link_greet(&client->link, error) && follow_news(client, error);
    client->link.deadline_us = CLIENT_NO_DEADLINE;
    if (done) {
        atomic_store(&client->alive, true);
        report_back();
    }
    return done;
}

static void *run_thread(void *context)
{
    struct signer_client *client = context;
    struct error error;
    bool done = keep_keys(client, &error);
    while (!done && !atomic_load(&client->link.stop)) {
        atomic_store(&client->alive, false);
        report_gone(error.message);
        done = !wait_for_another(client) || (greet_another(client, &error) && keep_keys(client, &error));
    }
    atomic_store(&client->alive, false);
    return NULL;
}

/* --- opening and closing --- */

static bool open_descriptors(struct signer_client *client, int fd, struct error *error)
{
    client->link.fd = fd;
    client->link.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    client->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (client->link.wake < 0 || client->timer < 0)
        return error_system(error, errno, "cannot make the descriptors of the signer's client");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return error_system(error, errno,
                            "descriptor %d is not the signer's socket: start this with `countersign serve`", fd);
    return true;
}

static bool make_slots(struct signer_client *client, struct error *error)
{
    client->account_count = client->link.news.count;
    client->slots = calloc(client->account_count, sizeof(*client->slots));
    client->in_force = calloc(client->account_count, sizeof(*client->in_force));
    if (client->slots == NULL || client->in_force == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for the keys of %zu accounts", client->account_count);
    for (size_t i = 0; i < client->account_count; i++) {
        key_slots_init(&client->slots[i]);
        client->in_force[i] = client->link.news.accounts[i].api_key;
    }
    return true;
}

static bool fetch_first(struct signer_client *client, struct error *error)
{
    uint64_t now = scheme_window(clock_wall_us() / 1000);
    if (!follow_news(client, error))
        return false;
    for (size_t i = 0; i < client->account_count; i++) {
        if (!key_bank_holds(key_slots_in_force(&client->slots[i]), now))
            return error_set(error, ERROR_SYSTEM, "the signer process gives no key of account %s for now",
                             client->link.news.accounts[i].name);
    }
    return true;
}

static bool open_all(struct signer_client *client, int fd, struct error *error)
{
    client->link.deadline_us = clock_monotonic_us() + CLIENT_OPEN_US;
    bool done = open_descriptors(client, fd, error) && link_greet(&client->link, error) && make_slots(client, error) &&
                fetch_first(client, error);
    client->link.deadline_us = CLIENT_NO_DEADLINE; /* a late answer is better than none, once the proxy runs */
    client->has_thread = done && thread_start(&client->thread, "keys", run_thread, client, error);
    return client->has_thread;
}

bool signer_client_open(struct signer_client **client, int fd, struct error *error)
{
    struct signer_client *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        (void)close(fd); /* owned by now */
        return error_set(error, ERROR_MEMORY, "no memory for the signer's client");
    }
    made->link = (struct client_link){ .fd = fd, .wake = -1 };
    made->timer = -1;
    atomic_init(&made->link.stop, false);
    atomic_init(&made->alive, true);
    atomic_init(&made->next_fd, -1);
    if (!open_all(made, fd, error)) {
        signer_client_close(made);
        return false;
    }
    *client = made;
    return true;
}

void client_wake(const struct signer_client *client)
{
    (void)eventfd_write(client->link.wake, 1); /* fails when 2^64 - 2 wake-ups wait already: awake then */
}

void signer_client_go_over(struct signer_client *client, int fd)
{
    int older = atomic_exchange(&client->next_fd, fd);
    if (older >= 0)
        (void)close(older); /* never used */
    client_wake(client);
}

static void end_thread(struct signer_client *client)
{
    if (!client->has_thread)
        return;
    atomic_store(&client->link.stop, true);
    client_wake(client);
    (void)pthread_join(client->thread, NULL); /* cannot fail for our own, joined once */
}

void signer_client_close(struct signer_client *client)
{
    if (client == NULL)
        return;
    end_thread(client);
    const int descriptors[] = { client->link.fd, client->link.wake, client->timer, atomic_load(&client->next_fd) };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]); /* nothing written can be lost here */
    }
    for (size_t i = 0; client->slots != NULL && i < client->account_count; i++)
        key_slots_wipe(&client->slots[i]);
    free(client->slots);
    free(client->in_force);
    int unread = signer_client_configuration(client);
    if (unread >= 0)
        (void)close(unread); /* was not read */
    news_end(&client->link.news);
    free(client);
}

int signer_client_configuration(struct signer_client *client)
{
    return atomic_exchange(&client->link.configuration, 0) - 1;
}
