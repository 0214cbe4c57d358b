/* What the log says of a listener's rules at start. The main thread. */
#include "report_rules.h"

#include "countersign/policy.h"

enum { RULES_SHOWN_MAX = 16384 }; /* bytes; the rest is in `countersign config show` */

static void append_rule(struct buffer *text, const struct rule *rule, size_t index)
{
    (void)buffer_append_text(text, index == 0 ? "" : ", "); /* what fits is shown, here and below */
    rule_append(text, rule);
    if (rule->place[0] != '\0')
        (void)buffer_append_format(text, " (%s)", rule->place);
}

void report_rules(const struct config_listener *listener)
{
    struct buffer text;
    buffer_init(&text, RULES_SHOWN_MAX);
    for (size_t i = 0; i < listener->rules.count; i++)
        append_rule(&text, &listener->rules.items[i], i);
    const struct log_value values[] = {
        { "event", "rules", 0 },
        { "listener", listener->name, 0 },
        { "rules", buffer_text(&text), 0 },
        { "count", NULL, (int64_t)listener->rules.count },
        { NULL, NULL, 0 },
    };
    if (listener->rules.count > 0)
        log_line_values(LOG_LEVEL_INFO, values,
                        "listener %s: rules, the first that matches decides: %s; else policy %s", listener->name,
                        buffer_text(&text), policy_name((enum policy)listener->policy));
    if (listener->learn != 0)
        log_info("listener %s: learns what is used; `countersign policy suggest --listener %s` makes rules of it",
                 listener->name, listener->name);
    buffer_free(&text);
}
