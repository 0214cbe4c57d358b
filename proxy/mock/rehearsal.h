/* What goes wrong on purpose, request by request. Private to this room. The loop's thread. */
#ifndef MOCK_REHEARSAL_H
#define MOCK_REHEARSAL_H

#include "countersign/mock.h"

enum { RATE_PEERS_MAX = 64 /* addresses counted at once; the one that began longest ago makes room */ };

/* One address's requests since `begun_us`. */
struct rate_peer {
    struct mock_address address;
    int64_t begun_us; /* monotonic */
    uint64_t count;   /* 0: the place is free */
};

struct rehearsal_state {
    uint64_t random;
    struct rate_peer peers[RATE_PEERS_MAX];
};

void rehearsal_begin(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal);

/* Reads "192.0.2.1" or "2001:db8::1". */
MUST_CHECK bool mock_address_parse(struct mock_address *address, struct slice text);

/* The address in what front_request_peer says ("127.0.0.1:50000", "[::1]:50000"); all zero for "unix:". */
struct mock_address mock_address_of_peer(const char *peer);

/* Whether the key may be used from there. */
bool rehearsal_allows(const struct mock_rehearsal *rehearsal, const struct mock_address *address);

/* Counts a request; false where it is one too many. */
bool rehearsal_counts(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal,
                      const struct mock_address *address, int64_t now_us);

/* The first fault that is for this path (without parameters and query) and strikes this time, or NULL. */
const struct mock_fault *rehearsal_fault(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal,
                                         struct slice path);

/* How much later than at once this answer comes, µs. */
int64_t rehearsal_delay_us(struct rehearsal_state *state, const struct mock_rehearsal *rehearsal);

#endif
