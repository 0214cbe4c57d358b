/* The HTTP status for an answer that says no with HTTP 200: for bots that look at the status alone (failures = as-status).
 * Pure; any thread.
 *
 * Four statuses say what to do, and one is for all else. A code that is not in the table gets 422: the exchange read the
 * request and says no; why, the body says, which stays as it came. No failure gets a status from 500 on: libraries send
 * again by themselves on those, and an order must not be. None gets 404 (3103, order-not-found, neither): that is what a
 * wrong path gets, and the endpoint is there. Source of codes and their meaning: the exchange's documentation, "Error Code"
 * and "HTTP Status Code".
 *
 *   401  401, 1401, 3005              the key, its address or the signature was not accepted (RFC 9110 §15.5.2)
 *   403  3012 to 3015, 6001           understood, and not for this account or pair: again is no use (§15.5.4)
 *   409  3111                         such an order is there already (§15.5.10)
 *   429  429                          too many visits: later, not at once (RFC 6585 §4)
 *   422  every other code             (RFC 9110 §15.5.21) */
#ifndef COUNTERSIGN_ANSWER_STATUS_H
#define COUNTERSIGN_ANSWER_STATUS_H

#include "countersign/slice.h"

/* The status for the envelope's `code` as written, without quotes; of a code that is not success. */
int answer_status_of_code(struct slice code);

#endif
