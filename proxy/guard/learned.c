/* What a listener's clients use, counted in a table of a fixed size. Pure; one thread at a time. */
#include "countersign/learned.h"

#include "endpoints.h"
#include "methods.h"

#include <string.h>

static size_t hash(struct slice method, struct slice path)
{
    uint32_t value = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < method.length; i++)
        value = (value ^ (unsigned char)method.data[i]) * 16777619u;
    for (size_t i = 0; i < path.length; i++)
        value = (value ^ (unsigned char)path.data[i]) * 16777619u;
    return value % LEARNED_SLOTS;
}

static void add_use(struct learned *learned, size_t slot, struct slice method, struct slice path)
{
    struct learned_use *use = &learned->uses[learned->count++];
    *use = (struct learned_use){ .passed = 0 };
    memcpy(use->method, method.data, method.length); /* both were measured */
    memcpy(use->path, path.data, path.length);
    learned->slots[slot] = (uint16_t)learned->count;
}

struct learned_use *learned_find(struct learned *learned, struct slice method, struct slice path)
{
    size_t slot = hash(method, path);
    if (method.length > LEARNED_METHOD_MAX || path.length > RULE_PATH_MAX)
        return NULL;
    for (; learned->slots[slot] != 0; slot = (slot + 1) % LEARNED_SLOTS) {
        struct learned_use *use = &learned->uses[learned->slots[slot] - 1];
        if (slice_equal_text(method, use->method) && slice_equal_text(path, use->path))
            return use;
    }
    if (learned->count == LEARNED_USES_MAX)
        return NULL;
    add_use(learned, slot, method, path);
    return &learned->uses[learned->count - 1];
}

static void widen(int64_t *first_us, int64_t *last_us, int64_t from_us, int64_t to_us)
{
    *first_us = *first_us == 0 || from_us < *first_us ? from_us : *first_us;
    *last_us = to_us > *last_us ? to_us : *last_us;
}

/* What stands for the reading: an endpoint's documented path, unless that is a whole family's. Empty where no rule could
 * name it. */
static struct slice path_to_learn(struct slice method, struct slice reading)
{
    const struct api_endpoint *endpoint = endpoint_find(method_find(method), reading).endpoint;
    if (endpoint != NULL && strstr(endpoint->path, "**") == NULL)
        return slice_text(endpoint->path);
    return slice_find(reading, '*') < reading.length ? slice_of("", 0) : reading;
}

static bool note_reading(struct learned *learned, struct slice method, struct slice reading, bool passes,
                         int64_t now_us)
{
    struct slice path = path_to_learn(method, reading);
    if (path.length == 0) {
        learned->unreadable++;
        return true;
    }
    struct learned_use *use = learned_find(learned, method, path);
    if (use == NULL)
        return false;
    use->passed += passes;
    use->refused += !passes;
    widen(&use->first_us, &use->last_us, now_us, now_us);
    return true;
}

void learned_note(struct learned *learned, struct slice method, const struct endpoint_path *path, bool passes,
                  int64_t now_us)
{
    bool has_room = true;
    if (!learned->has_changed && learned->changed != NULL)
        learned->changed(learned->context);
    learned->has_changed = true;
    learned->passed += passes;
    learned->refused += !passes;
    learned->unreadable += path->count == 0;
    widen(&learned->first_us, &learned->last_us, now_us, now_us);
    for (size_t i = 0; i < path->count; i++)
        has_room = note_reading(learned, method, endpoint_path_reading(path, i), passes, now_us) && has_room;
    learned->left_out += !has_room;
}

enum endpoint_class learned_class(const struct learned_use *use)
{
    char path[RULE_PATH_MAX];
    size_t length = strlen(use->path);
    for (size_t i = 0; i < length; i++)
        path[i] = endpoint_lower(use->path[i]);
    return endpoint_find(method_find(slice_text(use->method)), slice_of(path, length)).endpoint_class;
}
