/* The same server behind TLS, asked by a client of OpenSSL's on a thread of its own. */
#include "front_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>

enum { REQUESTS = 3, BODY = 200 * 1024, PEM_MAX = 8192 };

struct credentials {
    char certificate[PEM_MAX];
    char key[PEM_MAX];
};

static void copy_pem(char *text, BIO *bio)
{
    int length = BIO_read(bio, text, PEM_MAX - 1);
    assert_true(length > 0);
    text[length] = '\0';
    BIO_free(bio);
}

static void make_credentials(struct credentials *credentials)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *certificate_pem = BIO_new(BIO_s_mem());
    BIO *key_pem = BIO_new(BIO_s_mem());
    assert_true(key != NULL && certificate != NULL && certificate_pem != NULL && key_pem != NULL);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(certificate_pem, certificate), 1);
    assert_int_equal(PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL), 1);
    copy_pem(credentials->certificate, certificate_pem);
    copy_pem(credentials->key, key_pem);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

struct tls_client {
    struct sockaddr_storage address;
    socklen_t address_length;
    struct buffer request; /* sent REQUESTS times, each after the last answer */
    struct slice answer;   /* what must come each time */
    const char *failed;    /* NULL: all went well */
};

static const char *read_answer(SSL *ssl, struct slice answer)
{
    char bytes[4096];
    size_t length = 0;
    while (length < answer.length) {
        int count = SSL_read(ssl, bytes + length, (int)(sizeof(bytes) - length));
        if (count <= 0)
            return "read";
        length += (size_t)count;
    }
    return slice_equal(slice_of(bytes, length), answer) ? NULL : "answer";
}

static const char *converse(SSL *ssl, struct tls_client *client, int fd)
{
    if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        return "handshake";
    for (int i = 0; i < REQUESTS; i++) {
        if (SSL_write(ssl, client->request.data, (int)client->request.length) <= 0)
            return "write";
        const char *failed = read_answer(ssl, client->answer);
        if (failed != NULL)
            return failed;
    }
    (void)SSL_shutdown(ssl); /* the server need not answer */
    return NULL;
}

static void *run_client(void *context)
{
    struct tls_client *client = context;
    SSL_CTX *settings = SSL_CTX_new(TLS_client_method());
    SSL *ssl = settings == NULL ? NULL : SSL_new(settings);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ssl == NULL || connect(fd, (struct sockaddr *)&client->address, client->address_length) != 0)
        client->failed = "connect";
    else
        client->failed = converse(ssl, client, fd);
    SSL_free(ssl);
    SSL_CTX_free(settings);
    (void)close(fd); /* nothing is left to be sent */
    return NULL;
}

static struct front_request *pending;

/* Answers in the loop's next turn, as an exchange would. */
static void answer_pending(struct loop_timer *timer)
{
    struct fixture *fixture = timer->context;
    answer(fixture, pending);
}

static void see_and_delay(void *context, struct front_request *request)
{
    static struct loop_timer timer;
    struct fixture *fixture = context;
    see_request(context, request);
    pending = request;
    timer = (struct loop_timer){ .expired = answer_pending, .context = fixture };
    loop_timer_start(fixture->loop, &timer, 1000);
}

static void assert_conversation(bool answer_later)
{
    static struct credentials credentials;
    static const char answer_text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct fixture *fixture = fixture_open_default();
    struct front_options options = fixture->options;
    struct error error;
    front_close(fixture->front);
    make_credentials(&credentials);
    options.body_max = BODY;
    options.tls_certificate = credentials.certificate;
    options.tls_key = credentials.key;
    options.listen_fd = fixture_listen(fixture, "127.0.0.1:0");
    if (answer_later)
        options.handler.request = see_and_delay;
    fixture->answer_later = answer_later;
    assert_true(front_open(&fixture->front, &options, &error));
    struct tls_client client = { .address = fixture->address,
                                 .address_length = fixture->address_length,
                                 .answer = SLICE_LITERAL(answer_text) };
    buffer_init(&client.request, CLIENT_MAX);
    buffer_append_format(&client.request, "POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%*d", BODY, BODY,
                         7);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
    wait_for_finished(fixture, REQUESTS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(client.failed);
    assert_int_equal(fixture->delivered, REQUESTS);
    assert_int_equal(last_seen(fixture)->body.length, BODY);
    assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_NONE);
    buffer_free(&client.request);
    fixture_close(fixture);
}

static void requests_over_tls_are_answered_at_once(void **state)
{
    (void)state;
    assert_conversation(false);
}

static void requests_over_tls_are_answered_later(void **state)
{
    (void)state;
    assert_conversation(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_over_tls_are_answered_at_once),
        cmocka_unit_test(requests_over_tls_are_answered_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
