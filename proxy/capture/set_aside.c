/* Renaming a damaged database. capture_open's thread, or the recorder's. */
#include "set_aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 1000, TIME_TEXT_MAX = 32 };

static bool free_name(char *aside, const char *path, int64_t now_us)
{
    time_t seconds = (time_t)(now_us / 1000000);
    char time_text[TIME_TEXT_MAX], number[TIME_TEXT_MAX] = "";
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &parts) == 0)
        (void)snprintf(time_text, sizeof(time_text), "%lld", (long long)seconds); /* fits */
    for (int i = 1; i < NAMES_MAX; i++) {
        int length = snprintf(aside, SET_ASIDE_PATH_MAX, "%s.damaged-%s%s", path, time_text, number);
        if (length < 0 || length >= SET_ASIDE_PATH_MAX - 8) /* room for "-wal" */
            return false;
        if (access(aside, F_OK) != 0)
            return true;
        (void)snprintf(number, sizeof(number), "-%d", i); /* fits */
    }
    return false;
}

bool set_aside(char *aside, const char *path, int64_t now_us, struct error *error)
{
    char log[SET_ASIDE_PATH_MAX + 8], log_aside[SET_ASIDE_PATH_MAX + 8];
    if (!free_name(aside, path, now_us))
        return error_set(error, ERROR_SYSTEM, "cannot find a free name to set %s aside: move it away by hand", path);
    (void)snprintf(log_aside, sizeof(log_aside), "%s-wal", aside); /* sized for it, as those below */
    (void)snprintf(log, sizeof(log), "%s-wal", path);
    /* The log first: a new database must never meet the old one's. */
    if (rename(log, log_aside) != 0 && errno != ENOENT)
        return error_system(error, errno, "cannot set %s aside as %s", log, log_aside);
    if (rename(path, aside) != 0)
        return error_system(error, errno, "cannot set %s aside as %s", path, aside);
    (void)snprintf(log, sizeof(log), "%s-shm", path);
    if (unlink(log) != 0 && errno != ENOENT)
        return error_system(error, errno, "cannot remove %s", log);
    return true;
}
