/* What the parts of one worker share out among themselves: places, and bytes. Each bound is one number for the whole, so that
 * what many hold together is bounded and not just what each holds. One thread. */
#ifndef COUNTERSIGN_BOUNDS_H
#define COUNTERSIGN_BOUNDS_H

#include "countersign/buffer.h"
#include "countersign/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* --- places --- */

struct places {
    unsigned maximum;
    unsigned taken;
    unsigned kept; /* free ones that are kept for a holder */
};

/* Some of the places are kept for each holder, whatever the others take. Begins as zeroes: places_share makes it one. */
struct places_holder {
    struct places *places;
    unsigned own; /* kept for it */
    unsigned taken;
};

/* Shares `maximum` places out among `count` holders, also anew while places are taken: what is taken stays so, and more are
 * given where there are fewer taken than there may be. Half of all is kept for the holders in equal parts; the other half is
 * whoever's comes first. One holder needs none kept. */
void places_share(struct places *places, unsigned maximum, struct places_holder *holders, size_t count);

bool places_are_left(const struct places_holder *holder);

/* False where none is left for this holder. */
MUST_CHECK bool places_take(struct places_holder *holder);
void places_give_back(struct places_holder *holder);

/* --- bytes --- */

struct byte_room {
    size_t maximum; /* bytes */
    size_t taken;
};

/* Whether `more` bytes can be appended to `buffer`, of whose memory the first `free_bytes` count nothing; takes what they
 * need from `room` and adds it to `*charged`, which byte_room_give_back takes when the memory is freed. A room of NULL has no
 * bound. */
MUST_CHECK bool byte_room_take_for(struct byte_room *room, size_t *charged, const struct buffer *buffer, size_t more,
                                   size_t free_bytes);

/* Gives back and sets to 0. */
void byte_room_give_back(struct byte_room *room, size_t *charged);

#endif
