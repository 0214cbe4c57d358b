/* How fast requests leave: the limits of all accounts and addresses of the configuration, shared by the workers. Private to the
 * service room. */
#ifndef COUNTERSIGN_SERVICE_PACING_H
#define COUNTERSIGN_SERVICE_PACING_H

#include "countersign/config.h"
#include "countersign/exchange.h"

struct pacing;

/* For the upstreams and accounts of `config`, which is borrowed; what its rates say holds at once. Needs the state folder, which
 * no other proxy may be using. */
MUST_CHECK bool pacing_open(struct pacing **pacing, const struct config *config, struct error *error);
void pacing_close(struct pacing *pacing); /* after the last worker's end; NULL is allowed */

/* Valid until pacing_close. */
struct turns *pacing_turns(const struct pacing *pacing);

/* Takes the rates of a configuration with the same accounts and upstreams over: what has left counts under them. */
void pacing_follow(struct pacing *pacing, const struct config *config);

/* What a listener of `config`, which has the same accounts and upstreams, is to keep to. */
struct exchange_pace pacing_of(const struct pacing *pacing, const struct config *config,
                               const struct config_listener *listener);

/* The lane of what this proxy sends to an upstream by itself, unsigned. */
size_t pacing_own_lane(const struct pacing *pacing, size_t upstream);

#endif
