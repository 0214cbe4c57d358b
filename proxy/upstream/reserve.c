/* libcurl's allocator: the system's, and a small reserve for when that has nothing left. libcurl 7.88 does not bear every
 * failure: where it finds no memory for the table of a transfer's sockets, it goes on with an empty one and divides by its
 * size (watched: SIGFPE in curl_multi_socket_action). What it asks for there is small. Any thread. */
#include "upstream_internal.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVE_BLOCKS = 64 /* bits of `taken` */, RESERVE_BLOCK_SIZE = 1024 };

static alignas(max_align_t) char blocks[RESERVE_BLOCKS][RESERVE_BLOCK_SIZE];
static _Atomic uint64_t taken; /* a bit for each block */

static bool is_ours(const void *memory)
{
    uintptr_t at = (uintptr_t)memory;
    return at >= (uintptr_t)blocks && at < (uintptr_t)blocks + sizeof(blocks);
}

static void *take_block(size_t size)
{
    uint64_t seen = atomic_load(&taken);
    while (size <= RESERVE_BLOCK_SIZE && seen != UINT64_MAX) {
        int free_block = __builtin_ctzll(~seen);
        if (atomic_compare_exchange_weak(&taken, &seen, seen | (UINT64_C(1) << free_block)))
            return blocks[free_block];
    }
    return NULL;
}

static void give_block(const void *memory)
{
    size_t block = ((uintptr_t)memory - (uintptr_t)blocks) / RESERVE_BLOCK_SIZE;
    (void)atomic_fetch_and(&taken, ~(UINT64_C(1) << block)); /* the others' bits do not matter here */
}

static void *reserve_malloc(size_t size)
{
    void *memory = malloc(size);
    return memory != NULL ? memory : take_block(size);
}

static void *reserve_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory != NULL || (size != 0 && count > SIZE_MAX / size))
        return memory;
    memory = take_block(count * size);
    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

static void reserve_free(void *memory)
{
    if (is_ours(memory))
        give_block(memory);
    else
        free(memory);
}

/* Out of the reserve as soon as there is memory again; into it where there is none and it fits. */
static void *reserve_realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return reserve_malloc(size);
    if (!is_ours(memory))
        return realloc(memory, size);
    void *moved = malloc(size);
    if (moved == NULL)
        return size <= RESERVE_BLOCK_SIZE ? memory : NULL;
    memcpy(moved, memory, size < RESERVE_BLOCK_SIZE ? size : RESERVE_BLOCK_SIZE);
    give_block(memory);
    return moved;
}

static char *reserve_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = reserve_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

CURLcode reserve_global_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, reserve_malloc, reserve_free, reserve_realloc, reserve_strdup,
                                reserve_calloc);
}
