/* Any bytes as what a secret's source gave; the first byte decides about `trim`. Held: what passes is a part of what
 * came, within its bound, without control bytes; what is refused without `trim` may only pass cut; messages are one
 * line. */
#include "signer/secret_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static void check_taken(struct slice taken, struct slice given, bool trim)
{
    require(taken.length > 0 && taken.length <= SECRET_MAX && taken.length <= given.length);
    require(memmem(given.data, given.length, taken.data, taken.length) != NULL);
    require(trim || taken.length == given.length);
    require(taken.data[0] != ' ' && taken.data[taken.length - 1] != ' ');
    for (size_t i = 0; i < taken.length; i++) {
        unsigned char byte = (unsigned char)taken.data[i];
        require(byte >= 0x20 && byte != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret secret;
    struct error error = { .kind = ERROR_NONE };
    if (size == 0 || size > SECRET_MEMORY)
        return 0;
    bool trim = data[0] % 2 == 1;
    struct slice given = slice_of(data + 1, size - 1);
    require(secret_allocate(&secret, NULL));
    memcpy(secret.bytes, given.data, given.length);
    secret.length = given.length;
    if (secret_check(&secret, trim, &error))
        check_taken(secret_slice(&secret), given, trim);
    else
        require(error.kind == ERROR_CONFIG && strchr(error.message, '\n') == NULL);
    secret_end(&secret);
    return 0;
}
