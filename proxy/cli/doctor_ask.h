/* The requests of `countersign doctor`: one at a time, reads alone, no more than DOCTOR_REQUESTS_MAX. Private to this room.
 * The program's one thread; each function returns when the answer, or the failure, is there. */
#ifndef COUNTERSIGN_CLI_DOCTOR_ASK_H
#define COUNTERSIGN_CLI_DOCTOR_ASK_H

#include "countersign/config.h"
#include "countersign/probes.h"
#include "countersign/signer.h"

enum {
    DOCTOR_REQUESTS_MAX = 12, /* in one run, whatever goes on */
    DOCTOR_CLOCK_ANSWERS = 3  /* each halves what is not known of the offset */
};

struct doctor_asker;

struct doctor_asker_options {
    const struct config_upstream *upstream;
    const struct signer *signer; /* open for `account` */
    size_t account;
    int64_t timeout_us;
};

/* `probes` gets what is learned, and must stay. Its names and routes are known already; ways that are used are set here. */
MUST_CHECK bool doctor_asker_open(struct doctor_asker **asker, struct probes *probes,
                                  const struct doctor_asker_options *options, struct error *error);
void doctor_asker_close(struct doctor_asker *asker); /* NULL is allowed */

/* The public call, on the way that `serve` would take, some times over: sets the main way, its answer, the clock, TLS. */
MUST_CHECK bool doctor_ask_main_way(struct doctor_asker *asker, struct error *error);

/* Whether there is such a way to ask. */
bool doctor_has_way(const struct doctor_asker *asker, enum probe_way way);

/* One request; its answer is put into the probes. False when it could not be made at all. */
MUST_CHECK bool doctor_ask(struct doctor_asker *asker, enum probe_way way, enum probe_trial trial, struct error *error);

#endif
