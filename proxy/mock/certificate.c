/* A certificate for a mock exchange on this machine: one key pair, one certificate that is server and trust anchor. */
#include "countersign/mock.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
    VALID_FROM_S = -3600,           /* an hour ago: clocks differ */
    VALID_UNTIL_S = 30 * 24 * 3600, /* 30 days from now */
    SERIAL_BITS = 127               /* random; RFC 5280 §4.1.2.2 allows 20 bytes */
};

static bool refused(const char *step, struct error *error)
{
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    return error_set(error, ERROR_INTERNAL, "could not %s for the mock exchange's certificate: %s", step, reason);
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool done = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static bool set_names(X509 *certificate)
{
    static const unsigned char common_name[] = "countersign mock exchange";
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

/* CA:TRUE and keyCertSign make it a trust anchor that every client accepts, the rest a server's certificate (RFC 5280
 * §4.2.1); pathlen 0 and 30 days bound what the key could do elsewhere. */
static bool add_extensions(X509 *certificate)
{
    static const struct {
        int nid;
        const char *value;
    } extensions[] = {
        { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
        { NID_key_usage, "critical,digitalSignature,keyCertSign" },
        { NID_ext_key_usage, "serverAuth" },
        { NID_subject_key_identifier, "hash" },
        { NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1" },
    };
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(extensions); i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!added)
            return false;
    }
    return true;
}

static bool fill(X509 *certificate, EVP_PKEY *pair)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) && set_names(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), VALID_FROM_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_UNTIL_S) != NULL &&
           X509_set_pubkey(certificate, pair) == 1 && add_extensions(certificate) &&
           X509_sign(certificate, pair, EVP_sha256()) > 0;
}

/* Writes both as PEM; nothing is added to either buffer where one fails. */
static bool write_pem(struct buffer *certificate_pem, struct buffer *key_pem, X509 *certificate, EVP_PKEY *pair,
                      struct error *error)
{
    BIO *out = BIO_new(BIO_s_mem());
    BIO *secret = BIO_new(BIO_s_secmem());
    char *text = NULL, *secret_text = NULL;
    bool done = false;
    if (out == NULL || secret == NULL || PEM_write_bio_X509(out, certificate) != 1 ||
        PEM_write_bio_PrivateKey(secret, pair, NULL, NULL, 0, NULL, NULL) != 1) {
        (void)refused("write the PEM texts", error);
        goto out;
    }
    size_t length = (size_t)BIO_get_mem_data(out, &text);
    size_t secret_length = (size_t)BIO_get_mem_data(secret, &secret_text);
    if (buffer_reserve(certificate_pem, length) == NULL || buffer_reserve(key_pem, secret_length) == NULL) {
        (void)error_set(error, ERROR_LIMIT, "no room for a certificate of %zu bytes and a key of %zu", length,
                        secret_length);
        goto out;
    }
    done = buffer_append(certificate_pem, text, length) && buffer_append(key_pem, secret_text, secret_length);
out:
    BIO_free(out);
    BIO_free(secret);
    return done;
}

bool mock_certificate(struct buffer *certificate, struct buffer *key, struct error *error)
{
    bool done = false;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    if (pair == NULL || made == NULL)
        (void)refused("make a P-256 key", error);
    else if (!fill(made, pair))
        (void)refused("fill in the fields", error);
    else
        done = write_pem(certificate, key, made, pair, error);
    X509_free(made);
    EVP_PKEY_free(pair);
    return done;
}
