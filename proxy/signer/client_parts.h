/* What the files of the signer's client share. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_PARTS_H
#define COUNTERSIGN_SIGNER_CLIENT_PARTS_H

#include "client_link.h"
#include "countersign/signer_client.h"
#include "key_slots.h"

#include <pthread.h>
#include <stdatomic.h>

struct signer_client {
    struct client_link link;
    struct signer_client_api_key *in_force; /* the thread's own: one for each account, as told last */
    struct key_slots *slots;                /* one for each account */
    size_t account_count;
    uint64_t generation;        /* whose keys are in force; 0: none */
    _Atomic uint64_t rotations; /* generations after the first that were put in force */
    int timer;                  /* wall clock: fires when the next key is due, and when the clock is set */
    atomic_bool alive;
    _Atomic int next_fd; /* to another signer, for when this one has gone; -1: none */
    bool has_thread;
    pthread_t thread;
};

/* Has the client's thread look what is wanted of it. Any thread. */
void client_wake(const struct signer_client *client);

#endif
