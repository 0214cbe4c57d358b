/* What the supervisor's files share. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SUPERVISOR_PARTS_H
#define COUNTERSIGN_SIGNER_SUPERVISOR_PARTS_H

#include "countersign/supervisor.h"
#include "supervisor_child.h"
#include "supervisor_notify.h"
#include "supervisor_restart.h"
#include "supervisor_sockets.h"
#include "terminal_end.h"

#include <signal.h>

struct supervisor {
    const struct supervisor_options *options;
    struct child signer;
    struct child proxy;
    struct notify notify;
    struct handed sockets;
    struct terminals terminals;
    struct restarts restarts;
    struct keystore *keystore; /* held open for its key; NULL where no account names it */
    sigset_t before;           /* the signals that were blocked at the start */
    int signals;               /* signalfd(2) */
    int proxys_end;            /* of the socket to the signer that is being started, until the proxy has it; -1: none */
    int64_t restart_us;        /* monotonic: when the next signer is to be started; 0: none is */
    int64_t kill_us;           /* monotonic: when a proxy that was told to hurry is killed; 0: it is not */
    unsigned asked_to_end;     /* how many SIGTERM and SIGINT came */
    int ended_by;              /* the first of them */
    bool is_ready;             /* the proxy has said so */
    bool has_given_up;         /* the signer could not be kept alive */
};

/* supervisor_start.c: each starts one process. The signer's socket pair is `signer.proxy` and `proxys_end`. */
MUST_CHECK bool supervisor_start_signer(struct supervisor *supervisor, struct error *error);
MUST_CHECK bool supervisor_start_proxy(struct supervisor *supervisor, struct error *error);

/* Hands the proxy the socket to the signer that has read its secrets by now. */
void supervisor_hand_over_signer(struct supervisor *supervisor);

#endif
