/* The store opened by the subcommands of `countersign log` that change it. One thread. */
#include "log_command.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* The folder of the store's file; the caller frees it. The tools' door opens STATE_DIR/capture.db alone. */
static char *folder_of(const struct log_run *run, struct error *error)
{
    const char *slash = strrchr(run->store_path, '/');
    const char *name = slash == NULL ? run->store_path : slash + 1;
    if (strcmp(name, "capture.db") != 0) {
        (void)error_set(error, ERROR_USAGE, "%s: a store that is to be changed must be named capture.db",
                        run->store_path);
        return NULL;
    }
    char *folder = slash == NULL ? strdup(".") : strndup(run->store_path, (size_t)(slash - run->store_path));
    if (folder == NULL)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    return folder;
}

bool log_store_open(struct capture_store **store, const struct log_run *run, struct progress *progress,
                    struct error *error)
{
    char *folder = folder_of(run, error);
    if (folder == NULL)
        return false;
    bool done = capture_store_open(store, folder,
                                   (struct capture_progress){ .tell = progress_tell, .context = progress }, error);
    free(folder);
    return done;
}
