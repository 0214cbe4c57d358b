/* What goes wrong on purpose: who may come, how often, what strikes, how late answers are. The loop's thread. */
#include "rehearsal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void rehearsal_begin(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal)
{
    memset(state, 0, sizeof(*state));
    state->random = rehearsal->seed == 0 ? 1 : rehearsal->seed; /* the generator stays at 0 for ever */
}

/* Marsaglia's xorshift with 64 bits, multiplied so that its low bits are no worse than its high ones. Nothing here is
 * secret: what counts is that the same seed gives the same run everywhere. */
static uint64_t next_random(struct rehearsal_state *state)
{
    state->random ^= state->random >> 12;
    state->random ^= state->random << 25;
    state->random ^= state->random >> 27;
    return (state->random * UINT64_C(0x2545F4914F6CDD1D)) >> 16;
}

/* --- addresses --- */

bool mock_address_parse(struct mock_address *address, struct slice text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr ipv4;
    if (text.length == 0 || text.length >= sizeof(copy) || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (inet_pton(AF_INET, copy, &ipv4) == 1) {
        memset(address->bytes, 0, 10);
        memset(address->bytes + 10, 0xFF, 2);
        memcpy(address->bytes + 12, &ipv4, sizeof(ipv4));
        return true;
    }
    return inet_pton(AF_INET6, copy, address->bytes) == 1;
}

struct mock_address mock_address_of_peer(const char *peer)
{
    struct mock_address address = { .bytes = { 0 } };
    const char *colon = strrchr(peer, ':');
    struct slice host = slice_of(peer, colon == NULL ? 0 : (size_t)(colon - peer));
    if (host.length > 2 && host.data[0] == '[')
        host = slice_of(host.data + 1, host.length - 2);
    if (!mock_address_parse(&address, host))
        memset(&address, 0, sizeof(address)); /* a unix socket */
    return address;
}

static bool address_equal(const struct mock_address *a, const struct mock_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool rehearsal_allows(const struct mock_rehearsal *rehearsal, const struct mock_address *address)
{
    for (size_t i = 0; i < rehearsal->allowed_count; i++) {
        if (address_equal(&rehearsal->allowed[i], address))
            return true;
    }
    return rehearsal->allowed_count == 0;
}

/* --- rate --- */

/* This address's place, or the one to give it. */
static struct rate_peer *find_peer(struct rehearsal_state *state, const struct mock_address *address)
{
    struct rate_peer *oldest = &state->peers[0];
    for (size_t i = 0; i < RATE_PEERS_MAX; i++) {
        struct rate_peer *peer = &state->peers[i];
        if (peer->count > 0 && address_equal(&peer->address, address))
            return peer;
        if (oldest->count > 0 && (peer->count == 0 || peer->begun_us < oldest->begun_us))
            oldest = peer;
    }
    *oldest = (struct rate_peer){ .address = *address };
    return oldest;
}

bool rehearsal_counts(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal,
                      const struct mock_address *address, int64_t now_us)
{
    if (rehearsal->rate_limit == 0)
        return true;
    struct rate_peer *peer = find_peer(state, address);
    if (peer->count == 0 || now_us - peer->begun_us >= rehearsal->rate_period_us) {
        peer->begun_us = now_us;
        peer->count = 0;
    }
    peer->count++;
    return peer->count <= rehearsal->rate_limit;
}

/* --- faults --- */

static bool path_is_meant(struct slice wanted, struct slice path)
{
    if (wanted.length == 0 || wanted.data[wanted.length - 1] != '*')
        return slice_equal(path, wanted);
    wanted.length--;
    return path.length >= wanted.length && slice_equal(slice_first(path, wanted.length), wanted);
}

const struct mock_fault *rehearsal_fault(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal,
                                         struct slice path)
{
    for (size_t i = 0; i < rehearsal->fault_count; i++) {
        const struct mock_fault *fault = &rehearsal->faults[i];
        if (path_is_meant(fault->path, path) &&
            (fault->share == MOCK_SHARE_ALL || next_random(state) % MOCK_SHARE_ALL < fault->share))
            return fault;
    }
    return NULL;
}

int64_t rehearsal_delay_us(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal)
{
    uint64_t jitter_us = (uint64_t)rehearsal->jitter_us;
    return rehearsal->latency_us + (jitter_us == 0 ? 0 : (int64_t)(next_random(state) % (jitter_us + 1)));
}
