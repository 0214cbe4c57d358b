/* HAR files as anyone may write them. An entry with `_countersign` may have any bytes as a head. */
#include "import_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_import(data, size, IMPORT_HAR, memmem(data, size, "_countersign", 12) != NULL);
}
