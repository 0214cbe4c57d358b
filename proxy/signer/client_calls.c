/* What workers call: keys are read without locks, and asked for where they are not there. Any thread. */
#include "client_parts.h"

#include "countersign/clock.h"

size_t signer_client_account_count(const struct signer_client *client)
{
    return client->account_count;
}

const char *signer_client_account_name(const struct signer_client *client, size_t account)
{
    return account < client->account_count ? client->link.news.accounts[account].name : NULL;
}

void signer_client_api_key(struct signer_client_api_key *api_key, const struct signer_client *client, size_t account)
{
    api_key->length = 0;
    if (account < client->account_count)
        key_slots_api_key(api_key, &client->slots[account]);
}

struct slice signer_client_api_key_slice(const struct signer_client_api_key *api_key)
{
    return slice_of(api_key->text, api_key->length);
}

void signer_client_follow(struct signer_client *client, size_t account, struct clock_watch *clock)
{
    if (account >= client->account_count)
        return;
    struct key_slots *slots = &client->slots[account];
    if (atomic_load_explicit(&slots->clock, memory_order_relaxed) != clock &&
        atomic_exchange(&slots->clock, clock) != clock)
        client_wake(client);
}

int64_t signer_client_time_us(const struct signer_client *client, size_t account)
{
    return account < client->account_count ? clock_watch_time_us(atomic_load(&client->slots[account].clock))
                                           : clock_wall_us();
}

enum signer_client_key signer_client_window_key(struct signer_client_pair *pair, struct signer_client *client,
                                                size_t account, uint64_t window)
{
    if (account >= client->account_count || window == KEY_SLOTS_NO_WINDOW)
        return SIGNER_CLIENT_KEY_GONE;
    struct key_slots *slots = &client->slots[account];
    if (key_slots_get(pair, slots, window))
        return SIGNER_CLIENT_KEY_READY;
    if (!signer_client_is_alive(client) || atomic_load(&slots->refused) == window)
        return SIGNER_CLIENT_KEY_GONE;
    if (atomic_exchange(&slots->wanted, window) != window) /* asked for once: others look for the same window too */
        client_wake(client);
    return SIGNER_CLIENT_KEY_LATER;
}

bool signer_client_held_key(struct signer_client_pair *pair, const struct signer_client *client, size_t account,
                            uint64_t window)
{
    return account < client->account_count && window != KEY_SLOTS_NO_WINDOW &&
           key_slots_get(pair, &client->slots[account], window);
}

uint64_t signer_client_rotations(const struct signer_client *client)
{
    return atomic_load(&client->rotations);
}

bool signer_client_is_alive(const struct signer_client *client)
{
    return atomic_load(&client->alive);
}
