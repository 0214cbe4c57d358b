/* The signatures of `countersign doctor`. The process holds the secret as `countersign sign` does. One thread. */
#include "doctor_sign.h"

#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doctor_signing {
    const struct signer *signer;
    size_t account;
    struct scheme_hmac *hmac;
    char made_up_key[CLI_MADE_UP_KEY_SIZE]; /* and its secret: nobody has either */
    char made_up_secret[CLI_MADE_UP_KEY_SIZE];
};

bool doctor_signing_open(struct doctor_signing **signing, const struct signer *signer, size_t account,
                         struct error *error)
{
    struct doctor_signing *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->signer = signer;
    made->account = account;
    if (scheme_hmac_create(&made->hmac, error) && cli_made_up_key(made->made_up_key, error) &&
        cli_made_up_key(made->made_up_secret, error)) {
        *signing = made;
        return true;
    }
    doctor_signing_close(made);
    return false;
}

void doctor_signing_close(struct doctor_signing *signing)
{
    if (signing == NULL)
        return;
    scheme_hmac_free(signing->hmac);
    free(signing);
}

static bool window_key(struct scheme_window_key *key, const struct doctor_signing *signing, enum probe_trial trial,
                       uint64_t window, struct error *error)
{
    if (trial == PROBE_MADE_UP_KEY)
        return scheme_window_key_derive(key, slice_text(signing->made_up_secret), window, error);
    return signer_window_key(key, signing->signer, signing->account, window, error);
}

/* Still a signature by its form. */
static void spoil(char *signature)
{
    char *last = &signature[SCHEME_SIGNATURE_LENGTH - 1];
    *last = *last == '0' ? '1' : '0';
}

bool doctor_sign(struct doctor_signed_fields *made, struct doctor_signing *signing, enum probe_trial trial,
                 int64_t expires_ms, struct slice body, struct error *error)
{
    struct scheme_window_key key;
    if (!window_key(&key, signing, trial, scheme_window(expires_ms), error))
        return false;
    bool done = scheme_sign(made->signature, signing->hmac, &key, slice_of(NULL, 0), body, error);
    explicit_bzero(&key, sizeof(key));
    if (!done)
        return false;
    if (trial == PROBE_WRONG_SIGNATURE)
        spoil(made->signature);
    (void)snprintf(made->expires, sizeof(made->expires), "%lld", (long long)expires_ms); /* 20 characters at most */
    struct slice api_key = trial == PROBE_MADE_UP_KEY
                               ? slice_text(signing->made_up_key)
                               : secret_slice(&signing->signer->accounts[signing->account].api_key);
    made->fields[0] = (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_APIKEY), api_key };
    made->fields[1] =
        (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_SIGN), slice_of(made->signature, sizeof(made->signature)) };
    made->fields[2] = (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_EXPIRES), slice_text(made->expires) };
    return true;
}

static void mask(char *words, struct slice text)
{
    char *end = words + strlen(words);
    char *found = text.length == 0 ? NULL : memmem(words, (size_t)(end - words), text.data, text.length);
    while (found != NULL) {
        memset(found, '*', text.length);
        found += text.length;
        found = memmem(found, (size_t)(end - found), text.data, text.length);
    }
}

void doctor_signing_mask(char *words, const struct doctor_signing *signing)
{
    const struct signer_account *account = &signing->signer->accounts[signing->account];
    mask(words, secret_slice(&account->api_key));
    mask(words, secret_slice(&account->api_secret));
}
