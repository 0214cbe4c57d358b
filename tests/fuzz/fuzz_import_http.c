/* Pasted messages and our own export. The latter may have any head that reads as one. */
#include "import_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_import(data, size, IMPORT_HTTP, memmem(data, size, "### countersign exchange ", 24) != NULL);
}
