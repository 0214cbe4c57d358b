/* Where the keystore's passphrase comes from: a prompt, a descriptor, or a source of secrets. One thread. */
#include "countersign/prompt.h"
#include "keystore_private.h"
#include "secret_parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char what[] = "the keystore's passphrase";

bool keystore_source_asks(const char *source)
{
    return strcmp(source, "prompt") == 0;
}

/* A descriptor that was opened for this is of no further use, and is closed; standard input stays. */
static bool read_descriptor(struct secret *passphrase, const char *number, struct error *error)
{
    uint64_t fd;
    if (!slice_to_u64(slice_text(number), &fd) || fd > INT32_MAX)
        return error_set(error, ERROR_CONFIG, "expected the number of an open descriptor after fd:");
    bool done = descriptor_read_secret(passphrase, (int)fd, error);
    if (done && (int)fd > STDERR_FILENO)
        (void)close((int)fd); /* was only read */
    return done;
}

static bool read_source(struct secret *passphrase, const char *source, struct error *error)
{
    struct secret made;
    if (!secret_allocate(&made, error))
        return false;
    bool done = secret_source_read(&made, source, error);
    secret_source_forget(source);
    if (done)
        *passphrase = made;
    else
        secret_end(&made);
    return done;
}

/* Blanks are a passphrase's own, wherever they stand. A control byte came along by mistake, and could not be typed. */
static bool check(const struct secret *passphrase, struct error *error)
{
    if (passphrase->length == 0)
        return error_set(error, ERROR_CONFIG, "it is empty");
    for (size_t i = 0; i < passphrase->length; i++) {
        unsigned char byte = (unsigned char)passphrase->bytes[i];
        if (byte < 0x20 || byte == 0x7f)
            return error_set(
                error, ERROR_CONFIG,
                "it has a control byte at position %zu (a second line, or a carriage return?): it must stand "
                "there alone",
                i + 1);
    }
    return true;
}

bool keystore_read_passphrase(struct secret *passphrase, const char *source, const char *question, struct error *error)
{
    struct secret made = { .bytes = NULL };
    bool done = false;
    if (keystore_source_asks(source))
        done = prompt_secret(&made, question, false, error);
    else if (slice_starts_with(slice_text(source), "fd:"))
        done = read_descriptor(&made, source + strlen("fd:"), error);
    else
        done = read_source(&made, source, error);
    if (done && check(&made, error)) {
        *passphrase = made;
        return true;
    }
    secret_end(&made);
    (void)error_prefix(error, "%s", what); /* always false, as we are */
    return false;
}

static bool check_new(const struct secret *passphrase, struct error *error)
{
    return passphrase->length >= KEYSTORE_PASSPHRASE_LEAST ||
           error_set(error, ERROR_INPUT,
                     "%s: a new one has at least %d bytes, as whoever gets the file can try as many as they like", what,
                     KEYSTORE_PASSPHRASE_LEAST);
}

static bool read_once_more(const struct secret *passphrase, struct error *error)
{
    struct secret again;
    if (!prompt_secret(&again, "the same once more: ", false, error))
        return false;
    bool same = slice_equal(secret_slice(passphrase), secret_slice(&again));
    secret_end(&again);
    return same || error_set(error, ERROR_INPUT, "the two passphrases differ: nothing was changed");
}

bool keystore_read_new_passphrase(struct secret *passphrase, const char *source, struct error *error)
{
    struct secret made;
    if (!keystore_read_passphrase(&made, source, "new passphrase for the keystore: ", error))
        return false;
    if (check_new(&made, error) && (!keystore_source_asks(source) || read_once_more(&made, error))) {
        *passphrase = made;
        return true;
    }
    secret_end(&made);
    return false;
}
