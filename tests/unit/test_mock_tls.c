/* The mock exchange over TLS, and the certificate it makes: what OpenSSL as a client says of both. */
#include "mock_rig.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { PEM_MAX = 16384 };

struct tls_rig {
    struct rig rig;
    struct buffer certificate;
    struct buffer key;
};

static int start(void **state)
{
    struct tls_rig *tls = calloc(1, sizeof(*tls));
    struct error error = { .kind = ERROR_NONE };
    assert_non_null(tls);
    buffer_init(&tls->certificate, PEM_MAX);
    buffer_init(&tls->key, PEM_MAX);
    assert_true(mock_certificate(&tls->certificate, &tls->key, &error));
    struct mock_options options = { .tls_certificate = buffer_text(&tls->certificate),
                                    .tls_key = buffer_text(&tls->key) };
    rig_start(&tls->rig, &options);
    *state = tls;
    return 0;
}

static int stop(void **state)
{
    struct tls_rig *tls = *state;
    rig_stop(&tls->rig);
    buffer_free(&tls->certificate);
    buffer_free(&tls->key);
    free(tls);
    return 0;
}

static X509 *read_certificate(const struct buffer *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->length);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

/* A client that trusts this certificate alone. */
static SSL_CTX *trusting(const struct buffer *pem)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    X509 *anchor = read_certificate(pem);
    assert_non_null(context);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), anchor), 1);
    X509_free(anchor);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    assert_int_equal(X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_X509_STRICT), 1);
    return context;
}

/* Shakes hands and, where that worked, exchanges a request; returns the certificate's verdict. */
static long exchange(struct rig *rig, SSL_CTX *context, const char *host, bool is_address)
{
    static const char request[] = "GET /api/v1/market/tickers HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n";
    SSL *ssl = SSL_new(context);
    int fd = rig_connect(rig);
    size_t length = 0, got = 0;
    assert_non_null(ssl);
    assert_int_equal(is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) : SSL_set1_host(ssl, host),
                     1);
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    bool shaken = SSL_connect(ssl) == 1;
    long verdict = SSL_get_verify_result(ssl);
    assert_int_equal(shaken, verdict == X509_V_OK);
    if (shaken) {
        assert_int_equal(SSL_write(ssl, request, sizeof(request) - 1), sizeof(request) - 1);
        while (SSL_read_ex(ssl, rig->answer + length, sizeof(rig->answer) - 1 - length, &got) == 1)
            length += got;
        rig_split(rig, length);
    }
    SSL_free(ssl);
    (void)close(fd);
    return verdict;
}

static void a_client_that_trusts_the_certificate_is_answered_under_each_name(void **state)
{
    struct tls_rig *tls = *state;
    static const struct {
        const char *host;
        bool is_address;
    } names[] = { { "localhost", false }, { "127.0.0.1", true }, { "::1", true } };
    SSL_CTX *context = trusting(&tls->certificate);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        assert_int_equal(exchange(&tls->rig, context, names[i].host, names[i].is_address), X509_V_OK);
        assert_int_equal(tls->rig.status, 200);
        assert_holds(&tls->rig, "9.1E-10");
    }
    SSL_CTX_free(context);
}

static void another_name_does_not_match_the_certificate(void **state)
{
    struct tls_rig *tls = *state;
    SSL_CTX *context = trusting(&tls->certificate);
    assert_int_equal(exchange(&tls->rig, context, "api.coinstore.com", false), X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(exchange(&tls->rig, context, "127.0.0.2", true), X509_V_ERR_IP_ADDRESS_MISMATCH);
    SSL_CTX_free(context);
}

static void a_client_that_trusts_another_certificate_refuses_this_one(void **state)
{
    struct tls_rig *tls = *state;
    struct buffer certificate, key;
    struct error error = { .kind = ERROR_NONE };
    buffer_init(&certificate, PEM_MAX);
    buffer_init(&key, PEM_MAX);
    assert_true(mock_certificate(&certificate, &key, &error));
    SSL_CTX *context = trusting(&certificate);
    assert_int_not_equal(exchange(&tls->rig, context, "localhost", false), X509_V_OK);
    SSL_CTX_free(context);
    buffer_free(&certificate);
    buffer_free(&key);
}

static void the_certificate_is_valid_from_an_hour_ago_for_thirty_days(void **state)
{
    struct tls_rig *tls = *state;
    X509 *certificate = read_certificate(&tls->certificate);
    time_t now = time(NULL), before = now - 3600 + 60, late = now + 30 * 24 * 3600 - 60, after = late + 120;
    assert_true(X509_cmp_time(X509_get0_notBefore(certificate), &before) < 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(certificate), &late) > 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(certificate), &after) < 0);
    X509_free(certificate);
}

static void the_key_belongs_to_the_certificate_and_is_p_256(void **state)
{
    struct tls_rig *tls = *state;
    X509 *certificate = read_certificate(&tls->certificate);
    BIO *bio = BIO_new_mem_buf(tls->key.data, (int)tls->key.length);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    char group[32] = "";
    assert_non_null(key);
    assert_int_equal(X509_check_private_key(certificate, key), 1);
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
    EVP_PKEY_free(key);
    BIO_free(bio);
    X509_free(certificate);
}

static void a_buffer_too_small_for_the_certificate_is_an_error(void **state)
{
    (void)state;
    struct buffer certificate, key;
    struct error error = { .kind = ERROR_NONE };
    buffer_init(&certificate, PEM_MAX);
    buffer_init(&key, 16);
    assert_false(mock_certificate(&certificate, &key, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_int_equal(certificate.length, 0);
    assert_int_equal(key.length, 0);
    buffer_free(&certificate);
    buffer_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_that_trusts_the_certificate_is_answered_under_each_name, start, stop),
        cmocka_unit_test_setup_teardown(another_name_does_not_match_the_certificate, start, stop),
        cmocka_unit_test_setup_teardown(a_client_that_trusts_another_certificate_refuses_this_one, start, stop),
        cmocka_unit_test_setup_teardown(the_certificate_is_valid_from_an_hour_ago_for_thirty_days, start, stop),
        cmocka_unit_test_setup_teardown(the_key_belongs_to_the_certificate_and_is_p_256, start, stop),
        cmocka_unit_test(a_buffer_too_small_for_the_certificate_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
