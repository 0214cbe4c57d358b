/* The lines about what was given up, and about what could not be. */
#include "countersign/sandbox.h"

#include "countersign/buffer.h"
#include "countersign/log.h"

#include <stdio.h>
#include <string.h>

enum { REPORT_MAX = 1024 };

static const char *const memories[][2] = {
    /* for machines; for people, where there is something to say */
    [SANDBOX_MEMORY_NOT_ASKED] = { "unlocked", NULL },
    [SANDBOX_MEMORY_ALL] = { "all", "memory locked" },
    [SANDBOX_MEMORY_WRITABLE] = { "writable", "writable memory locked" },
    [SANDBOX_MEMORY_PART] = { "part", NULL },
};

void sandbox_warn(const struct sandbox *sandbox, const char *what, int number, const char *advice)
{
    char text[128];
    const struct log_value values[] = {
        { "event", "sandbox_missing", 0 },
        { "process", sandbox->process, 0 },
        { "reason", number != 0 ? strerror_r(number, text, sizeof(text)) : "", 0 },
        { NULL, NULL, 0 },
    };
    log_line_values(LOG_LEVEL_WARNING, values, "%s: %s%s%s. It goes on without; %s", sandbox->process, what,
                    number != 0 ? ": " : "", values[2].text, advice);
}

static void append(struct buffer *parts, const char *part)
{
    if (parts->length > 0)
        (void)buffer_append_text(parts, ", "); /* cut, the line says less; likewise below */
    (void)buffer_append_text(parts, part);
}

static void append_walls(struct buffer *parts, const struct sandbox *sandbox, const char *reads)
{
    char text[REPORT_MAX / 2];
    if (sandbox->calls > 0) {
        (void)snprintf(text, sizeof(text), "%zu system calls left (seccomp)", sandbox->calls); /* fits */
        append(parts, text);
    }
    if (sandbox->landlock_abi > 0) {
        (void)snprintf(text, sizeof(text), "%s (Landlock ABI %d)", reads, sandbox->landlock_abi); /* may be cut */
        append(parts, text);
    }
    if (sandbox->no_new_privileges)
        append(parts, "no new privileges");
    if (sandbox->not_dumpable)
        append(parts, "no debugger");
    if (sandbox->no_core)
        append(parts, "no core dumps");
    if (memories[sandbox->memory][1] != NULL)
        append(parts, memories[sandbox->memory][1]);
}

void sandbox_report(const struct sandbox *sandbox, const char *reads)
{
    const struct log_value values[] = {
        { "event", "sandbox", 0 },
        { "process", sandbox->process, 0 },
        { "seccomp_calls", NULL, (int64_t)sandbox->calls },
        { "landlock_abi", NULL, sandbox->landlock_abi },
        { "no_new_privileges", NULL, sandbox->no_new_privileges },
        { "not_dumpable", NULL, sandbox->not_dumpable },
        { "no_core_dumps", NULL, sandbox->no_core },
        { "memory_locked", memories[sandbox->memory][0], 0 },
        { NULL, NULL, 0 },
    };
    struct buffer parts;
    buffer_init(&parts, REPORT_MAX);
    append_walls(&parts, sandbox, reads);
    log_line_values(LOG_LEVEL_INFO, values, "%s: %s: %s", sandbox->process,
                    sandbox->calls > 0 || sandbox->landlock_abi > 0 ? "sandboxed" : "not sandboxed",
                    buffer_text(&parts));
    buffer_free(&parts);
}
