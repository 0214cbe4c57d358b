/* The progress bar. Owns nothing but its line on the terminal; one thread. */
#include "progress.h"

#include "terminal.h"

#include "countersign/clock.h"

#include <stdio.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 2048,
    BAR_WIDTH_MAX = 40,
    BAR_WIDTH_MIN = 10, /* a terminal without room for that gets no bar */
    SECOND_US = 1000000,
    LEFT_MAX_S = 100 * 86400 /* longer is a guess that helps nobody */
};

void progress_begin(struct progress *progress, const char *label)
{
    int64_t now_us = clock_monotonic_us();
    *progress = (struct progress){ .label = label, .began_us = now_us, .next_us = now_us + PROGRESS_DELAY_US };
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
}

void progress_next(struct progress *progress, const char *label)
{
    progress->label = label;
    progress->began_us = clock_monotonic_us();
}

static void append_span(struct buffer *out, uint64_t seconds)
{
    unsigned long long minutes = seconds / 60;
    if (minutes >= 60)
        buffer_append_format(out, "%lluh%02llum", minutes / 60, minutes % 60);
    else if (minutes > 0)
        buffer_append_format(out, "%llum%02llus", minutes, (unsigned long long)seconds % 60);
    else
        buffer_append_format(out, "%llus", (unsigned long long)seconds);
}

static void append_figures(struct buffer *out, uint64_t done, uint64_t total, int64_t elapsed_us)
{
    double rate = elapsed_us > 0 ? (double)done * SECOND_US / (double)elapsed_us : 0;
    if (total > 0)
        buffer_append_format(out, " %3u%%  %llu/%llu", (unsigned)(100.0 * (double)done / (double)total),
                             (unsigned long long)done, (unsigned long long)total);
    else
        buffer_append_format(out, " %llu", (unsigned long long)done);
    buffer_append_format(out, "  %.0f/s", rate);
    double left_s = total > done && rate > 0 ? (double)(total - done) / rate : 0;
    if (left_s > 0 && left_s < LEFT_MAX_S) {
        buffer_append_text(out, "  ");
        append_span(out, (uint64_t)left_s + 1);
        buffer_append_text(out, " left");
    }
}

static void append_bar(struct buffer *out, uint64_t done, uint64_t total, size_t width)
{
    size_t filled = (size_t)((double)width * (double)done / (double)total);
    buffer_append_text(out, " [");
    for (size_t i = 0; i < width; i++)
        buffer_append_byte(out, i < filled ? '#' : '.');
    buffer_append_byte(out, ']');
}

void progress_append(struct buffer *out, const char *label, uint64_t done, uint64_t total, int64_t elapsed_us,
                     size_t width)
{
    struct buffer figures;
    buffer_init(&figures, LINE_MAX_BYTES);
    if (done > total && total > 0)
        done = total; /* what came meanwhile */
    append_figures(&figures, done, total, elapsed_us);
    size_t taken = slice_text(label).length + figures.length + 3; /* " [" and "]" */
    size_t room = width > taken ? width - taken : 0;
    struct buffer line;
    buffer_init(&line, LINE_MAX_BYTES);
    buffer_append_text(&line, label);
    if (total > 0 && room >= BAR_WIDTH_MIN)
        append_bar(&line, done, total, room < BAR_WIDTH_MAX ? room : BAR_WIDTH_MAX);
    buffer_append_slice(&line, buffer_slice(&figures));
    terminal_append_fitted(out, buffer_slice(&line), width);
    out->failed = out->failed || line.failed || figures.failed;
    buffer_free(&line);
    buffer_free(&figures);
}

/* ECMA-48: back to the line's beginning, erase to its end. */
static void clear_line(void)
{
    (void)fputs("\r\x1b[K", stderr); /* without the bar the work is still done; likewise below */
}

void progress_tell(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    if (!progress->is_terminal)
        return;
    int64_t now_us = clock_monotonic_us();
    if (now_us < progress->next_us)
        return;
    struct buffer line;
    struct terminal terminal = terminal_detect(STDERR_FILENO, TERMINAL_COLOR_NEVER); /* its width may have changed */
    buffer_init(&line, LINE_MAX_BYTES);
    /* A line as wide as the terminal would wrap on some. */
    progress_append(&line, progress->label, done, total, now_us - progress->began_us, terminal.width - 1);
    clear_line();
    (void)fputs(buffer_text(&line), stderr);
    (void)fflush(stderr);
    buffer_free(&line);
    progress->next_us = now_us + PROGRESS_EVERY_US;
    progress->is_shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        clear_line();
    progress->is_shown = false;
}
