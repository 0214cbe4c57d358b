/* Rings of earlier runs, carried over before the recorder starts. capture_open's thread. */
#include "recovery.h"

#include "source.h"
#include "state_dir.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name_begin[] = "ring-", name_end[] = ".journal";

void ring_file_name(char *name, unsigned worker)
{
    (void)snprintf(name, RING_NAME_MAX, "%s%u%s", name_begin, worker, name_end); /* fits */
}

static bool is_ring_file(const char *name)
{
    struct slice text = slice_text(name);
    if (!slice_starts_with(text, name_begin) || text.length >= RING_NAME_MAX)
        return false;
    const char *number = name + sizeof(name_begin) - 1;
    size_t digits = strspn(number, "0123456789");
    return digits > 0 && strcmp(number + digits, name_end) == 0;
}

static bool carry_frames(struct source *source, struct store *store, struct error *error)
{
    struct batch *batch = malloc(sizeof(*batch));
    if (batch == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory while recovering %s", source->name);
    bool done = true;
    size_t read;
    do {
        batch_reset(batch);
        read = source_read(source, batch, SIZE_MAX);
        if (read > 0)
            done = sources_store(source, 1, batch, store, error);
    } while (done && read > 0);
    free(batch);
    return done;
}

/* Notes what the ring's header counts, which is then not counted again. */
static bool carry_dropped(struct capture_recovery *recovery, struct ring *ring, struct store *store,
                          struct error *error)
{
    struct dropped *dropped = ring_dropped(ring);
    if (dropped->count == 0)
        return true;
    if (!dropped_commit(dropped, store, error))
        return false;
    recovery->dropped += dropped->count;
    *dropped = (struct dropped){ .count = 0 };
    return true;
}

static bool carry_ring(struct capture_recovery *recovery, struct ring *ring, const char *name, struct store *store,
                       struct error *error)
{
    uint64_t sequence;
    if (!store_ring_position(&sequence, store, name, ring_run(ring), error))
        return false;
    struct source source = source_of_ring(ring, name, sequence);
    if (ring_find_oldest(&source.position, ring, sequence))
        source.limit = source.position + ring->size;
    if (!carry_frames(&source, store, error))
        return false;
    if (source.whole_end < ring_head(ring)) {
        source.torn++;
        log_warning("%s: %" PRIu64 " bytes at its end are not what was written (torn); they are dropped", name,
                    ring_head(ring) - source.whole_end);
    }
    recovery->frames += source.carried;
    recovery->torn += source.torn;
    return carry_dropped(recovery, ring, store, error);
}

/* A file whose header is damaged may hold what cannot be found: a person may want to look at it. */
static bool set_aside(const char *path, const struct error *why, const char *what_of_it, struct error *error)
{
    char *aside = NULL;
    if (asprintf(&aside, "%s.damaged", path) < 0)
        return error_set(error, ERROR_MEMORY, "out of memory while recovering %s", path);
    bool done = rename(path, aside) == 0 || error_system(error, errno, "cannot set %s aside", path);
    if (done)
        log_error("%s; %s; it is kept as %s", why->message, what_of_it, aside);
    free(aside);
    return done;
}

static bool remove_ring(const char *path, struct error *error)
{
    return unlink(path) == 0 || error_system(error, errno, "cannot remove %s, which is carried over", path);
}

static bool recover_file(struct capture_recovery *recovery, const char *path, const char *name, struct store *store,
                         struct error *error)
{
    struct ring ring = { .header = NULL };
    enum ring_found found;
    struct error why;
    if (!ring_open_left(&ring, &found, path, &why)) {
        if (error != NULL)
            *error = why;
        return false;
    }
    if (found == RING_DAMAGED || found == RING_UNPLACED)
        recovery->torn++;
    if (found == RING_DAMAGED)
        return set_aside(path, &why, "what may be in it was not recorded", error);
    bool done = found == RING_UNUSED || carry_ring(recovery, &ring, name, store, error);
    ring_close(&ring);
    if (done && found == RING_UNPLACED)
        return set_aside(path, &why, "it was searched, and what was found in it is recorded", error);
    return done && remove_ring(path, error);
}

static bool recover_rings(struct capture_recovery *recovery, const char *state_dir, struct store *store,
                          struct error *error)
{
    DIR *folder = opendir(state_dir);
    if (folder == NULL)
        return error_system(error, errno, "cannot read the folder %s", state_dir);
    bool done = true;
    for (struct dirent *entry = readdir(folder); done && entry != NULL; entry = readdir(folder)) {
        if (!is_ring_file(entry->d_name))
            continue;
        char *path = state_dir_file(state_dir, entry->d_name);
        done = path != NULL ? recover_file(recovery, path, entry->d_name, store, error)
                            : error_set(error, ERROR_MEMORY, "out of memory while recovering %s", state_dir);
        free(path);
    }
    (void)closedir(folder); /* was read only */
    return done;
}

static bool note(struct store *store, const char *kind, uint64_t count, const char *detail, struct error *error)
{
    return count == 0 || store_note_incident(store, clock_wall_us(), kind, (int64_t)count, detail, error);
}

static bool note_incidents(const struct capture_recovery *found, struct store *store, struct error *error)
{
    if (found->exchanges_unknown + found->torn == 0)
        return true;
    return store_begin(store, error) &&
           note(store, "recovered", found->exchanges_unknown,
                "exchanges were in flight when the proxy ended out of order; their outcome is unknown", error) &&
           note(store, "torn", found->torn, "stretches of a ring were not what was written, and are not recorded",
                error) &&
           store_commit(store, error);
}

bool recover(struct capture_recovery *recovery, const char *state_dir, struct store *store, struct error *error)
{
    struct capture_recovery found = { 0 };
    if (!recover_rings(&found, state_dir, store, error) ||
        !store_end_in_flight(&found.exchanges_unknown, store, error) || !note_incidents(&found, store, error))
        return false;
    *recovery = found;
    return true;
}
