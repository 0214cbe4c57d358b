/* The type that holds a secret: its memory, its end, its masked form, and the steps of reading one. Signer process. */
#include "countersign/secret.h"

#include "secret_parts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>

enum { SECRET_SHOWN_SOURCE_MAX = 160 }; /* characters of a source in a message: a command may be long */

bool secret_allocate(struct secret *secret, struct error *error)
{
    void *memory = mmap(NULL, SECRET_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        (void)error_system(error, errno, "no memory for a secret"); /* false */
        return false;
    }
    /* Each is a further protection that a kernel or a limit (RLIMIT_MEMLOCK) may not grant: the secret works without. */
    (void)mlock(memory, SECRET_MEMORY);
    (void)madvise(memory, SECRET_MEMORY, MADV_DONTDUMP);
    (void)madvise(memory, SECRET_MEMORY, MADV_DONTFORK);
    *secret = (struct secret){ .bytes = memory };
    return true;
}

bool secret_copy(struct secret *secret, const struct secret *from, struct error *error)
{
    struct secret made;
    if (!secret_allocate(&made, error))
        return false;
    memcpy(made.bytes, from->bytes, from->length);
    made.length = from->length;
    *secret = made;
    return true;
}

void secret_hand_to_children(const struct secret *secret, bool handed)
{
    if (secret->bytes != NULL)
        (void)madvise(secret->bytes, SECRET_MEMORY, handed ? MADV_DOFORK : MADV_DONTFORK); /* our own mapping */
}

void secret_end(struct secret *secret)
{
    if (secret->bytes != NULL) {
        OPENSSL_cleanse(secret->bytes, SECRET_MEMORY);
        (void)munmap(secret->bytes, SECRET_MEMORY); /* our own mapping: cannot fail */
    }
    *secret = (struct secret){ .bytes = NULL };
}

struct slice secret_slice(const struct secret *secret)
{
    return slice_of(secret->bytes, secret->length);
}

/* "api_secret of account main (file:/path): " before the message. A text that is no source at all is never shown: it
 * may be the secret itself, written in the source's place. */
static bool name_in_error(struct error *error, const char *what, const char *source)
{
    size_t length = strnlen(source, SECRET_SHOWN_SOURCE_MAX + 1);
    const char *cut = length > SECRET_SHOWN_SOURCE_MAX ? "..." : "";
    if (secret_source_is_known(source))
        return error_prefix(error, "%s (%.*s%s)", what, SECRET_SHOWN_SOURCE_MAX, source, cut);
    return error_prefix(error, "%s", what);
}

bool secret_load(struct secret *secret, const char *source, bool trim, const char *what, struct error *error)
{
    struct secret made;
    if (!secret_allocate(&made, error))
        return false;
    if (!secret_source_read(&made, source, error) || !secret_check(&made, trim, error)) {
        secret_end(&made);
        return name_in_error(error, what, source);
    }
    *secret = made;
    return true;
}

bool secret_read(struct secret *secret, const char *source, bool trim, const char *what, struct error *error)
{
    bool done = secret_load(secret, source, trim, what, error);
    secret_source_forget(source);
    return done;
}

void secret_mask(char *masked, struct slice key)
{
    enum { SHOWN = 4, SHORTEST = 12 };
    memset(masked, '*', key.length);
    if (key.length < SHORTEST)
        return;
    memcpy(masked, key.data, SHOWN);
    memcpy(masked + key.length - SHOWN, key.data + key.length - SHOWN, SHOWN);
}
