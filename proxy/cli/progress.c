/* The bar. One thread. */
#include "progress.h"

#include "countersign/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PATIENCE_US = 1000000, EVERY_US = 100000, BAR_WIDTH_MAX = 40, WIDTH_DEFAULT = 80, TEXT_COLUMNS = 44 };

void progress_begin(struct progress *progress, const char *what)
{
    *progress =
        (struct progress){ .what = what, .is_wanted = isatty(STDERR_FILENO) == 1, .begun_us = clock_monotonic_us() };
}

static size_t bar_width(void)
{
    struct winsize size;
    size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
    size_t room = width > TEXT_COLUMNS ? width - TEXT_COLUMNS : 0;
    return room < BAR_WIDTH_MAX ? room : BAR_WIDTH_MAX;
}

static void show(const struct progress *progress, uint64_t done, uint64_t total, int64_t now_us)
{
    char bar[BAR_WIDTH_MAX + 1];
    size_t width = bar_width(), filled = total > 0 ? (size_t)((double)done / (double)total * (double)width) : 0;
    int64_t left_s =
        done > 0 && total >= done
            ? (int64_t)((double)(now_us - progress->begun_us) / (double)done * (double)(total - done) / 1e6)
            : 0;
    memset(bar, '.', sizeof(bar));
    memset(bar, '#', filled < width ? filled : width);
    bar[width] = '\0';
    /* A remark: nothing depends on it. */
    if (total == 0)
        (void)fprintf(stderr, "\r\x1b[K%s: %" PRIu64, progress->what, done);
    else
        (void)fprintf(stderr, "\r\x1b[K%s %s %3.0f %%, %" PRIu64 " of %" PRIu64 ", %" PRId64 " s left", progress->what,
                      bar, (double)done * 100 / (double)total, done, total, left_s);
}

void progress_tell(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    int64_t now_us = clock_monotonic_us();
    if (!progress->is_wanted || now_us - progress->begun_us < PATIENCE_US || now_us - progress->shown_us < EVERY_US)
        return;
    progress->shown_us = now_us;
    progress->is_shown = true;
    show(progress, done, total, now_us);
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        (void)fputs("\r\x1b[K", stderr); /* as above */
    progress->is_shown = false;
}
