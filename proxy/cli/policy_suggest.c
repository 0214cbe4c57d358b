/* `countersign policy suggest`: the tightest rules that would have let pass what was used. One thread. */
#include "policy_command.h"

#include <stdlib.h>

static void append(struct buffer *out, struct policy_suggestion *suggestion, const struct policy_source *source,
                   const struct policy_options *options, const char *listener)
{
    policy_suggestion_make(suggestion, &source->table, options->include_refused);
    if (options->json) {
        policy_append_json(out, suggestion, source, listener);
        return;
    }
    (void)buffer_append_text(out, out->length > 0 ? "\n" : ""); /* run() looks at `failed` */
    policy_append_ini(out, suggestion, source, listener, options->now_us);
}

static bool suggest(struct buffer *out, const struct policy_options *options, const struct config *config,
                    const struct config_listener *listener, struct error *error)
{
    struct policy_source *source = calloc(1, sizeof(*source));
    struct policy_suggestion *suggestion = calloc(1, sizeof(*suggestion));
    bool done = false;
    if (source == NULL || suggestion == NULL)
        (void)error_set(error, ERROR_MEMORY, "out of memory"); /* false, as `done` is */
    else
        done = policy_source_read(source, options, config, listener->name, error);
    if (done && source->table.passed + source->table.refused > 0)
        append(out, suggestion, source, options, listener->name);
    free(source);
    free(suggestion);
    return done;
}

int policy_suggest(struct buffer *out, const struct policy_options *options, struct error *error)
{
    struct config *config = NULL;
    int exit_code = 0;
    bool done = true;
    if (!policy_load(&config, options, "policy suggest", &exit_code))
        return exit_code;
    for (size_t i = 0; done && i < config->listener_count; i++) {
        if (policy_means(options, &config->listeners[i]))
            done = suggest(out, options, config, &config->listeners[i], error);
    }
    if (done && out->length == 0)
        done = error_set(error, ERROR_INPUT,
                         "no request is known to make a suggestion of: set `learn = yes` in the listener's section, or "
                         "let it record some, and use it for a while");
    config_free(config);
    return done ? 0 : -1;
}
