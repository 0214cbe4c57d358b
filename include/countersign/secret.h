/* Where secrets come from, and the one type that holds one. Used in the signer process only, but for secret_mask, which is
 * for API keys. Nothing formats a secret; its end wipes it. */
#ifndef COUNTERSIGN_SECRET_H
#define COUNTERSIGN_SECRET_H

#include "countersign/error.h"
#include "countersign/slice.h"

enum { SECRET_MAX = 4096 }; /* bytes */

/* In every message about white space that must not be there, and in no other. */
#define SECRET_WHITE_SPACE "white space"

struct secret {
    char *bytes;
    size_t length;
};

/* Reads a secret from its source: "env:NAME" (the variable's memory is then wiped and it is unset), "file:PATH"
 * (refused where group or others have any right on it, or where it is not a regular file), "credential:NAME" (a file in
 * $CREDENTIALS_DIRECTORY, systemd.exec(5)), "command:LINE" (standard output of /bin/sh -c, bounded in size and 10 s).
 * One newline at the end of a file's or command's content is not part of the secret. Any other white space around it is
 * refused with a message that says what stands where ("2 blanks at the end"), unless `trim`; an empty one is refused
 * always, and so is one with a control byte inside. `what` names it in errors: "api_secret of account main". The error
 * never shows any part of the secret. */
MUST_CHECK bool secret_read(struct secret *secret, const char *source, bool trim, const char *what,
                            struct error *error);

/* Wipes and frees. */
void secret_end(struct secret *secret);

struct slice secret_slice(const struct secret *secret);

/* A key's form for people: first and last four characters, the rest as '*', the same length; all '*' under 12. */
void secret_mask(char *masked, struct slice key); /* key.length bytes, no NUL */

#endif
