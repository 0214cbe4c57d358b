/* The signer's side of the protocol without its socket: what comes in, what goes out, in which order. Private to this
 * room. */
#ifndef COUNTERSIGN_SIGNER_SESSION_H
#define COUNTERSIGN_SIGNER_SESSION_H

#include "countersign/signer.h"
#include "wire.h"

struct signer_session {
    const struct signer *signer;
    uint64_t generation;  /* of what the signer holds; 1 and up */
    bool greeted;         /* HELLO has come */
    size_t accounts_told; /* of this generation: ACCOUNT messages taken by the socket */
    bool answer_waits;    /* `answer` is to be sent */
    struct signer_wire_message answer;
};

void session_begin(struct signer_session *session, const struct signer *signer);

/* Whether a message is to be sent before another may be taken. */
bool session_owes(const struct signer_session *session);

/* Whether the proxy knows this generation's accounts and waits for nothing: the signer's may be replaced then. */
bool session_is_at_rest(const struct signer_session *session);

/* What the signer holds has been read anew: begins the next generation, which is told first of all. At rest only. */
void session_renew(struct signer_session *session);

/* Takes one message, when nothing is owed. False for one that must not come: the service is to be ended. */
MUST_CHECK bool session_take(struct signer_session *session, const struct signer_wire_message *message, int64_t now_ms);

/* The message to send next, when one is owed. Call session_sent once the socket has taken it. */
void session_next(struct signer_wire_message *message, const struct signer_session *session);
void session_sent(struct signer_session *session);

/* Wipes the key of an answer that was not sent. */
void session_end(struct signer_session *session);

#endif
