/* Heads as anyone may send them: the copy keeps their length, changes nothing but what it masks, and a second copy changes
 * nothing any more. */
#include "countersign/redaction.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first, second;
    buffer_init(&first, SIZE_MAX / 2);
    buffer_init(&second, SIZE_MAX / 2);
    if (!redaction_append_head(&first, slice_of(data, size)) || first.length != size ||
        !redaction_append_head(&second, buffer_slice(&first)) ||
        !slice_equal(buffer_slice(&first), buffer_slice(&second)))
        abort();
    for (size_t i = 0; i < size; i++) {
        if (first.data[i] != (char)data[i] && first.data[i] != '*')
            abort();
    }
    buffer_free(&first);
    buffer_free(&second);
    return 0;
}
