/* Who may ask, by whose process it is. Pure; any thread. */
#include "countersign/caller.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum caller_verdict caller_judge_peer(const struct peer *peer, const struct peer_rule *rule, bool has_token)
{
    if (rule->takes_any || (peer->standing == PEER_OTHER_MACHINE && has_token))
        return CALLER_MAY_ASK;
    if (peer->standing != PEER_USER)
        return CALLER_IS_UNKNOWN;
    return peer_rule_takes(rule, peer->uid) ? CALLER_MAY_ASK : CALLER_IS_ANOTHER_USER;
}

/* "1000", "1000, 1001" */
static void append_uids(struct buffer *out, const struct peer_rule *rule)
{
    for (size_t i = 0; i < rule->count; i++)
        (void)buffer_append_format(out, "%s%" PRIu32, i == 0 ? "" : ", ", rule->uids[i]); /* cutting it is fine */
}

static void explain_user(struct buffer *out, const struct peer *peer, const struct peer_rule *rule,
                         const char *configured, const char *listener)
{
    (void)buffer_append_format(out, "it is of uid %" PRId64 ", and listener %s takes requests of uid ", peer->uid,
                               listener); /* cutting it is fine, here and below */
    append_uids(out, rule);
    (void)buffer_append_format(out, " alone (peer = %.64s); run it as that user, or set peer = ", configured);
    append_uids(out, rule);
    (void)buffer_append_format(out, ", %" PRId64, peer->uid);
}

/* What keeps the user from being known, and what to do. */
static const char *const unknown[] = {
    [PEER_NOT_ASKED] = "its user was not asked for",
    [PEER_USER] = "",
    [PEER_OTHER_MACHINE] = "it is on another machine, where no user can be found; give the listener a token",
    [PEER_CLOSED] = "its user cannot be found: no process holds its socket any more; let the client keep its "
                    "connection open until its answer has come",
    [PEER_NOT_FOUND] = "its user cannot be found: the kernel knows no socket at its end of the connection (closed "
                       "already, or in another network namespace); let the client keep its connection open, or use a "
                       "unix socket",
    [PEER_UNMAPPED] = "its user has no number in this proxy's user namespace; run both in the same one, or set "
                      "peer = any and a token",
    [PEER_KERNEL_CANNOT] = "its user cannot be found: this kernel does not tell who owns a socket (modules inet_diag "
                           "and tcp_diag); use a unix socket, or set peer = any and a token",
    [PEER_NO_ANSWER] = "its user cannot be found: asking the kernel for its socket's owner failed",
};

void caller_explain_peer(char *text, const struct peer *peer, const struct peer_rule *rule, const char *configured,
                         const char *listener)
{
    struct buffer out;
    buffer_init(&out, CALLER_REASON_MAX);
    if (peer->standing == PEER_USER)
        explain_user(&out, peer, rule, configured, listener);
    else
        (void)buffer_append_text(&out, unknown[peer->standing]); /* as above */
    if (peer->standing == PEER_NO_ANSWER)
        (void)buffer_append_format(&out, " (%s); use a unix socket, or set peer = any and a token",
                                   strerror(peer->number));           /* as above */
    (void)snprintf(text, CALLER_REASON_MAX, "%s", buffer_text(&out)); /* cut: as above */
    buffer_free(&out);
}
