/* One HTTP/1.1 request to a local address, bytes as they are, once. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_REPLAY_SEND_H
#define COUNTERSIGN_CLI_REPLAY_SEND_H

#include "countersign/buffer.h"
#include "countersign/endpoint.h"
#include "countersign/error.h"

enum { REPLAY_ANSWER_MAX = 256 << 20 /* bytes */ };

/* Connects, sends, and reads the answer's head and body into `answer`, whose head ends at *head_length. Within
 * `timeout_us` in all. It is never sent again. Nothing listens, time is up, an answer that is none: ERROR_NETWORK, and
 * *sent says whether bytes had left. */
MUST_CHECK bool replay_send(struct buffer *answer, size_t *head_length, bool *sent, const struct endpoint *endpoint,
                            struct slice head, struct slice body, int64_t timeout_us, struct error *error);

#endif
