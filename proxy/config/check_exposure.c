/* Whether a listener may be where it is. Owns nothing; one thread. */
#include "check_exposure.h"

#include "countersign/endpoint.h"

/* What is missing, in words; "" where nothing is. */
static const char *missing(bool is_exposed, bool has_token)
{
    if (is_exposed)
        return has_token ? "" : "give it a token as well, such as token = file:PATH";
    return has_token ? "if that is meant, set expose = yes" : "if that is meant, set expose = yes and a token";
}

static bool is_set(const struct config_section *section, const char *key)
{
    return section->slots[config_key_find(section->kind, slice_text(key))].set;
}

void config_check_exposure(struct config_draft *draft, const struct config_section *listener)
{
    const struct config_listener *values = &listener->values.listener;
    struct endpoint endpoint;
    struct error error;
    char title[CONFIG_TITLE_MAX];
    if (!is_set(listener, "listen") || !is_set(listener, "expose") || !is_set(listener, "token") ||
        !endpoint_parse(&endpoint, values->listen, &error) || endpoint_is_local(&endpoint))
        return;
    const char *what = missing(values->expose != 0, values->token[0] != '\0');
    if (what[0] == '\0')
        return;
    config_problem_add(
        &draft->problems, config_draft_place(listener, config_key_find(listener->kind, SLICE_LITERAL("listen"))),
        "%s listen: other machines can reach %s, and whoever reaches a listener can trade; %s, or listen on "
        "127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path",
        config_section_title(title, listener), values->listen, what);
}

void config_check_admin(struct config_draft *draft, struct config_section *proxy)
{
    const char *admin = proxy->values.proxy.admin;
    struct endpoint endpoint;
    struct error error;
    if (!is_set(proxy, "admin") || admin[0] == '\0' || !endpoint_parse(&endpoint, admin, &error) ||
        endpoint_is_local(&endpoint))
        return;
    config_problem_add(&draft->problems,
                       config_draft_place(proxy, config_key_find(proxy->kind, SLICE_LITERAL("admin"))),
                       "[proxy] admin: other machines can reach %s; it must be 127.0.0.1:PORT, [::1]:PORT or "
                       "unix:/absolute/path",
                       admin);
}
