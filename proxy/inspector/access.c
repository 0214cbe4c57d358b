/* Who may look: by the guard's rules, as on a listener, but that there are no names besides the address's own and no token. */
#include "inspector_internal.h"

#include <stdio.h>

static const char *const reasons[] = {
    [CALLER_IS_A_BROWSER] =
        "this request comes from a web page (Origin or Sec-Fetch-Site is set), and pages may not look",
    [CALLER_NAMES_ANOTHER_HOST] = "the Host field names neither this address nor 127.0.0.1, [::1] or localhost",
    [CALLER_HAS_ANOTHER_TOKEN] = "",
};

static enum caller_verdict judge_names(const struct front_request *request)
{
    static const struct caller_hosts none = { .count = 0 };
    const char *local = front_request_local(request);
    const struct caller_names names = { .local = local, .upstream_host = local, .allowed = &none };
    return caller_judge(front_request_fields(request), &names);
}

enum caller_verdict access_judge(char *reason, const struct inspector *inspector, const struct front_request *request)
{
    const struct peer *peer = front_request_peer_found(request);
    enum caller_verdict verdict = caller_judge_peer(peer, &inspector->rule, false);
    if (verdict != CALLER_MAY_ASK) {
        caller_explain_peer(reason, peer, &inspector->rule, inspector->options.config->proxy.admin_peer, "admin");
        return verdict;
    }
    verdict = judge_names(request);
    if (verdict != CALLER_MAY_ASK)
        (void)snprintf(reason, CALLER_REASON_MAX, "%s", reasons[verdict]); /* fits */
    return verdict;
}
