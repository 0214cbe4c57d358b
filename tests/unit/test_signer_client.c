/* The proxy's end of the signer's socket, against a signer made up here that can also lie, refuse and fall silent. */
#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/signer_client.h"
#include "signer/client_link.h"
#include "signer/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_US = 10000000, MANY_ACCOUNTS = 400 };

/* The made-up signer: a thread that answers at the other end. */
struct fake {
    size_t account_count;
    uint64_t refused_from;       /* windows from here on are refused */
    uint64_t silent_from;        /* windows from here on are not answered at all */
    _Atomic uint64_t generation; /* of what it gives; told at the next question, before its answer */
    uint64_t told;               /* the last generation that was told */
    bool hides_replacement;      /* answers with a key where the generation asked for is replaced */
    void (*spoil_account)(struct signer_wire_message *message);
    uint64_t spoil_generation; /* accounts of generations from here on are spoiled */
    void (*spoil_key)(struct signer_wire_message *message);
    uint64_t spoil_from; /* keys of windows from here on are spoiled */
    int fd;
    int other_fd;
    atomic_uint keys_given;
    atomic_uint keys_withheld;
    pthread_t thread;
};

static struct scheme_window_key key_of_generation(uint64_t generation, size_t account, uint64_t window)
{
    char text[SCHEME_WINDOW_KEY_LENGTH + 1];
    struct scheme_window_key key;
    (void)snprintf(text, sizeof(text), "%016llx%016llx%032llx", (unsigned long long)generation,
                   (unsigned long long)account, (unsigned long long)window);
    memcpy(key.text, text, sizeof(key.text));
    return key;
}

static struct scheme_window_key key_of(size_t account, uint64_t window)
{
    return key_of_generation(1, account, window);
}

static void name_account(char *name, char *api_key, uint64_t generation, size_t account)
{
    (void)snprintf(name, SIGNER_WIRE_NAME_MAX, "account-%zu", account);
    (void)snprintf(api_key, SIGNER_WIRE_API_KEY_MAX, "key-%06llu-%06zu", (unsigned long long)generation, account);
}

/* The client may have left in the middle: the next receive says so. */
static void give(const struct fake *fake, const struct signer_wire_message *message)
{
    struct pollfd writable = { .fd = fake->fd, .events = POLLOUT };
    while (wire_send(fake->fd, message) == WIRE_LATER)
        (void)poll(&writable, 1, -1);
}

static void give_accounts(struct fake *fake)
{
    fake->told++;
    for (size_t i = 0; i < fake->account_count; i++) {
        struct signer_wire_message message;
        char api_key[SIGNER_WIRE_API_KEY_MAX];
        wire_begin(&message, SIGNER_WIRE_ACCOUNT);
        message.account = (uint32_t)i;
        message.last = i + 1 == fake->account_count;
        message.generation = fake->told;
        message.body.account_info.changed = fake->told > 1;
        name_account(message.body.account_info.name, api_key, fake->told, i);
        message.body.account_info.api_key_length = (uint32_t)strlen(api_key);
        memcpy(message.body.account_info.api_key, api_key, strlen(api_key));
        if (fake->spoil_account != NULL && fake->told >= fake->spoil_generation && i + 1 == fake->account_count)
            fake->spoil_account(&message);
        give(fake, &message);
    }
}

static void give_key(struct fake *fake, const struct signer_wire_message *wanted)
{
    if (wanted->window >= fake->silent_from) {
        atomic_fetch_add(&fake->keys_withheld, 1);
        return;
    }
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_KEY);
    message.generation = wanted->generation;
    message.account = wanted->account;
    message.window = wanted->window;
    while (fake->told < atomic_load(&fake->generation))
        give_accounts(fake);
    if (wanted->generation != fake->told && !fake->hides_replacement)
        message.status = SIGNER_WIRE_REPLACED;
    else if (wanted->window >= fake->refused_from)
        message.status = SIGNER_WIRE_WINDOW_REFUSED;
    else
        message.body.key = key_of_generation(wanted->generation, wanted->account, wanted->window);
    if (fake->spoil_key != NULL && wanted->window >= fake->spoil_from)
        fake->spoil_key(&message);
    give(fake, &message);
    atomic_fetch_add(&fake->keys_given, 1);
}

static void *run_fake(void *context)
{
    struct fake *fake = context;
    for (;;) {
        struct pollfd readable = { .fd = fake->fd, .events = POLLIN };
        (void)poll(&readable, 1, -1);
        struct signer_wire_message message;
        if (wire_receive(&message, fake->fd) != WIRE_DONE)
            return NULL; /* the client has closed, or the test has shut the socket down */
        if (message.type == SIGNER_WIRE_HELLO)
            give_accounts(fake);
        else
            give_key(fake, &message);
    }
}

static struct fake honest(void)
{
    return (struct fake){ .account_count = 2, .generation = 1, .refused_from = UINT64_MAX, .silent_from = UINT64_MAX };
}

static void start_fake(struct fake *fake)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    fake->fd = ends[0];
    fake->other_fd = ends[1];
    assert_int_equal(pthread_create(&fake->thread, NULL, run_fake, fake), 0);
}

static void end_fake(struct fake *fake)
{
    (void)shutdown(fake->fd, SHUT_RDWR); /* may be ended already */
    assert_int_equal(pthread_join(fake->thread, NULL), 0);
    assert_int_equal(close(fake->fd), 0);
}

static struct signer_client *open_client(struct fake *fake)
{
    struct signer_client *client = NULL;
    struct error error = { .kind = ERROR_NONE };
    start_fake(fake);
    if (!signer_client_open(&client, fake->other_fd, &error))
        fail_msg("%s", error.message);
    return client;
}

static uint64_t current_window(void)
{
    return scheme_window(clock_wall_us() / 1000);
}

/* Asks again and again, as a worker does, until the answer is another than "later". */
static enum signer_client_key ask_pair(struct signer_client_pair *pair, struct signer_client *client, size_t account,
                                       uint64_t window)
{
    int64_t deadline = clock_monotonic_us() + WAIT_US;
    enum signer_client_key found;
    while ((found = signer_client_window_key(pair, client, account, window)) == SIGNER_CLIENT_KEY_LATER) {
        if (clock_monotonic_us() > deadline)
            fail_msg("window %llu of account %zu does not come", (unsigned long long)window, account);
        (void)usleep(100);
    }
    return found;
}

static enum signer_client_key ask(struct scheme_window_key *key, struct signer_client *client, size_t account,
                                  uint64_t window)
{
    struct signer_client_pair pair;
    enum signer_client_key found = ask_pair(&pair, client, account, window);
    *key = pair.window_key;
    return found;
}

static void assert_ready(struct signer_client *client, size_t account, uint64_t window)
{
    struct signer_client_pair pair;
    struct scheme_window_key expected = key_of(account, window);
    assert_int_equal(signer_client_window_key(&pair, client, account, window), SIGNER_CLIENT_KEY_READY);
    assert_memory_equal(&pair.window_key, &expected, sizeof(expected));
}

static void the_accounts_are_the_signers_in_its_order(void **state)
{
    (void)state;
    struct fake fake = honest();
    fake.account_count = MANY_ACCOUNTS; /* more messages than the socket holds at once */
    struct signer_client *client = open_client(&fake);
    assert_int_equal(signer_client_account_count(client), MANY_ACCOUNTS);
    for (size_t i = 0; i < MANY_ACCOUNTS; i++) {
        char name[SIGNER_WIRE_NAME_MAX + 1], api_key[SIGNER_WIRE_API_KEY_MAX + 1];
        struct signer_client_api_key found;
        name_account(name, api_key, 1, i);
        assert_string_equal(signer_client_account_name(client, i), name);
        signer_client_api_key(&found, client, i);
        assert_true(slice_equal_text(signer_client_api_key_slice(&found), api_key));
    }
    struct signer_client_api_key none;
    signer_client_api_key(&none, client, MANY_ACCOUNTS);
    assert_int_equal(none.length, 0);
    assert_null(signer_client_account_name(client, MANY_ACCOUNTS));
    signer_client_close(client);
    end_fake(&fake);
}

static void keys_of_the_last_current_and_next_window_are_there_at_once(void **state)
{
    (void)state;
    for (;;) {
        struct fake fake = honest();
        uint64_t before = current_window();
        struct signer_client *client = open_client(&fake);
        bool turned = current_window() != before; /* the clock's turn fell into it: try in the new window */
        for (size_t account = 0; !turned && account < 2; account++) {
            for (uint64_t window = before - 1; window <= before + 1; window++)
                assert_ready(client, account, window);
        }
        assert_true(signer_client_is_alive(client));
        signer_client_close(client);
        end_fake(&fake);
        if (!turned)
            return;
    }
}

static void a_window_that_is_not_held_comes_when_it_is_looked_for(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct signer_client *client = open_client(&fake);
    struct scheme_window_key key, expected;
    for (uint64_t window = 1000; window < 1050; window++) {
        expected = key_of(1, window);
        assert_int_equal(ask(&key, client, 1, window), SIGNER_CLIENT_KEY_READY);
        assert_memory_equal(&key, &expected, sizeof(key));
    }
    signer_client_close(client);
    end_fake(&fake);
}

static void a_refused_window_is_gone_and_leaves_the_others_usable(void **state)
{
    (void)state;
    struct fake fake = honest();
    uint64_t now = current_window();
    fake.refused_from = now + 5;
    struct signer_client *client = open_client(&fake);
    struct scheme_window_key key;
    assert_int_equal(ask(&key, client, 0, now + 8), SIGNER_CLIENT_KEY_GONE);
    assert_int_equal(ask(&key, client, 0, UINT64_MAX), SIGNER_CLIENT_KEY_GONE);
    assert_int_equal(ask(&key, client, 2, now), SIGNER_CLIENT_KEY_GONE); /* no such account */
    assert_ready(client, 0, now);
    assert_ready(client, 1, now);
    assert_true(signer_client_is_alive(client));
    signer_client_close(client);
    end_fake(&fake);
}

static void a_key_that_nobody_looks_for_is_not_asked_for_again(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct signer_client *client = open_client(&fake);
    struct scheme_window_key key;
    struct signer_client_pair pair;
    (void)ask(&key, client, 0, 1001); /* the thread is past its first round now */
    unsigned before = atomic_load(&fake.keys_given);
    uint64_t now = current_window();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(signer_client_window_key(&pair, client, 0, 1001), SIGNER_CLIENT_KEY_READY);
    if (current_window() == now) /* else the turn's own keys were fetched */
        assert_true(atomic_load(&fake.keys_given) - before <= 2);
    signer_client_close(client);
    end_fake(&fake);
}

static void a_key_is_given_where_it_is_held_and_not_asked_for_where_it_is_not(void **state)
{
    (void)state;
    struct fake fake = honest();
    uint64_t now = current_window();
    struct signer_client *client = open_client(&fake);
    struct scheme_window_key key, expected = key_of(0, now);
    struct signer_client_pair pair;
    assert_true(signer_client_held_key(&pair, client, 0, now));
    assert_memory_equal(&pair.window_key, &expected, sizeof(expected));
    assert_false(signer_client_held_key(&pair, client, 0, 1001));
    assert_int_equal(ask(&key, client, 1, 1002), SIGNER_CLIENT_KEY_READY); /* what account 0 wanted would come first */
    assert_false(signer_client_held_key(&pair, client, 0, 1001));
    assert_false(signer_client_held_key(&pair, client, 0, UINT64_MAX));
    assert_false(signer_client_held_key(&pair, client, 2, now)); /* no such account */
    signer_client_close(client);
    end_fake(&fake);
}

static void wait_until_gone(const struct signer_client *client)
{
    int64_t deadline = clock_monotonic_us() + WAIT_US;
    while (signer_client_is_alive(client)) {
        assert_true(clock_monotonic_us() < deadline);
        (void)usleep(100);
    }
}

static void held_keys_stay_usable_when_the_signer_has_ended(void **state)
{
    (void)state;
    struct fake fake = honest();
    uint64_t now = current_window();
    struct signer_client *client = open_client(&fake);
    struct signer_client_pair key;
    end_fake(&fake);
    wait_until_gone(client);
    assert_ready(client, 0, now);
    assert_ready(client, 1, now + 1);
    assert_int_equal(signer_client_window_key(&key, client, 0, now + 7), SIGNER_CLIENT_KEY_GONE);
    signer_client_close(client);
}

static void a_client_closes_while_it_waits_for_a_silent_signer(void **state)
{
    (void)state;
    struct fake fake = honest();
    uint64_t now = current_window();
    fake.silent_from = now + 5;
    struct signer_client *client = open_client(&fake);
    struct signer_client_pair key;
    int64_t deadline = clock_monotonic_us() + WAIT_US;
    assert_int_equal(signer_client_window_key(&key, client, 0, now + 8), SIGNER_CLIENT_KEY_LATER);
    while (atomic_load(&fake.keys_withheld) == 0) {
        assert_true(clock_monotonic_us() < deadline);
        (void)usleep(100);
    }
    assert_int_equal(signer_client_window_key(&key, client, 0, now + 8), SIGNER_CLIENT_KEY_LATER);
    assert_ready(client, 0, now);
    signer_client_close(client);
    end_fake(&fake);
}

static void wrong_index(struct signer_wire_message *message)
{
    message->account++;
}

static void wrong_type(struct signer_wire_message *message)
{
    message->type = SIGNER_WIRE_HELLO;
}

static void wrong_magic(struct signer_wire_message *message)
{
    message->magic++;
}

static void wrong_body(struct signer_wire_message *message)
{
    memset(&message->body, 0xff, sizeof(message->body));
}

static void wrong_window(struct signer_wire_message *message)
{
    message->window++;
}

static void (*const spoilers[])(struct signer_wire_message *message) = { wrong_index, wrong_type, wrong_magic,
                                                                         wrong_body };

static void assert_does_not_open(struct fake *fake)
{
    struct signer_client *client = NULL;
    struct error error = { .kind = ERROR_NONE };
    start_fake(fake);
    assert_false(signer_client_open(&client, fake->other_fd, &error));
    assert_null(client);
    assert_int_equal(error.kind, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "signer"));
    end_fake(fake);
}

static void a_signer_that_lies_at_the_start_is_not_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(spoilers); i++) {
        struct fake fake = honest();
        fake.spoil_account = spoilers[i];
        assert_does_not_open(&fake);
        fake = honest();
        fake.spoil_key = spoilers[i];
        assert_does_not_open(&fake);
    }
    struct fake refusing = honest();
    refusing.refused_from = 0;
    assert_does_not_open(&refusing);
    struct fake endless = honest();
    endless.account_count = CLIENT_ACCOUNTS_MAX + 1;
    assert_does_not_open(&endless);
}

static void a_signer_that_lies_later_is_held_for_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i <= ARRAY_LENGTH(spoilers); i++) {
        struct fake fake = honest();
        uint64_t now = current_window();
        fake.spoil_key = i < ARRAY_LENGTH(spoilers) ? spoilers[i] : wrong_window;
        fake.spoil_from = now + 5;
        struct signer_client *client = open_client(&fake);
        struct scheme_window_key key;
        assert_int_equal(ask(&key, client, 0, now + 8), SIGNER_CLIENT_KEY_GONE);
        assert_false(signer_client_is_alive(client));
        assert_ready(client, 0, now);
        signer_client_close(client);
        end_fake(&fake);
    }
}

static void a_message_that_nobody_asked_for_ends_the_trust(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct signer_client *client = open_client(&fake);
    struct signer_wire_message message;
    wire_begin(&message, SIGNER_WIRE_KEY);
    assert_int_equal(wire_send(fake.fd, &message), WIRE_DONE);
    wait_until_gone(client);
    signer_client_close(client);
    end_fake(&fake);
}

static void a_silent_signer_holds_the_start_up_no_longer_than_its_deadline(void **state)
{
    (void)state;
    int ends[2];
    struct error error;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    struct client_link link = { .fd = ends[0], .wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    atomic_init(&link.stop, false);
    link.deadline_us = clock_monotonic_us() + 20000;
    assert_false(link_greet(&link, &error));
    assert_true(clock_monotonic_us() >= link.deadline_us);
    assert_non_null(strstr(error.message, "in time"));
    assert_int_equal(close(link.wake), 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void what_is_no_socket_is_refused(void **state)
{
    (void)state;
    struct signer_client *client = NULL;
    struct error error;
    assert_false(signer_client_open(&client, 900, &error));
    assert_non_null(strstr(error.message, "countersign serve"));
    signer_client_close(NULL);
}

enum { WORKERS = 3, LOOKUPS = 3000, WINDOWS = 16 };

struct worker {
    struct signer_client *client;
    pthread_t thread;
    unsigned seed;
    unsigned wrong;
    unsigned ready;
};

static void *look_up(void *context)
{
    struct worker *worker = context;
    for (unsigned i = 0; i < LOOKUPS; i++) {
        worker->seed = worker->seed * 1103515245U + 12345U;
        uint64_t window = 1000 + (worker->seed >> 16) % WINDOWS;
        size_t account = (worker->seed >> 8) % 2;
        struct scheme_window_key expected = key_of(account, window);
        struct signer_client_pair pair;
        enum signer_client_key found = signer_client_window_key(&pair, worker->client, account, window);
        worker->ready += found == SIGNER_CLIENT_KEY_READY;
        worker->wrong +=
            found == SIGNER_CLIENT_KEY_GONE ||
            (found == SIGNER_CLIENT_KEY_READY && memcmp(&pair.window_key, &expected, sizeof(expected)) != 0);
        if (found == SIGNER_CLIENT_KEY_LATER)
            (void)usleep(50);
    }
    return NULL;
}

static void workers_that_look_up_at_the_same_time_get_whole_keys(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct worker workers[WORKERS];
    unsigned ready = 0;
    struct signer_client *client = open_client(&fake);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .client = client, .seed = i + 1 };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, look_up, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        ready += workers[i].ready;
    }
    assert_true(ready > 0);
    signer_client_close(client);
    end_fake(&fake);
}

/* --- generations --- */

/* The pair of one generation, rightly put together: its number, or 0. */
static uint64_t generation_of(const struct signer_client_pair *pair, size_t account, uint64_t window)
{
    for (uint64_t generation = 1; generation < 1000; generation++) {
        char name[SIGNER_WIRE_NAME_MAX + 1], api_key[SIGNER_WIRE_API_KEY_MAX + 1];
        struct scheme_window_key expected = key_of_generation(generation, account, window);
        name_account(name, api_key, generation, account);
        if (slice_equal_text(signer_client_api_key_slice(&pair->api_key), api_key))
            return memcmp(&pair->window_key, &expected, sizeof(expected)) == 0 ? generation : 0;
    }
    return 0;
}

/* The fake tells its news at a question: this asks one. */
static uint64_t generation_seen(struct signer_client *client, size_t account, uint64_t question)
{
    struct signer_client_pair pair;
    uint64_t now = current_window();
    (void)ask_pair(&pair, client, 1, question); /* an answer of any kind */
    assert_int_equal(ask_pair(&pair, client, account, now), SIGNER_CLIENT_KEY_READY);
    return generation_of(&pair, account, now);
}

static void a_new_generation_takes_the_place_of_the_old_whole(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct signer_client *client = open_client(&fake);
    assert_int_equal(generation_seen(client, 0, 2000), 1);
    for (uint64_t generation = 2; generation < 40; generation++) {
        atomic_store(&fake.generation, generation);
        assert_int_equal(generation_seen(client, generation % 2, 2000 + 4 * generation), generation);
    }
    assert_true(signer_client_is_alive(client));
    signer_client_close(client);
    end_fake(&fake);
}

static void generations_that_follow_each_other_closely_are_gone_over_to_in_one_step(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct signer_client *client = open_client(&fake);
    atomic_store(&fake.generation, 7); /* six at once: each is replaced before its keys can be had */
    assert_int_equal(generation_seen(client, 1, 2000), 7);
    signer_client_close(client);
    end_fake(&fake);
}

static void accounts_that_were_read_anew_during_the_start_are_the_ones_that_are_used(void **state)
{
    (void)state;
    struct fake fake = honest();
    atomic_store(&fake.generation, 3); /* told at the first question, while the client is being opened */
    struct signer_client *client = open_client(&fake);
    struct signer_client_pair pair;
    uint64_t now = current_window();
    assert_int_equal(ask_pair(&pair, client, 0, now), SIGNER_CLIENT_KEY_READY);
    assert_int_equal(generation_of(&pair, 0, now), 3);
    signer_client_close(client);
    end_fake(&fake);
}

static void wrong_name(struct signer_wire_message *message)
{
    message->body.account_info.name[0] ^= 1;
}

static void wrong_generation(struct signer_wire_message *message)
{
    message->generation++;
}

static void too_many(struct signer_wire_message *message)
{
    message->last = 0;
}

static void news_that_lie_leave_the_old_pairs_and_end_the_trust(void **state)
{
    (void)state;
    void (*const lies[])(struct signer_wire_message *) = { wrong_index, wrong_type,       wrong_magic, wrong_body,
                                                           wrong_name,  wrong_generation, too_many,    NULL };
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++) {
        struct fake fake = honest();
        struct signer_client_pair pair;
        fake.spoil_account = lies[i];
        fake.spoil_generation = 2;
        fake.hides_replacement = lies[i] == NULL;
        struct signer_client *client = open_client(&fake);
        uint64_t now = current_window();
        atomic_store(&fake.generation, 2);
        assert_int_equal(ask_pair(&pair, client, 1, 2000), SIGNER_CLIENT_KEY_GONE);
        wait_until_gone(client);
        assert_ready(client, 0, now);
        assert_ready(client, 1, now);
        signer_client_close(client);
        end_fake(&fake);
    }
}

struct turner {
    struct signer_client *client;
    struct fake *fake;
    atomic_bool done;
    atomic_uint wrong;
    atomic_uint looked;
};

static void *look_at_pairs(void *context)
{
    struct turner *turner = context;
    while (!atomic_load(&turner->done)) {
        struct signer_client_pair pair;
        uint64_t now = current_window();
        enum signer_client_key found = signer_client_window_key(&pair, turner->client, 0, now);
        bool right = found == SIGNER_CLIENT_KEY_READY && generation_of(&pair, 0, now) > 0;
        atomic_fetch_add(right || current_window() != now ? &turner->looked : &turner->wrong, 1);
    }
    return NULL;
}

static void workers_see_whole_pairs_and_never_none_while_generations_change(void **state)
{
    (void)state;
    struct fake fake = honest();
    struct turner turner = { .fake = &fake, .client = open_client(&fake) };
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_at_pairs, &turner), 0);
    for (uint64_t generation = 2; generation < 200; generation++) {
        atomic_store(&fake.generation, generation);
        assert_int_equal(generation_seen(turner.client, 1, 2000 + 4 * generation), generation);
    }
    atomic_store(&turner.done, true);
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&turner.wrong), 0);
    assert_true(atomic_load(&turner.looked) > 0);
    signer_client_close(turner.client);
    end_fake(&fake);
}

int main(void)
{
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accounts_are_the_signers_in_its_order),
        cmocka_unit_test(keys_of_the_last_current_and_next_window_are_there_at_once),
        cmocka_unit_test(a_window_that_is_not_held_comes_when_it_is_looked_for),
        cmocka_unit_test(a_refused_window_is_gone_and_leaves_the_others_usable),
        cmocka_unit_test(a_key_that_nobody_looks_for_is_not_asked_for_again),
        cmocka_unit_test(a_key_is_given_where_it_is_held_and_not_asked_for_where_it_is_not),
        cmocka_unit_test(held_keys_stay_usable_when_the_signer_has_ended),
        cmocka_unit_test(a_client_closes_while_it_waits_for_a_silent_signer),
        cmocka_unit_test(a_signer_that_lies_at_the_start_is_not_believed),
        cmocka_unit_test(a_signer_that_lies_later_is_held_for_gone),
        cmocka_unit_test(a_message_that_nobody_asked_for_ends_the_trust),
        cmocka_unit_test(a_silent_signer_holds_the_start_up_no_longer_than_its_deadline),
        cmocka_unit_test(what_is_no_socket_is_refused),
        cmocka_unit_test(workers_that_look_up_at_the_same_time_get_whole_keys),
        cmocka_unit_test(a_new_generation_takes_the_place_of_the_old_whole),
        cmocka_unit_test(generations_that_follow_each_other_closely_are_gone_over_to_in_one_step),
        cmocka_unit_test(accounts_that_were_read_anew_during_the_start_are_the_ones_that_are_used),
        cmocka_unit_test(news_that_lie_leave_the_old_pairs_and_end_the_trust),
        cmocka_unit_test(workers_see_whole_pairs_and_never_none_while_generations_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
