/* The catalogue's tables and the causes that more than one of them names. Private to this room. */
#ifndef COUNTERSIGN_DOCTOR_CATALOGUE_TABLES_H
#define COUNTERSIGN_DOCTOR_CATALOGUE_TABLES_H

#include "countersign/catalogue.h"

struct catalogue_table {
    const struct catalogue_entry *entries;
    size_t count;
};

extern const struct catalogue_table catalogue_success_codes; /* 0, 200 */
extern const struct catalogue_table catalogue_signing_codes; /* who is asking: 401, 1401, 3005 */
extern const struct catalogue_table catalogue_trading_codes; /* what is asked for */
extern const struct catalogue_table catalogue_transfer_codes;
extern const struct catalogue_table catalogue_statuses;
extern const struct catalogue_table catalogue_refusals; /* by this proxy: nothing left */
extern const struct catalogue_table catalogue_failures; /* on the way to the exchange and back */

/* catalogue_causes.c: why a request's sender is not accepted */
extern const struct catalogue_cause cause_wrong_key, cause_key_white_space, cause_key_form, cause_same_text,
    cause_wrong_secret, cause_sub_account_frozen, cause_sub_account_deleted, cause_login_expired,
    cause_ip_not_whitelisted, cause_ip_family, cause_egress_address, cause_signature, cause_body_reserialised,
    cause_empty_body, cause_clock, cause_body_timestamp, cause_content_type, cause_order_type, cause_signed_public_call,
    cause_failure_as_http_200, cause_no_record;

/* catalogue_failures.c: also behind HTTP statuses */
extern const struct catalogue_cause cause_order_may_stand, cause_other_server;

#endif
