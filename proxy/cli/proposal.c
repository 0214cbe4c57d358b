/* Commands that are proposed to people, with the options that lead to the same record and configuration as the command that
 * proposes them. Owns nothing; one thread. */
#include "common.h"
#include "terminal.h"

#include "countersign/compiler.h"
#include "countersign/shell.h"

#include <string.h>

enum { PROPOSAL_MAX = 64 << 10 /* bytes of options */ };

static void append_option(struct buffer *out, const char *name, const char *value)
{
    buffer_append_format(out, " %s ", name);
    shell_append_word(out, slice_text(value));
}

void cli_append_given(struct buffer *out, const struct cli_config_options *options, const char *store)
{
    struct buffer given;
    buffer_init(&given, PROPOSAL_MAX);
    if (options->file != NULL)
        append_option(&given, "-c", options->file);
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].flag, "--state-dir") == 0)
            append_option(&given, "--state-dir", options->settings[i].value);
    }
    if (store != NULL)
        append_option(&given, "--store", store);
    terminal_append_escaped(out, buffer_slice(&given), TERMINAL_ONE_LINE);
    out->failed = out->failed || given.failed;
    buffer_free(&given);
}

/* Others have no --store. */
static bool reads_record(struct slice command)
{
    return slice_starts_with(command, "countersign log ") || slice_starts_with(command, "countersign verify");
}

void cli_append_proposal(struct buffer *out, struct slice text, const struct cli_config_options *options,
                         const char *store)
{
    struct slice part;
    for (bool is_quoted = false; slice_next_part(&text, '`', &part); is_quoted = !is_quoted) {
        bool is_command = is_quoted && slice_starts_with(part, "countersign ");
        terminal_append_escaped(out, part, TERMINAL_ONE_LINE);
        if (is_command)
            cli_append_given(out, options, reads_record(part) ? store : NULL);
        buffer_append_text(out, text.data != NULL ? "`" : "");
    }
}
