/* The switch as commands use it: read, stop, resume. One thread; other processes may do the same at the same time, and
 * proxies look on. */
#include "trading_file.h"

#include "countersign/running.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_TRIES = 3 /* a file that is made or taken away between two steps */ };

struct opened {
    struct trading_paths paths;
    int fd; /* -1: there is none */
    enum trading_page_kind kind;
    struct trading_state state;
    struct error reason; /* of TRADING_DAMAGED */
};

static bool check_folder(const char *state_dir, struct error *error)
{
    struct stat status;
    if (stat(state_dir, &status) != 0)
        return errno == ENOENT
                   ? error_set(error, ERROR_INPUT,
                               "there is no folder %s, so no proxy has recorded there: name the state folder "
                               "with --state-dir",
                               state_dir)
                   : error_system(error, errno, "cannot look at the folder %s", state_dir);
    return S_ISDIR(status.st_mode) || error_set(error, ERROR_INPUT, "%s is no folder", state_dir);
}

/* What is not there was never stopped, unless the note says otherwise, or a proxy that is at work: it has made one. */
static void judge(struct opened *opened)
{
    const struct trading_paths *paths = &opened->paths;
    opened->state.count = 0;
    if (opened->fd >= 0) {
        opened->kind = trading_file_judge(&opened->state, opened->fd, paths, &opened->reason);
        return;
    }
    bool is_noted = trading_note_exists(paths);
    opened->kind = is_noted || running_is_at_work(paths->folder) ? TRADING_DAMAGED : TRADING_RUNS;
    if (opened->kind == TRADING_DAMAGED)
        (void)error_set(&opened->reason, ERROR_CONFIG, /* the kind says it */
                        "%s is missing, and %s%s: `countersign stop-trading` or `countersign resume-trading` makes it "
                        "anew",
                        paths->page, is_noted ? paths->note : "the proxy at work there has made it",
                        is_noted ? " says that trading is stopped" : "");
}

static bool open_switch(struct opened *opened, const char *state_dir, int lock, struct error *error)
{
    if (!check_folder(state_dir, error) || !trading_paths_make(&opened->paths, state_dir, error) ||
        !trading_file_open(&opened->fd, &opened->paths, error))
        return false;
    if (opened->fd >= 0 && !trading_file_lock(opened->fd, lock, &opened->paths, error)) {
        (void)close(opened->fd); /* nothing was written */
        return false;
    }
    judge(opened);
    return true;
}

/* Whether the name still leads to what was opened, or to nothing where nothing was. */
static bool is_still_there(const struct opened *opened)
{
    struct stat by_name, by_descriptor;
    bool exists = lstat(opened->paths.page, &by_name) == 0;
    if (opened->fd < 0)
        return !exists;
    return exists && fstat(opened->fd, &by_descriptor) == 0 && by_name.st_ino == by_descriptor.st_ino &&
           by_name.st_dev == by_descriptor.st_dev;
}

static void close_switch(const struct opened *opened)
{
    if (opened->fd >= 0)
        (void)close(opened->fd); /* what was written was synced */
}

bool trading_switch_read(struct trading_found *found, const char *state_dir, struct error *error)
{
    struct opened opened;
    if (!open_switch(&opened, state_dir, LOCK_SH, error))
        return false;
    close_switch(&opened);
    *found = (struct trading_found){ .kind = opened.kind, .state = opened.state };
    if (opened.kind == TRADING_DAMAGED)
        found->reason = opened.reason;
    return true;
}

/* --- changing --- */

/* The note is gone before trading runs, and comes when it is stopped: whatever is cut short between the two leaves orders
 * where they are. */
static bool put_page(const struct opened *opened, const struct trading_page *page, bool runs, struct error *error)
{
    const struct trading_paths *paths = &opened->paths;
    if (runs)
        return trading_note_remove(paths, error) && trading_file_write(opened->fd, page, opened->kind, paths, error);
    if (!trading_file_write(opened->fd, page, opened->kind, paths, error))
        return false;
    return trading_note_write(page, paths, error) ||
           error_prefix(error, "trading is stopped, but the note of it that guards the switch is not there");
}

/* A file of somebody else's, or one that others may write, is not written: who put it there would still hold it. */
static bool check_owned(const struct opened *opened, struct error *error)
{
    struct stat status, folder;
    if (opened->fd < 0 || opened->kind != TRADING_DAMAGED)
        return true;
    bool is_good =
        fstat(opened->fd, &status) == 0 && S_ISREG(status.st_mode) && stat(opened->paths.folder, &folder) == 0 &&
        (status.st_uid == folder.st_uid || status.st_uid == geteuid()) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (!is_good)
        *error = opened->reason;
    return is_good;
}

/* `change` makes the state that is to be of the one that is. */
typedef bool change_fn(struct trading_state *state, const struct opened *opened, const void *wanted,
                       struct error *error);

static bool change_once(struct trading_state *after, bool *is_done, const char *state_dir, change_fn *change,
                        const void *wanted, struct error *error)
{
    struct opened opened;
    struct trading_page page;
    *is_done = true;
    if (!open_switch(&opened, state_dir, LOCK_EX, error))
        return false;
    *is_done = is_still_there(&opened);
    if (!*is_done) {
        close_switch(&opened);
        return true; /* for another try */
    }
    struct trading_state state = opened.state;
    bool done = check_owned(&opened, error) && change(&state, &opened, wanted, error);
    if (done && !trading_page_write(&page, &state))
        done =
            error_set(error, ERROR_INPUT, "the reason or the listener's name cannot be noted in %s", opened.paths.page);
    if (done && opened.fd >= 0)
        done = put_page(&opened, &page, state.count == 0, error);
    else if (done)
        done = (state.count > 0 || trading_note_remove(&opened.paths, error)) &&
               trading_file_make(is_done, &opened.paths, &page, error) &&
               (state.count == 0 || trading_note_write(&page, &opened.paths, error));
    close_switch(&opened);
    *after = state;
    return done;
}

static bool change_switch(struct trading_state *after, const char *state_dir, change_fn *change, const void *wanted,
                          struct error *error)
{
    bool is_done = false;
    for (int i = 0; i < OPEN_TRIES && !is_done; i++) {
        if (!change_once(after, &is_done, state_dir, change, wanted, error))
            return false;
    }
    return is_done || error_set(error, ERROR_SYSTEM, "%s/trading comes and goes: try again", state_dir);
}

static bool add_stop(struct trading_state *state, const struct opened *opened, const void *wanted, struct error *error)
{
    const struct trading_stop *stop = wanted;
    bool is_for_all = stop->listener[0] == '\0';
    size_t kept = 0;
    if (opened->kind == TRADING_DAMAGED && !is_for_all)
        return error_set(error, opened->reason.kind, "%.500s; give no --listener", opened->reason.message);
    for (size_t i = 0; i < state->count; i++) {
        if (!is_for_all && strcmp(state->stops[i].listener, stop->listener) != 0)
            state->stops[kept++] = state->stops[i];
    }
    if (kept == TRADING_STOPS_MAX)
        return error_set(error, ERROR_LIMIT, "%d listeners are stopped one by one already: give no --listener",
                         (int)TRADING_STOPS_MAX);
    state->stops[kept] = *stop;
    state->count = kept + 1;
    return true;
}

bool trading_switch_stop(struct trading_state *after, const char *state_dir, const struct trading_stop *stop,
                         struct error *error)
{
    return change_switch(after, state_dir, add_stop, stop, error);
}

static bool remove_stop(struct trading_state *state, const struct opened *opened, const void *wanted,
                        struct error *error)
{
    const char *listener = wanted;
    size_t kept = 0;
    if (listener != NULL && opened->kind == TRADING_DAMAGED)
        return error_set(error, opened->reason.kind, "%.500s; give no --listener", opened->reason.message);
    for (size_t i = 0; listener != NULL && i < state->count; i++) {
        if (state->stops[i].listener[0] == '\0')
            return error_set(error, ERROR_INPUT,
                             "trading is stopped for all listeners, and not for %s alone: give no "
                             "--listener, and stop the others one by one",
                             listener);
        if (strcmp(state->stops[i].listener, listener) != 0)
            state->stops[kept++] = state->stops[i];
    }
    state->count = kept;
    return true;
}

bool trading_switch_resume(struct trading_state *after, const char *state_dir, const char *listener,
                           struct error *error)
{
    return change_switch(after, state_dir, remove_stop, listener, error);
}
