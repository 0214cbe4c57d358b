/* The signature that a client brings itself: checked in passing, with the window keys that are at hand anyway, and never in
 * the request's way. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/log.h"

#include <string.h>

enum { WINDOWS_APART_MAX = 1 /* the exchange's clock and ours are two, and a request takes its time */ };

/* What the client signed with. */
struct brought {
    struct slice api_key;
    struct slice signature;
    int64_t expires_ms;
};

/* Which of two fields of one name the exchange looks at is not documented. */
static bool take_only(struct slice *value, struct http_fields fields, const char *name)
{
    const struct http_field *field = http_field_find(fields, name);
    if (field == NULL || http_field_count(fields, name) != 1)
        return false;
    *value = field->value;
    return value->length > 0;
}

static bool read_fields(struct brought *brought, struct http_fields fields)
{
    struct slice text;
    uint64_t expires;
    if (!take_only(&brought->api_key, fields, SCHEME_FIELD_APIKEY) ||
        !take_only(&brought->signature, fields, SCHEME_FIELD_SIGN) || !take_only(&text, fields, SCHEME_FIELD_EXPIRES) ||
        !slice_to_u64(text, &expires) || expires > INT64_MAX)
        return false;
    brought->expires_ms = (int64_t)expires;
    return true;
}

static bool is_of(const struct signer_client_api_key *api_key, const struct brought *brought)
{
    return scheme_equal_constant_time(brought->api_key, signer_client_api_key_slice(api_key));
}

static bool is_of_account(const struct exchange *exchange, const struct brought *brought)
{
    const struct exchange_listener *listener = exchange->listener;
    struct signer_client_api_key api_key;
    signer_client_api_key(&api_key, listener->worker->signer, listener->account);
    return is_of(&api_key, brought);
}

static bool is_near(uint64_t window, int64_t received_us)
{
    uint64_t received = scheme_window(received_us / 1000);
    return (window > received ? window - received : received - window) <= WINDOWS_APART_MAX;
}

/* A window near the receipt's is one that the signer gives a key for: then it is asked for, for the next time. */
static bool pair_at_hand(struct signer_client_pair *pair, const struct exchange *exchange, uint64_t window)
{
    const struct exchange_listener *listener = exchange->listener;
    struct signer_client *signer = listener->worker->signer;
    if (is_near(window, exchange->record.received_us))
        return signer_client_window_key(pair, signer, listener->account, window) == SIGNER_CLIENT_KEY_READY;
    return signer_client_held_key(pair, signer, listener->account, window);
}

static enum record_client_signature check_with(const struct scheme_window_key *key, const struct exchange *exchange,
                                               const struct brought *brought, uint64_t window)
{
    struct front_request *request = exchange->request;
    struct error error;
    char right[SCHEME_SIGNATURE_LENGTH];
    if (!scheme_sign(right, exchange->listener->worker->hmac, key, http_target_query(front_request_target(request)),
                     front_request_body(request), &error)) {
        log_error("cannot check the client's signature of exchange %lld: %s", (long long)exchange->record.id,
                  error.message);
        return RECORD_CLIENT_SIGNATURE_UNKNOWN;
    }
    if (!scheme_equal_constant_time(brought->signature, slice_of(right, sizeof(right))))
        return RECORD_CLIENT_SIGNATURE_WRONG;
    return is_near(window, exchange->record.received_us) ? RECORD_CLIENT_SIGNATURE_RIGHT
                                                         : RECORD_CLIENT_SIGNATURE_STALE;
}

/* With the pair that is in use now: the account's API key may be replaced at any moment. */
static enum record_client_signature check(const struct exchange *exchange, const struct brought *brought)
{
    uint64_t window = scheme_window(brought->expires_ms);
    struct signer_client_pair pair;
    if (!is_of_account(exchange, brought))
        return RECORD_CLIENT_SIGNATURE_OTHER_KEY;
    if (!pair_at_hand(&pair, exchange, window))
        return RECORD_CLIENT_SIGNATURE_UNKNOWN;
    enum record_client_signature signature = is_of(&pair.api_key, brought)
                                                 ? check_with(&pair.window_key, exchange, brought, window)
                                                 : RECORD_CLIENT_SIGNATURE_OTHER_KEY;
    explicit_bzero(&pair.window_key, sizeof(pair.window_key));
    return signature;
}

/* What this proxy would note of its own signature, of the client's. Another's API key is no account's of ours. */
static void take_over(struct exchange *exchange, const struct brought *brought)
{
    struct record *record = &exchange->record;
    record->expires_ms = brought->expires_ms;
    record->window = scheme_window(brought->expires_ms);
    if (brought->signature.length == sizeof(record->signature))
        memcpy(record->signature, brought->signature.data, sizeof(record->signature));
    if (record->client_signature != RECORD_CLIENT_SIGNATURE_OTHER_KEY)
        exchange_note_api_key(exchange, brought->api_key); /* as long as the account's, so it has room */
}

/* A client that signs wrong does so with each request: one line for each kind, the record has the others. */
static void tell_once(const struct exchange *exchange)
{
    static const char *const words[RECORD_CLIENT_SIGNATURE_COUNT] = {
        [RECORD_CLIENT_SIGNATURE_WRONG] = "is wrong",
        [RECORD_CLIENT_SIGNATURE_STALE] = "is right, but for a time too far from now",
        [RECORD_CLIENT_SIGNATURE_OTHER_KEY] = "is of another API key than this listener's account has",
        [RECORD_CLIENT_SIGNATURE_UNREADABLE] = "comes without a key or expires, or with one that cannot be read",
        [RECORD_CLIENT_SIGNATURE_UNKNOWN] = "could not be checked: the key of its window was not at hand",
    };
    struct exchange_listener *listener = exchange->listener;
    enum record_client_signature signature = exchange->record.client_signature;
    const char *name = record_client_signature_name(signature);
    if (words[signature] == NULL || listener->told[signature])
        return;
    listener->told[signature] = true;
    const struct log_value values[] = {
        { "event", "client-signature", 0 },
        { "id", NULL, exchange->record.id },
        { "listener", listener->name, 0 },
        { "client_signature", name, 0 },
        { NULL, NULL, 0 },
    };
    log_line_values(LOG_LEVEL_WARNING, values,
                    "listener %s: the client's own signature of exchange %lld %s: see `countersign log show %lld`; "
                    "`countersign log --client-signature %s` lists those that follow",
                    listener->name, (long long)exchange->record.id, words[signature], (long long)exchange->record.id,
                    name);
}

void exchange_look_at_client_signature(struct exchange *exchange)
{
    struct http_fields fields = front_request_fields(exchange->request);
    struct record *record = &exchange->record;
    struct brought brought;
    if (front_request_defect(exchange->request) != FRONT_DEFECT_NONE)
        return; /* its body may be left out */
    if (http_field_find(fields, SCHEME_FIELD_SIGN) == NULL) {
        record->client_signature = RECORD_CLIENT_SIGNATURE_NONE;
        return;
    }
    bool is_read = read_fields(&brought, fields);
    if (!is_read)
        record->client_signature = RECORD_CLIENT_SIGNATURE_UNREADABLE;
    else
        record->client_signature = check(exchange, &brought);
    if (is_read && exchange->listener->mode == EXCHANGE_OBSERVE)
        take_over(exchange, &brought);
    tell_once(exchange);
}
