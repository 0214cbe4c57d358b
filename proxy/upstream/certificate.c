/* What the other side's certificate says, for who looks for a cause. OpenSSL verifies exactly as it does without this; the
 * result is only looked at on its way. Owns nothing; the loop's thread. */
#include "upstream_internal.h"

#include "countersign/compiler.h"
#include "countersign/slice.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    int code;
    enum upstream_trust trust;
} verdicts[] = {
    { X509_V_OK, UPSTREAM_TRUSTED },
    { X509_V_ERR_CERT_HAS_EXPIRED, UPSTREAM_CERTIFICATE_EXPIRED },
    { X509_V_ERR_CERT_NOT_YET_VALID, UPSTREAM_CERTIFICATE_NOT_YET_VALID },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, UPSTREAM_ISSUER_UNKNOWN },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, UPSTREAM_ISSUER_UNKNOWN },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, UPSTREAM_ISSUER_UNKNOWN },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, UPSTREAM_ISSUER_UNKNOWN },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, UPSTREAM_ISSUER_UNKNOWN },
};

static enum upstream_trust trust_of(int code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verdicts); i++) {
        if (verdicts[i].code == code)
            return verdicts[i].trust;
    }
    return UPSTREAM_CERTIFICATE_REFUSED;
}

static void copy_cut(char *text, const void *bytes, size_t length)
{
    size_t kept = length < UPSTREAM_CERTIFICATE_TEXT_MAX ? length : UPSTREAM_CERTIFICATE_TEXT_MAX - 1;
    memcpy(text, bytes, kept);
    text[kept] = '\0';
}

/* False where the name has no such part. */
static bool copy_name_part(char *text, const X509_NAME *name, int part)
{
    unsigned char *utf8 = NULL;
    int at = X509_NAME_get_index_by_NID(name, part, -1);
    if (at < 0)
        return false;
    int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (length < 0)
        return false;
    copy_cut(text, utf8, (size_t)length);
    OPENSSL_free(utf8);
    return true;
}

/* Roots of old have an organisation in the place of a common name. */
static void copy_name(char *text, const X509_NAME *name)
{
    if (!copy_name_part(text, name, NID_commonName) && !copy_name_part(text, name, NID_organizationName))
        text[0] = '\0';
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

enum { HOST_MAX = 256 /* bytes of a name with its NUL; the longest has 253: RFC 1035 */ };

/* `host` is as in the Host field: "name:port", "[::1]:port". */
static bool names_host(X509 *certificate, const char *host)
{
    char name[HOST_MAX];
    struct slice text = slice_text(host);
    bool is_bracketed = slice_starts_with(text, "[");
    text = is_bracketed ? slice_from(slice_first(text, slice_find(text, ']')), 1)
                        : slice_first(text, slice_find(text, ':'));
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGUMENTS(text)); /* one that is cut is nobody's */
    return X509_check_ip_asc(certificate, name, 0) == 1 || X509_check_host(certificate, name, 0, 0, NULL) == 1;
}

static void describe(struct upstream_certificate *made, X509_STORE_CTX *verified)
{
    int code = X509_STORE_CTX_get_error(verified);
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verified);
    const X509 *at_fault = code == X509_V_OK ? NULL : X509_STORE_CTX_get_current_cert(verified);
    const X509 *shown = at_fault != NULL ? at_fault : X509_STORE_CTX_get0_cert(verified);
    *made = (struct upstream_certificate){ .trust = trust_of(code) };
    if (chain != NULL && sk_X509_num(chain) > 0)
        made->chain_length = (unsigned)sk_X509_num(chain);
    if (code != X509_V_OK) {
        const char *reason = X509_verify_cert_error_string(code);
        copy_cut(made->reason, reason, strlen(reason));
    }
    if (shown == NULL)
        return;
    copy_name(made->subject, X509_get_subject_name(shown));
    copy_name(made->issuer, X509_get_issuer_name(shown));
    made->not_before_s = seconds_of(X509_get0_notBefore(shown));
    made->not_after_s = seconds_of(X509_get0_notAfter(shown));
}

/* In the place of OpenSSL's own call of X509_verify_cert, whose result it hands on as it is. */
static int verify(X509_STORE_CTX *context, void *argument)
{
    struct upstream *upstream = argument;
    int result = X509_verify_cert(context);
    describe(&upstream->certificate, context);
    X509 *own = X509_STORE_CTX_get0_cert(context);
    upstream->certificate.is_for_host = own != NULL && names_host(own, upstream->host);
    upstream->has_certificate = true;
    return result;
}

/* Each connection has a context of its own, which does not outlive the upstream. */
static CURLcode prepare(CURL *easy, void *tls_context, void *argument)
{
    (void)easy; /* the call's own */
    SSL_CTX_set_cert_verify_callback(tls_context, verify, argument);
    return CURLE_OK;
}

bool certificate_watch(CURL *easy, struct upstream *upstream)
{
    if (!upstream->options.describe_certificate)
        return true;
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, prepare) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, upstream) == CURLE_OK;
}

bool upstream_last_certificate(struct upstream_certificate *certificate, const struct upstream *upstream)
{
    if (upstream->has_certificate)
        *certificate = upstream->certificate;
    return upstream->has_certificate;
}
