/* The codes that say: the exchange does not accept who is asking. Constant data; any thread. */
#include "catalogue_tables.h"

#include "countersign/compiler.h"

static const struct catalogue_entry entries[] = {
    { .kind = CATALOGUE_CODE,
      .name = "401",
      .message = "signature-failed",
      .summary = "The exchange does not accept the API key, or the signature made with it.",
      .basis = CATALOGUE_DOCUMENTED,
      .source =
          "Documented, with three causes: API key error, the sub-account's login frozen, the sub-account deleted. "
          "That the signature itself is wrong is what the message says; the documentation does not list it. "
          "The order is the one to look in; how often each occurs is not known.",
      .reasons = { { &cause_wrong_key, CATALOGUE_DOCUMENTED },
                   { &cause_key_white_space, CATALOGUE_REPORTED },
                   { &cause_sub_account_frozen, CATALOGUE_DOCUMENTED },
                   { &cause_sub_account_deleted, CATALOGUE_DOCUMENTED },
                   { &cause_signature, CATALOGUE_CONCLUDED },
                   { &cause_wrong_secret, CATALOGUE_CONCLUDED },
                   { &cause_body_reserialised, CATALOGUE_REPORTED },
                   { &cause_empty_body, CATALOGUE_REPORTED },
                   { &cause_clock, CATALOGUE_CONCLUDED },
                   { &cause_ip_family, CATALOGUE_REPORTED },
                   { &cause_egress_address, CATALOGUE_REPORTED },
                   { &cause_body_timestamp, CATALOGUE_REPORTED },
                   { &cause_signed_public_call, CATALOGUE_REPORTED },
                   { &cause_order_type, CATALOGUE_REPORTED },
                   { &cause_content_type, CATALOGUE_CONCLUDED },
                   { &cause_failure_as_http_200, CATALOGUE_REPORTED },
                   { &cause_no_record, CATALOGUE_REPORTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "1401",
      .message = "unauthorized",
      .summary = "The exchange does not accept the address that the request came from, its signature, or its login.",
      .basis = CATALOGUE_DOCUMENTED,
      .source =
          "Documented, with three causes: the request's IP is not on the key's whitelist, signature failure, login "
          "token expired. The order is the one to look in; how often each occurs is not known.",
      .reasons = { { &cause_ip_not_whitelisted, CATALOGUE_DOCUMENTED },
                   { &cause_ip_family, CATALOGUE_REPORTED },
                   { &cause_egress_address, CATALOGUE_REPORTED },
                   { &cause_signature, CATALOGUE_DOCUMENTED },
                   { &cause_body_reserialised, CATALOGUE_REPORTED },
                   { &cause_empty_body, CATALOGUE_REPORTED },
                   { &cause_key_white_space, CATALOGUE_REPORTED },
                   { &cause_wrong_secret, CATALOGUE_CONCLUDED },
                   { &cause_clock, CATALOGUE_CONCLUDED },
                   { &cause_login_expired, CATALOGUE_DOCUMENTED },
                   { &cause_body_timestamp, CATALOGUE_REPORTED },
                   { &cause_signed_public_call, CATALOGUE_REPORTED },
                   { &cause_order_type, CATALOGUE_REPORTED },
                   { &cause_content_type, CATALOGUE_CONCLUDED },
                   { &cause_failure_as_http_200, CATALOGUE_REPORTED },
                   { &cause_no_record, CATALOGUE_REPORTED } } },
    { .kind = CATALOGUE_CODE,
      .name = "3005",
      .message = "signature error",
      .summary = "The exchange found the signature wrongly made.",
      .basis = CATALOGUE_DOCUMENTED,
      .source = "Documented, with one cause: signature generation error. What exactly, it does not say.",
      .reasons = { { &cause_signature, CATALOGUE_DOCUMENTED },
                   { &cause_body_reserialised, CATALOGUE_CONCLUDED },
                   { &cause_empty_body, CATALOGUE_CONCLUDED },
                   { &cause_wrong_secret, CATALOGUE_CONCLUDED },
                   { &cause_key_white_space, CATALOGUE_CONCLUDED },
                   { &cause_clock, CATALOGUE_CONCLUDED } } },
};

const struct catalogue_table catalogue_signing_codes = { .entries = entries, .count = ARRAY_LENGTH(entries) };
