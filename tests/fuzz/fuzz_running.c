/* Any bytes as the file in which a running proxy says where it listens, read while the folder's lock is held. Held: what is
 * found is made of whole texts, and is what was asked for. */
#include "countersign/running.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-running-XXXXXX";
static int list = -1;

static void require(bool held)
{
    if (!held)
        abort();
}

static void remove_folder(void)
{
    char path[64];
    static const char *const names[] = { "lock", "listeners" };
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]); /* fits; and what stays is in /tmp */
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

static int open_in_folder(const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name); /* fits */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require(fd >= 0);
    return fd;
}

static void make_folder(void)
{
    require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    require(flock(open_in_folder("lock"), LOCK_EX) == 0); /* held until the end */
    list = open_in_folder("listeners");
}

static void check(const struct running_listener *listener)
{
    const char *const texts[] = { listener->name, listener->address, listener->upstream, listener->account,
                                  listener->mode };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        require(strnlen(texts[i], RUNNING_TEXT_MAX) < RUNNING_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct running_listener listener;
    struct error error;
    if (list < 0)
        make_folder();
    require(ftruncate(list, 0) == 0 && pwrite(list, data, size, 0) == (ssize_t)size);
    if (running_find(&listener, folder, NULL, NULL, &error))
        check(&listener);
    if (running_find(&listener, folder, "bot", NULL, &error))
        require(strcmp(listener.name, "bot") == 0);
    if (running_find(&listener, folder, NULL, "127.0.0.1:8787", &error))
        require(strcmp(listener.address, "127.0.0.1:8787") == 0);
    return 0;
}
