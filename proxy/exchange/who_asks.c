/* Whether this client may ask, by the guard's rules: its user, its names, its token. The worker's thread. */
#include "exchange_internal.h"

#include <stdio.h>

static const enum refusal refusals[] = {
    [CALLER_MAY_ASK] = REFUSAL_NONE,
    [CALLER_IS_A_BROWSER] = REFUSAL_BROWSER,
    [CALLER_NAMES_ANOTHER_HOST] = REFUSAL_HOST,
    [CALLER_IS_ANOTHER_USER] = REFUSAL_PEER,
    [CALLER_IS_UNKNOWN] = REFUSAL_PEER,
    [CALLER_HAS_NO_TOKEN] = REFUSAL_TOKEN,
    [CALLER_HAS_ANOTHER_TOKEN] = REFUSAL_TOKEN,
};

static enum caller_verdict judge_peer(const struct exchange *exchange, char *detail, size_t detail_size)
{
    const struct exchange_listener *listener = exchange->listener;
    const struct peer *peer = front_request_peer_found(exchange->request);
    enum caller_verdict verdict = caller_judge_peer(peer, &listener->peers, listener->token.length > 0);
    char reason[CALLER_REASON_MAX];
    if (verdict == CALLER_MAY_ASK)
        return verdict;
    caller_explain_peer(reason, peer, &listener->peers, listener->peers_configured, listener->name);
    (void)snprintf(detail, detail_size, "%s", reason); /* cutting it is fine, and below */
    return verdict;
}

static enum caller_verdict judge_names(const struct exchange *exchange)
{
    const struct caller_names names = { .local = front_request_local(exchange->request),
                                        .upstream_host = upstream_host(exchange->listener->upstream),
                                        .allowed = &exchange->listener->hosts };
    return caller_judge(front_request_fields(exchange->request), &names);
}

static enum caller_verdict judge_token(const struct exchange *exchange, char *detail, size_t detail_size)
{
    enum caller_verdict verdict =
        caller_judge_token(&exchange->listener->token, front_request_fields(exchange->request));
    if (verdict != CALLER_MAY_ASK)
        (void)snprintf(detail, detail_size, "the request has %s of listener %s",
                       verdict == CALLER_HAS_NO_TOKEN ? "none: send the one" : "another one than that",
                       exchange->listener->name);
    return verdict;
}

enum refusal exchange_judge_caller(struct exchange *exchange, char *detail, size_t detail_size)
{
    enum caller_verdict verdict = judge_peer(exchange, detail, detail_size);
    if (verdict != CALLER_MAY_ASK)
        exchange->must_close = true; /* nothing on this connection will ever be let in */
    if (verdict == CALLER_MAY_ASK)
        verdict = judge_names(exchange);
    if (verdict == CALLER_MAY_ASK)
        verdict = judge_token(exchange, detail, detail_size);
    return refusals[verdict];
}
