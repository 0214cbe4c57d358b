/* The memory of a share: each different value once, with a number. Owned by its share; one thread. */
#include "share_private.h"

#include "countersign/compiler.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_FIRST = 1024,
    LONG_VALUE = 64, /* bytes; a longer value is remembered by its length and two hashes */
    AMOUNT_DIGITS = 8,
    STAND_IN_SIZE = 1 + 3 * sizeof(uint64_t),
    SAFE_DIGITS = 16 /* of 2^53, 9007199254740992 */
};

/* FNV's offset basis, and another one for a second, independent hash. */
#define FIRST_BASIS  14695981039346656037U
#define SECOND_BASIS 1469598103934665603U

struct share_value {
    size_t offset; /* in share->texts */
    uint64_t hash;
    uint32_t length;
    uint32_t number; /* 0: the slot is free */
    enum share_kind kind;
    bool is_id; /* seen as one, whatever it was first seen as */
};

/* FNV-1a (draft-eastlake-fnv): the values are the user's own, nobody chooses them to collide. */
static uint64_t hash_of(struct slice text, uint64_t basis)
{
    uint64_t hash = basis;
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211U;
    return hash ^ hash >> 29;
}

static struct share_value *find_slot(const struct share *share, struct slice text, uint64_t hash)
{
    size_t mask = share->slot_count - 1, i = (size_t)hash & mask;
    for (;; i = (i + 1) & mask) {
        struct share_value *slot = &share->slots[i];
        if (slot->number == 0)
            return slot;
        if (slot->hash == hash && slice_equal(slice_of(share->texts.data + slot->offset, slot->length), text))
            return slot;
    }
}

static bool grow(struct share *share)
{
    struct share grown = *share;
    grown.slot_count = share->slot_count == 0 ? SLOTS_FIRST : 2 * share->slot_count;
    grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < share->slot_count; i++) {
        const struct share_value *slot = &share->slots[i];
        struct slice text = slice_of(share->texts.data + slot->offset, slot->length);
        if (slot->number != 0)
            *find_slot(&grown, text, slot->hash) = *slot;
    }
    free(share->slots);
    *share = grown;
    return true;
}

static bool remember(struct share *share, struct share_value *slot, enum share_kind kind, struct slice text,
                     uint64_t hash)
{
    *slot = (struct share_value){
        .offset = share->texts.length, .hash = hash, .length = (uint32_t)text.length, .kind = kind
    };
    if (share->count >= SHARE_VALUES_MAX || !buffer_append_slice(&share->texts, text))
        return false;
    slot->number = (uint32_t)++share->count;
    return true;
}

/* A long value's stand-in: no text begins with the byte 0xFF, for it is in no UTF-8. */
static struct slice stand_in(char *place, size_t size, struct slice text)
{
    uint64_t parts[3] = { text.length, hash_of(text, FIRST_BASIS), hash_of(text, SECOND_BASIS) };
    if (text.length <= LONG_VALUE)
        return text;
    place[0] = '\xFF';
    memcpy(place + 1, parts, size - 1);
    return slice_of(place, size);
}

static bool is_id_kind(enum share_kind kind)
{
    static const bool ids[SHARE_KIND_COUNT] = {
        [SHARE_KEY] = true,         [SHARE_SIGNATURE] = true, [SHARE_DIGEST] = true,
        [SHARE_ACCOUNT] = true,     [SHARE_ORDER] = true,     [SHARE_TRADE] = true,
        [SHARE_TRANSACTION] = true, [SHARE_ID] = true,        [SHARE_ADDRESS] = true,
    };
    return ids[kind];
}

uint64_t share_number(struct share *share, enum share_kind kind, struct slice text, enum share_kind *seen_as)
{
    char place[STAND_IN_SIZE];
    text = stand_in(place, sizeof(place), text);
    uint64_t hash = hash_of(text, FIRST_BASIS);
    if (share->count * 2 >= share->slot_count && !grow(share)) {
        share->failed = true;
        return 0;
    }
    struct share_value *slot = find_slot(share, text, hash);
    if (slot->number == 0)
        share->failed = !remember(share, slot, kind, text, hash) || share->failed;
    slot->is_id = slot->is_id || is_id_kind(kind);
    *seen_as = slot->kind;
    return slot->number;
}

static const struct share_value *find_known(const struct share *share, struct slice text)
{
    char place[STAND_IN_SIZE];
    text = stand_in(place, sizeof(place), text);
    const struct share_value *slot = share->slot_count > 0 ? find_slot(share, text, hash_of(text, FIRST_BASIS)) : NULL;
    return slot != NULL && slot->number != 0 ? slot : NULL;
}

bool share_knows(const struct share *share, struct slice text)
{
    return find_known(share, text) != NULL;
}

bool share_knows_as_id(const struct share *share, struct slice text)
{
    const struct share_value *known = find_known(share, text);
    return known != NULL && known->is_id;
}

static const char *const kind_names[SHARE_KIND_COUNT] = {
    [SHARE_WORD] = "value",    [SHARE_FIGURE] = "value",
    [SHARE_TEXT] = "value",    [SHARE_VALUE] = "value",
    [SHARE_NAME] = "name",     [SHARE_LABEL] = "label",
    [SHARE_KEY] = "key",       [SHARE_SIGNATURE] = "signature",
    [SHARE_DIGEST] = "digest", [SHARE_ACCOUNT] = "account",
    [SHARE_ORDER] = "order",   [SHARE_TRADE] = "trade",
    [SHARE_ID] = "id",         [SHARE_TRANSACTION] = "transaction",
    [SHARE_AMOUNT] = "amount", [SHARE_ADDRESS] = "address",
    [SHARE_HOST] = "host",     [SHARE_BODY] = "body",
};

void share_append_token(struct buffer *out, struct share *share, enum share_kind kind, struct slice text)
{
    enum share_kind seen_as = kind;
    if (text.length == 0)
        return;
    uint64_t number = share_number(share, kind, text, &seen_as);
    buffer_append_format(out, "%s-%llu", kind_names[seen_as], (unsigned long long)number);
}

static size_t count_digits(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] >= '0' && text.data[i] <= '9';
    return count;
}

/* A whole number of 16 digits that no double holds exactly with its neighbours. */
static bool is_unsafe(struct slice text)
{
    return text.length == SAFE_DIGITS && count_digits(text) == SAFE_DIGITS &&
           memcmp(text.data, "9007199254740992", SAFE_DIGITS) > 0;
}

void share_append_number(struct buffer *out, struct share *share, enum share_kind kind, struct slice text)
{
    enum share_kind seen_as = kind;
    uint64_t number = share_number(share, kind, text, &seen_as);
    const char *lead = is_unsafe(text) ? "91" : "1";
    size_t wanted = kind == SHARE_AMOUNT ? AMOUNT_DIGITS : count_digits(text);
    size_t taken = strlen(lead);
    for (uint64_t rest = number; rest > 0; rest /= 10)
        taken++;
    buffer_append_text(out, lead);
    for (; taken < wanted; taken++)
        buffer_append_byte(out, '0');
    buffer_append_format(out, "%llu", (unsigned long long)number);
}
