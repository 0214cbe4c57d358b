/* Any datagrams from the proxy process to the signer: each is two bytes of length (the lower first) and so many bytes; the
 * length FUZZ_RENEW stands for keys that were read anew. Held: a key is given of the generation in force and for a window
 * next to the signer's own alone, and every answer is one that the proxy takes. */
#include "signer/session.h"
#include "signer/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_RENEW = 0xffff };

static const int64_t now_ms = 1770742394290; /* window 59024746 */

static char key[] = "3a1f5c7e9b2d4f6a8c0e1b3d5f7a9c2e", secret[] = "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e";
static struct signer_account accounts[] = {
    { .api_key = { key, sizeof(key) - 1 }, .api_secret = { secret, sizeof(secret) - 1 } },
    { .api_key = { key, 1 }, .api_secret = { secret, 1 } },
};
static struct config_account account_configs[] = { { .name = "first" },
                                                   { .name = "second", .clock = CONFIG_CLOCK_EXCHANGE } };
static const struct config config = { .accounts = account_configs, .account_count = 2 };
static const struct signer signer = { .config = &config, .accounts = accounts };

static void require(bool held)
{
    if (!held)
        abort();
}

static void check_key(const struct signer_wire_message *answer, const struct signer_wire_message *request,
                      uint64_t generation)
{
    bool follows = account_configs[request->account].clock == CONFIG_CLOCK_EXCHANGE;
    int64_t most_ms = follows ? SIGNER_WIRE_OFFSET_MAX_MS : 0;
    bool may = request->offset_ms >= -most_ms && request->offset_ms <= most_ms;
    uint64_t own = scheme_window(now_ms + (may ? request->offset_ms : 0));
    struct wire_wanted wanted = { request->generation, request->account, request->window, request->offset_ms };
    bool is_near = may && request->window >= own - 1 && request->window <= own + 1;
    require(wire_is_key(answer, &wanted));
    if (request->generation != generation)
        require(answer->status == SIGNER_WIRE_REPLACED && request->generation < generation);
    else
        require(answer->status == (is_near ? SIGNER_WIRE_OK : SIGNER_WIRE_WINDOW_REFUSED));
}

/* All accounts of the generation in force, in their order. */
static void take_accounts(struct signer_session *session)
{
    struct signer_wire_message told;
    for (size_t i = 0; i < config.account_count; i++) {
        require(session_owes(session));
        session_next(&told, session);
        require(wire_is_account(&told, i, session->generation));
        session_sent(session);
    }
    require(!session_owes(session));
}

static bool take_datagram(struct signer_session *session, struct slice datagram)
{
    struct signer_wire_message request;
    if (!wire_parse(&request, datagram.data, datagram.length) || !session_take(session, &request, now_ms))
        return false; /* the service has ended */
    if (request.type == SIGNER_WIRE_HELLO) {
        take_accounts(session);
        return true;
    }
    struct signer_wire_message answer;
    require(session_owes(session));
    session_next(&answer, session);
    check_key(&answer, &request, session->generation);
    session_sent(session);
    require(!session_owes(session));
    return true;
}

static void renew(struct signer_session *session)
{
    if (!session_is_at_rest(session))
        return;
    session_renew(session);
    take_accounts(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct signer_session session;
    struct slice rest = slice_of(data, size);
    session_begin(&session, &signer);
    while (rest.length >= 2) {
        size_t length = (size_t)(unsigned char)rest.data[0] + 256 * (size_t)(unsigned char)rest.data[1];
        rest = slice_from(rest, 2);
        if (length == FUZZ_RENEW) {
            renew(&session);
            continue;
        }
        if (!take_datagram(&session, slice_first(rest, length)))
            break;
        rest = slice_from(rest, length);
    }
    session_end(&session);
    return 0;
}
