/* The switch's files: opened, judged, made. Private to this room. */
#ifndef COUNTERSIGN_SERVICE_TRADING_FILE_H
#define COUNTERSIGN_SERVICE_TRADING_FILE_H

#include "countersign/trading_switch.h"

enum { TRADING_PATH_MAX = 4096 };

struct trading_paths {
    char folder[TRADING_PATH_MAX];
    char page[TRADING_PATH_MAX];  /* FOLDER/trading */
    char note[TRADING_PATH_MAX];  /* FOLDER/trading.stopped */
    char fresh[TRADING_PATH_MAX]; /* a new page before it has its name */
};

MUST_CHECK bool trading_paths_make(struct trading_paths *paths, const char *state_dir, struct error *error);

/* Opens the page's file for reading and writing: a file that others can replace or write is not believed. *fd is -1 where
 * there is none. */
MUST_CHECK bool trading_file_open(int *fd, const struct trading_paths *paths, struct error *error);

/* Makes the file with this page under its name, whole and on the disk, unless there is one meanwhile (then *made is false). */
MUST_CHECK bool trading_file_make(bool *made, const struct trading_paths *paths, const struct trading_page *page,
                                  struct error *error);

/* Keeps others from changing it (LOCK_EX), or waits for who does (LOCK_SH), for a second at most. Closing `fd` lets go. */
MUST_CHECK bool trading_file_lock(int fd, int how, const struct trading_paths *paths, struct error *error);

/* Reads and judges what is in it, together with the note. TRADING_DAMAGED: `reason` says why. */
enum trading_page_kind trading_file_judge(struct trading_state *state, int fd, const struct trading_paths *paths,
                                          struct error *reason);

/* Writes the page so that who has mapped it sees each moment as it is, and waits for the disk. `from`: what was there. */
MUST_CHECK bool trading_file_write(int fd, const struct trading_page *page, enum trading_page_kind from,
                                   const struct trading_paths *paths, struct error *error);

/* The note beside it: whether it is there; written; taken away. */
bool trading_note_exists(const struct trading_paths *paths);
MUST_CHECK bool trading_note_write(const struct trading_page *page, const struct trading_paths *paths,
                                   struct error *error);
MUST_CHECK bool trading_note_remove(const struct trading_paths *paths, struct error *error);

#endif
