/* Pages of files, let go of. Owns nothing. */
#include "countersign/resident.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that may be written to hold what was: they stay. What is cut off at both ends shares its page with another segment. */
static int let_go_of_object(struct dl_phdr_info *object, size_t size, void *context)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)context; /* nothing is to be remembered */
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t from = (object->dlpi_addr + segment->p_vaddr + page - 1) / page * page;
        uintptr_t to = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) / page * page;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0 && from < to)
            (void)madvise((void *)from, to - from, MADV_DONTNEED); /* fails where it is locked: it stays */
    }
    return 0;
}

void resident_let_go_of_files(void)
{
    (void)dl_iterate_phdr(let_go_of_object, NULL); /* the callback's 0 */
}

void resident_let_go(void)
{
    resident_let_go_of_files();
    (void)malloc_trim(0); /* whether there was any */
}
