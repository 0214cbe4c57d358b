/* Preloaded into the program by tests (LD_PRELOAD): makes allocations fail in the proxy process, as a file that the test maps
 * says (TEST_FAILING_MEMORY). Stands between the program, its libraries and glibc's own allocator; any thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The file: little-endian on every machine we build for, 8 bytes each. */
struct orders {
    _Atomic uint64_t every;   /* every so many-th allocation fails; 0: none does */
    _Atomic uint64_t only;    /* the allocation of this number fails, the first being 1; 0: none does */
    _Atomic uint64_t counted; /* allocations of the proxy process so far */
    _Atomic uint64_t failed;  /* that were made to fail */
};

static struct orders nothing_fails;
static struct orders *orders = &nothing_fails;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);
void *reallocarray(void *memory, size_t count, size_t size);

/* Both processes get the library, and so do the commands that a test starts: only the proxy process obeys. */
static bool is_proxy_process(void)
{
    char text[64] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd); /* was only read */
    size_t program = strlen(text) + 1;
    return got > (ssize_t)program && strcmp(text + program, "proxy-process") == 0;
}

__attribute__((constructor)) static void take_orders(void)
{
    const char *path = getenv("TEST_FAILING_MEMORY");
    int fd = path == NULL || !is_proxy_process() ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd); /* the mapping stays */
    if (mapped != MAP_FAILED)
        orders = mapped;
}

static bool is_to_fail(void)
{
    uint64_t number = atomic_fetch_add(&orders->counted, 1) + 1;
    uint64_t every = atomic_load(&orders->every);
    if (number != atomic_load(&orders->only) && (every == 0 || number % every != 0))
        return false;
    atomic_fetch_add(&orders->failed, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return is_to_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_to_fail() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return is_to_fail() ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, count * size);
}
