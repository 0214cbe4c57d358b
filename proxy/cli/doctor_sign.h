/* The signatures of `countersign doctor`: right ones and ones that are wrong on purpose. Private to this room. */
#ifndef COUNTERSIGN_CLI_DOCTOR_SIGN_H
#define COUNTERSIGN_CLI_DOCTOR_SIGN_H

#include "countersign/http_message.h"
#include "countersign/probes.h"
#include "countersign/signer.h"

enum { DOCTOR_SIGN_FIELDS = 3 };

struct doctor_signing;

/* `signer` is open for `account`, and must stay. */
MUST_CHECK bool doctor_signing_open(struct doctor_signing **signing, const struct signer *signer, size_t account,
                                    struct error *error);
void doctor_signing_close(struct doctor_signing *signing); /* wipes; NULL is allowed */

struct doctor_signed_fields {
    struct http_field fields[DOCTOR_SIGN_FIELDS]; /* into the texts below, and the signer's key */
    char signature[SCHEME_SIGNATURE_LENGTH];
    char expires[SCHEME_EXPIRES_MAX];
};

/* The fields of a request without a query, as the trial wants them. */
MUST_CHECK bool doctor_sign(struct doctor_signed_fields *made, struct doctor_signing *signing, enum probe_trial trial,
                            int64_t expires_ms, struct slice body, struct error *error);

/* Puts '*' over the account's key and secret where somebody else's words repeat them. */
void doctor_signing_mask(char *words, const struct doctor_signing *signing);

#endif
