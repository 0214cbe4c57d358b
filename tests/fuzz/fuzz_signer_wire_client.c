/* Any datagrams from the signer to the proxy process: each is two bytes of length (the lower first) and so many bytes;
 * then the socket ends. Held: the accounts that are taken are whole texts, a generation's are as many and have the names of
 * the first one's, a key that is taken is hexadecimal. */
#include "signer/client_link.h"
#include "signer/wire.h"

#include "countersign/hex.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_DATAGRAM_MAX = 1024, FUZZ_WINDOW = 59024746 };

static void require(bool held)
{
    if (!held)
        abort();
}

static void send_datagrams(int fd, struct slice rest)
{
    while (rest.length >= 2) {
        size_t length = (size_t)(unsigned char)rest.data[0] + 256 * (size_t)(unsigned char)rest.data[1];
        rest = slice_from(rest, 2);
        struct slice datagram = slice_first(rest, length < FUZZ_DATAGRAM_MAX ? length : FUZZ_DATAGRAM_MAX);
        if (send(fd, datagram.data, datagram.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return; /* full: that was enough */
        rest = slice_from(rest, length);
    }
}

static void check_account(const struct news_account *account)
{
    size_t length = account->api_key.length;
    require(strnlen(account->name, sizeof(account->name)) <= SIGNER_WIRE_NAME_MAX);
    require(length > 0 && length <= SIGNER_WIRE_API_KEY_MAX);
    require(wire_is_visible(signer_client_api_key_slice(&account->api_key)) &&
            wire_is_visible(slice_text(account->name)));
}

static void check_news(const struct client_news *news)
{
    require(news->taken == 0 && news->count > 0 && news->count <= CLIENT_ACCOUNTS_MAX);
    for (size_t i = 0; i < news->count; i++)
        check_account(&news->accounts[i]);
}

static void run(struct client_link *link)
{
    struct scheme_window_key key;
    unsigned char bytes[SCHEME_WINDOW_KEY_LENGTH / 2];
    struct error error;
    if (!link_greet(link, &error))
        return;
    size_t count = link->news.count;
    for (;;) {
        struct wire_wanted wanted = { .generation = link->news.generation, .window = FUZZ_WINDOW };
        check_news(&link->news);
        require(link->news.count == count);
        enum link_result result = link_fetch_key(&key, link, &wanted, &error);
        if (result == LINK_FAILED)
            return;
        require((result == LINK_REPLACED) == (link->news.generation != wanted.generation));
        if (result == LINK_KEY)
            require(hex_decode(bytes, key.text, sizeof(bytes)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    struct client_link link = { .fd = ends[0], .wake = -1, .deadline_us = CLIENT_NO_DEADLINE };
    atomic_init(&link.stop, false);
    send_datagrams(ends[1], slice_of(data, size));
    require(shutdown(ends[1], SHUT_WR) == 0);
    run(&link);
    news_end(&link.news);
    (void)close(ends[0]); /* nothing is lost that matters */
    (void)close(ends[1]);
    return 0;
}
