/* `countersign policy check`: whether a request would pass, and which line decides. Sends nothing. One thread. */
#include "policy_command.h"

#include "countersign/json_write.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_LENGTH = RULE_TEXT_MAX + RULE_PLACE_MAX + 64 };

struct answer {
    const char *listener;
    struct slice method;
    struct slice target;
    struct ruling ruling;
    struct ruling_rules rules;
    char line[LINE_MAX_LENGTH]; /* of the configuration: what decides */
    char why[RULING_REFUSAL_MAX];
};

static void judge(struct answer *answer, const struct config_listener *listener, const char *method, const char *target)
{
    struct endpoint_path path;
    struct ruling *ruling = &answer->ruling;
    answer->listener = listener->name;
    answer->method = slice_text(method);
    answer->target = slice_text(target);
    answer->rules = (struct ruling_rules){ .items = listener->rules.items,
                                           .count = listener->rules.count,
                                           .policy = (enum policy)listener->policy };
    endpoint_path_read(&path, answer->target);
    ruling_make(ruling, &answer->rules, answer->method, &path, (struct http_fields){ .count = 0 });
    answer->why[0] = '\0';
    if (!ruling->passes)
        (void)ruling_write_refusal(answer->why, sizeof(answer->why), ruling, &answer->rules, listener->name,
                                   answer->method, answer->target); /* returns its argument */
    if (ruling->reason == RULING_BY_RULE && ruling->rule != NULL)
        (void)snprintf(answer->line, sizeof(answer->line), "%s = %s", rule_verdict_name(ruling->rule->verdict),
                       ruling->rule->text); /* sized for it, as below */
    else if (!ruling->passes && ruling_is_by_rule(ruling, &answer->rules))
        (void)snprintf(answer->line, sizeof(answer->line), "deny = ..."); /* any of them might be meant */
    else
        (void)snprintf(answer->line, sizeof(answer->line), "policy = %s", policy_name(answer->rules.policy));
}

static const char *place_of(const struct answer *answer)
{
    return answer->ruling.reason == RULING_BY_RULE ? answer->ruling.rule->place : "";
}

static void append_text(struct buffer *out, const struct answer *answer)
{
    const char *place = place_of(answer);
    (void)buffer_append_format(
        out, "%s: %.*s %.*s (%s) %s by `%s`%s%s%s\n", answer->listener, SLICE_ARGUMENTS(answer->method),
        SLICE_ARGUMENTS(answer->target), endpoint_class_name(answer->ruling.endpoint_class),
        answer->ruling.passes ? "passes" : "is refused", answer->line, place[0] == '\0' ? "" : " (", place,
        place[0] == '\0' ? "" : ")"); /* run() looks at `failed`, as below */
    if (!answer->ruling.passes)
        (void)buffer_append_format(out, "    %s\n", answer->why);
}

static void append_json(struct buffer *out, const struct answer *answer)
{
    (void)buffer_append_text(out, "{\"listener\":");
    (void)json_append_string(out, slice_text(answer->listener));
    (void)json_append_member(out, "method", answer->method);
    (void)json_append_member(out, "path", answer->target);
    (void)json_append_member(out, "class", slice_text(endpoint_class_name(answer->ruling.endpoint_class)));
    (void)buffer_append_format(out, ",\"passes\":%s", answer->ruling.passes ? "true" : "false");
    (void)json_append_member(out, "line", slice_text(answer->line));
    (void)json_append_member(out, "place", slice_text(place_of(answer)));
    (void)json_append_member(out, "message", slice_text(answer->why));
    (void)buffer_append_text(out, "}\n");
}

static bool check_request(const struct policy_options *options, struct error *error)
{
    if (!http_method_is_valid(slice_text(options->words[0])))
        return error_set(error, ERROR_USAGE, "`%s` is no method: METHOD PATH, as in POST /api/trade/order/place",
                         options->words[0]);
    for (size_t i = 1; i < options->word_count; i++) {
        if (options->words[i][0] != '/')
            return error_set(error, ERROR_USAGE, "`%s` is no path: it begins with /, as in /api/trade/order/place",
                             options->words[i]);
    }
    return true;
}

int policy_check(struct buffer *out, const struct policy_options *options, struct error *error)
{
    struct config *config = NULL;
    int exit_code = 0;
    if (!check_request(options, error))
        return -1;
    if (!policy_load(&config, options, "policy check", &exit_code))
        return exit_code;
    for (size_t i = 0; i < config->listener_count; i++) {
        for (size_t word = 1; word < options->word_count && policy_means(options, &config->listeners[i]); word++) {
            struct answer answer = { .listener = config->listeners[i].name };
            judge(&answer, &config->listeners[i], options->words[0], options->words[word]);
            if (options->json)
                append_json(out, &answer);
            else
                append_text(out, &answer);
            exit_code = answer.ruling.passes ? exit_code : 1;
        }
    }
    config_free(config);
    return exit_code;
}
