/* The keystore's file on the disk: who may have it, how it is read, locked and replaced. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_KEYSTORE_FILE_H
#define COUNTERSIGN_SIGNER_KEYSTORE_FILE_H

#include "countersign/buffer.h"
#include "countersign/error.h"

/* "FOLDER/NAME", the caller's (free); NULL where memory is out. */
char *keystore_file_path(const char *folder, const char *name);

/* Reads all of it into an initialised buffer. *is_there is false, with no error, where there is none. ERROR_CONFIG where it is
 * no regular file (a symbolic link included), another user's, or where others have any right on it. */
MUST_CHECK bool keystore_file_read(struct buffer *bytes, bool *is_there, const char *path, struct error *error);

/* Makes the folder (mode 0700) where it is not there, and takes FOLDER/keystore.lock: waits 30 s for another writer at most.
 * Close *fd to give it back. */
MUST_CHECK bool keystore_file_lock(int *fd, const char *folder, struct error *error);

/* Under the lock: writes FOLDER/keystore.new, syncs it, renames it to FOLDER/keystore, syncs the folder. */
MUST_CHECK bool keystore_file_replace(const char *folder, struct slice bytes, struct error *error);

#endif
