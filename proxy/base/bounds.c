/* Places and bytes that are shared out: counters and nothing else. */
#include "countersign/bounds.h"

/* --- places --- */

void places_share(struct places *places, unsigned maximum, struct places_holder *holders, size_t count)
{
    unsigned own = count < 2 ? 0 : (unsigned)(maximum / (2 * count));
    places->maximum = maximum;
    places->kept = 0;
    for (size_t i = 0; i < count; i++) {
        holders[i].places = places;
        holders[i].own = own;
        places->kept += holders[i].taken < own ? own - holders[i].taken : 0;
    }
}

bool places_are_left(const struct places_holder *holder)
{
    const struct places *places = holder->places;
    return holder->taken < holder->own || places->taken + places->kept < places->maximum;
}

bool places_take(struct places_holder *holder)
{
    if (!places_are_left(holder))
        return false;
    holder->places->kept -= holder->taken < holder->own;
    holder->places->taken++;
    holder->taken++;
    return true;
}

void places_give_back(struct places_holder *holder)
{
    holder->taken--;
    holder->places->taken--;
    holder->places->kept += holder->taken < holder->own;
}

/* --- bytes --- */

bool byte_room_take_for(struct byte_room *room, size_t *charged, const struct buffer *buffer, size_t more,
                        size_t free_bytes)
{
    size_t capacity = buffer_capacity_for(buffer, more);
    size_t due = capacity > free_bytes ? capacity - free_bytes : 0;
    if (room == NULL || due <= *charged)
        return true;
    if (due - *charged > room->maximum - room->taken)
        return false;
    room->taken += due - *charged;
    *charged = due;
    return true;
}

void byte_room_give_back(struct byte_room *room, size_t *charged)
{
    if (room != NULL)
        room->taken -= *charged;
    *charged = 0;
}
