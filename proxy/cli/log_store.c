/* The store opened by the subcommands of `countersign log` that change it. One thread. */
#include "log_command.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

char *log_store_folder(const struct log_run *run, struct error *error)
{
    const char *slash = strrchr(run->store_path, '/');
    const char *name = slash == NULL ? run->store_path : slash + 1;
    if (strcmp(name, "capture.db") != 0) {
        (void)error_set(error, ERROR_USAGE,
                        "%s is a copy or an old record: proxies record into a file named capture.db, which this needs",
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
    char *folder = log_store_folder(run, error);
    if (folder == NULL)
        return false;
    bool done = capture_store_open(store, folder,
                                   (struct capture_progress){ .tell = progress_tell, .context = progress }, error);
    free(folder);
    return done;
}
