/* `countersign policy suggest`: the tightest rules that would have let pass what was used. One thread. */
#include "policy_command.h"

#include <stdlib.h>

/* 0, or below 0 after having set `error`. */
static int suggest(struct buffer *out, bool *knows, const struct policy_options *options, const struct config *config,
                   const struct config_listener *listener, struct error *error)
{
    struct policy_source *source = calloc(1, sizeof(*source));
    struct policy_suggestion *suggestion = calloc(1, sizeof(*suggestion));
    bool done = source != NULL && suggestion != NULL
                    ? policy_source_read(source, options, config, listener->name, error)
                    : error_set(error, ERROR_MEMORY, "out of memory");
    if (done && source->table.passed + source->table.refused > 0) {
        policy_suggestion_make(suggestion, &source->table, options->include_refused);
        if (options->json)
            policy_append_json(out, suggestion, source, listener->name);
        else
            (void)buffer_append_text(out, *knows ? "\n" : ""); /* run() looks at `failed` */
        if (!options->json)
            policy_append_ini(out, suggestion, source, listener->name, options->now_us);
        *knows = true;
    }
    free(source);
    free(suggestion);
    return done ? 0 : -1;
}

int policy_suggest(struct buffer *out, const struct policy_options *options, struct error *error)
{
    struct config *config = NULL;
    int exit_code = 0;
    bool knows = false;
    if (!policy_load(&config, options, "policy suggest", &exit_code))
        return exit_code;
    for (size_t i = 0; exit_code == 0 && i < config->listener_count; i++) {
        if (policy_means(options, &config->listeners[i]))
            exit_code = suggest(out, &knows, options, config, &config->listeners[i], error);
    }
    if (exit_code == 0 && !knows) {
        (void)error_set(error, ERROR_INPUT,
                        "no request is known to make a suggestion of: set `learn = yes` in the listener's section, or "
                        "let it record some, and use it for a while"); /* false */
        exit_code = -1;
    }
    config_free(config);
    return exit_code;
}
