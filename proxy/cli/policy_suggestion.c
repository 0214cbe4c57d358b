/* The tightest rules for what was used. Pure; one thread. */
#include "policy_command.h"

#include <stdlib.h>
#include <string.h>

static void add(struct policy_line *lines, size_t *count, const struct policy_line *line)
{
    lines[(*count)++] = *line; /* there are as many places as uses */
}

/* Whether a rule can say it: not an odd spelling, nor a method of its own. */
static bool can_be_named(const struct learned_use *use)
{
    struct rule rule;
    struct buffer text, complaint;
    buffer_init(&text, RULE_TEXT_MAX);
    buffer_init(&complaint, 1024);
    bool is_rule = buffer_append_format(&text, "%s %s", use->method, use->path) &&
                   rule_parse(&rule, RULE_ALLOW, buffer_slice(&text), &complaint);
    buffer_free(&text);
    buffer_free(&complaint);
    return is_rule;
}

/* By class, then by path. */
static int compare(const void *left, const void *right)
{
    const struct policy_line *a = left, *b = right;
    if (a->endpoint_class != b->endpoint_class)
        return a->endpoint_class < b->endpoint_class ? -1 : 1;
    int paths = strcmp(a->use->path, b->use->path);
    return paths != 0 ? paths : strcmp(a->use->method, b->use->method);
}

void policy_suggestion_make(struct policy_suggestion *suggestion, const struct learned *learned, bool include_refused)
{
    *suggestion = (struct policy_suggestion){ .allowed_count = 0 };
    for (size_t i = 0; i < learned->count; i++) {
        const struct policy_line line = { .use = &learned->uses[i],
                                          .endpoint_class = learned_class(&learned->uses[i]) };
        if (!can_be_named(line.use))
            add(suggestion->unnamed, &suggestion->unnamed_count, &line);
        else if (line.use->passed > 0 || include_refused)
            add(suggestion->allowed, &suggestion->allowed_count, &line);
        else
            add(suggestion->refused, &suggestion->refused_count, &line);
    }
    qsort(suggestion->allowed, suggestion->allowed_count, sizeof(suggestion->allowed[0]), compare);
    qsort(suggestion->refused, suggestion->refused_count, sizeof(suggestion->refused[0]), compare);
    qsort(suggestion->unnamed, suggestion->unnamed_count, sizeof(suggestion->unnamed[0]), compare);
}

const char *policy_use_meaning(const struct policy_line *line)
{
    const struct api_endpoint *endpoint = NULL;
    for (size_t i = 0; (endpoint = endpoint_known(i)) != NULL; i++) {
        if (strcmp(endpoint->path, line->use->path) == 0 && strcmp(endpoint->method, line->use->method) == 0)
            return endpoint->what;
    }
    return endpoint_class_meaning(line->endpoint_class);
}
