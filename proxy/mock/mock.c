/* The mock exchange itself: its fronts, its key, its memory. The loop's thread. */
#include "room.h"

#include "countersign/clock.h"

#include <stdlib.h>
#include <string.h>

int64_t mock_now_ms(const struct mock *mock)
{
    return (mock->wall_us() + mock->rehearsal.clock_offset_us) / 1000;
}

void mock_forget(struct mock *mock)
{
    account_init(&mock->account);
    book_init(&mock->book);
    orders_init(&mock->orders);
    mock->trades.count = mock->trades.matches = 0;
    mock->withdrawals.count = 0;
}

static bool open_front(struct mock *mock, int listen_fd, const struct mock_options *options, struct error *error)
{
    int64_t idle_timeout_us = mock->rehearsal.idle_timeout_us;
    struct front_options front = {
        .loop = options->loop,
        .listen_fd = listen_fd,
        .header_max = MOCK_HEADER_MAX,
        .body_max = MOCK_BODY_MAX,
        .connections_max = MOCK_CONNECTIONS_MAX,
        .idle_timeout_us = idle_timeout_us == 0 ? MOCK_IDLE_TIMEOUT_US : idle_timeout_us,
        .tls_certificate = options->tls_certificate,
        .tls_key = options->tls_key,
        .handler = mock_front_handler(),
        .context = mock,
    };
    return front_open(&mock->fronts[mock->front_count], &front, error);
}

static bool open_fronts(struct mock *mock, const struct mock_options *options, struct error *error)
{
    if (options->listen_count > MOCK_LISTEN_MAX)
        return error_set(error, ERROR_LIMIT, "the mock exchange listens at %d addresses at most", MOCK_LISTEN_MAX);
    for (size_t i = 0; i < options->listen_count; i++) {
        if (!open_front(mock, options->listen_fds[i], options, error))
            return false;
        mock->front_count++;
        options->listen_fds[i] = -1;
    }
    return true;
}

bool mock_open(struct mock **mock, const struct mock_options *options, struct error *error)
{
    struct mock *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the mock exchange");
    made->loop = options->loop;
    made->log_requests = options->log_requests;
    made->wall_us = clock_wall_us;
    made->rehearsal = options->rehearsal == NULL ? MOCK_NO_REHEARSAL : *options->rehearsal;
    rehearsal_begin(&made->rehearsing, &made->rehearsal);
    mock_forget(made);
    made->api_key = strdup(options->api_key);
    made->api_secret = strdup(options->api_secret);
    if (made->api_key == NULL || made->api_secret == NULL) {
        (void)error_set(error, ERROR_MEMORY, "out of memory for the mock exchange's key");
        goto fail;
    }
    if (!scheme_hmac_create(&made->hmac, error) || !open_fronts(made, options, error))
        goto fail;
    *mock = made;
    return true;
fail:
    mock_close(made);
    return false;
}

void mock_close(struct mock *mock)
{
    if (mock == NULL)
        return;
    for (size_t i = 0; i < mock->front_count; i++)
        front_close(mock->fronts[i]);
    scheme_hmac_free(mock->hmac);
    if (mock->api_secret != NULL)
        explicit_bzero(mock->api_secret, strlen(mock->api_secret));
    free(mock->api_secret);
    free(mock->api_key);
    free(mock);
}
