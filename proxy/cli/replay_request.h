/* A recorded request made ready to be sent once more. Private to this room. Pure but for a remark on standard error. */
#ifndef COUNTERSIGN_CLI_REPLAY_REQUEST_H
#define COUNTERSIGN_CLI_REPLAY_REQUEST_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/policy.h"
#include "countersign/record.h"

struct replay_request {
    struct buffer head;
    struct slice body;   /* borrowed from the record */
    struct slice method; /* of the head that is sent: these decide, not the record's facts */
    struct slice target;
    enum endpoint_class class;
};

/* The client's request byte for byte, without the fields whose values are masked in the record and those that the proxy
 * sets. Refused (ERROR_INPUT) is what could be taken for something else than the one request that the record tells of: no
 * head, a head that is none or has bytes behind its end, another method or target than the facts, a length that is not the
 * body's, a body in chunks. Free with replay_request_free, also after a failure. */
MUST_CHECK bool replay_request_make(struct replay_request *request, const struct record *record, struct error *error);
void replay_request_free(struct replay_request *request);

/* Whether it does more than look. */
bool replay_request_moves_something(const struct replay_request *request);

#endif
