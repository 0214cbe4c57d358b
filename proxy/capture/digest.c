/* SHA-256 by OpenSSL, fetched once: fetching for each digest is slow (OpenSSL 3). */
#include "digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digester {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

bool digester_create(struct digester **digester, struct error *error)
{
    struct digester *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    made->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    made->context = EVP_MD_CTX_new();
    if (made->sha256 == NULL || made->context == NULL) {
        digester_free(made);
        return error_set(error, ERROR_INTERNAL, "OpenSSL gives no SHA-256; check its configuration");
    }
    *digester = made;
    return true;
}

void digester_free(struct digester *digester)
{
    if (digester == NULL)
        return;
    EVP_MD_CTX_free(digester->context);
    EVP_MD_free(digester->sha256);
    free(digester);
}

bool digester_of(struct digest *digest, struct digester *digester, struct slice first, struct slice second)
{
    return EVP_DigestInit_ex2(digester->context, digester->sha256, NULL) == 1 &&
           EVP_DigestUpdate(digester->context, first.data, first.length) == 1 &&
           EVP_DigestUpdate(digester->context, second.data, second.length) == 1 &&
           EVP_DigestFinal_ex(digester->context, digest->bytes, NULL) == 1;
}
