/* The signer's side of the protocol: HELLO is answered with the accounts, once; KEY_WANTED with a key, for the windows
 * around now alone; accounts that were read anew are told unasked; TOKEN_WANTED with a listener's token. Signer process;
 * pure but for its own state. */
#include "session.h"

#include "tokens.h"

#include <openssl/crypto.h>
#include <string.h>

enum { SESSION_WINDOWS_AROUND = 1 }; /* how far a window may be from the signer's own */

void session_begin(struct signer_session *session, const struct signer *signer)
{
    *session = (struct signer_session){ .signer = signer, .generation = 1 };
}

static bool accounts_owed(const struct signer_session *session)
{
    return session->greeted && session->accounts_told < session->signer->config->account_count;
}

bool session_owes(const struct signer_session *session)
{
    return accounts_owed(session) || session->answer_waits;
}

bool session_is_at_rest(const struct signer_session *session)
{
    return session->greeted && !session_owes(session);
}

void session_renew(struct signer_session *session)
{
    session->generation++;
    session->accounts_told = 0;
}

static bool window_is_near(uint64_t window, uint64_t own)
{
    return (window > own ? window - own : own - window) <= SESSION_WINDOWS_AROUND;
}

/* The signer's own time, or the one that the account's configuration lets the proxy correct it to. False: it may not. */
static bool corrected_ms(int64_t *time_ms, const struct signer_session *session,
                         const struct signer_wire_message *wanted, int64_t now_ms)
{
    bool follows = session->signer->config->accounts[wanted->account].clock == CONFIG_CLOCK_EXCHANGE;
    int64_t most_ms = follows ? SIGNER_WIRE_OFFSET_MAX_MS : 0;
    if (wanted->offset_ms < -most_ms || wanted->offset_ms > most_ms)
        return false;
    *time_ms = now_ms + wanted->offset_ms;
    return *time_ms >= 0;
}

static void answer_key(struct signer_session *session, const struct signer_wire_message *wanted, int64_t now_ms)
{
    struct signer_wire_message *answer = &session->answer;
    int64_t time_ms;
    wire_begin(answer, SIGNER_WIRE_KEY);
    answer->generation = wanted->generation;
    answer->account = wanted->account;
    answer->window = wanted->window;
    if (wanted->generation != session->generation)
        answer->status = SIGNER_WIRE_REPLACED;
    else if (!corrected_ms(&time_ms, session, wanted, now_ms) ||
             !window_is_near(wanted->window, scheme_window(time_ms)))
        answer->status = SIGNER_WIRE_WINDOW_REFUSED;
    else if (!signer_window_key(&answer->body.key, session->signer, wanted->account, wanted->window, NULL))
        answer->status = SIGNER_WIRE_FAILED;
    session->answer_waits = true;
}

bool session_take(struct signer_session *session, const struct signer_wire_message *message, int64_t now_ms)
{
    bool is_hello = message->type == SIGNER_WIRE_HELLO;
    if (!session->greeted && tokens_is_question(message, session->signer->config->listener_count)) {
        tokens_answer(&session->answer, session->signer, message->account);
        session->answer_waits = true;
        return true;
    }
    if (!wire_is_request(message, session->signer->config->account_count, session->generation) ||
        is_hello == session->greeted)
        return false; /* HELLO comes first and once */
    if (is_hello)
        session->greeted = true;
    else
        answer_key(session, message, now_ms);
    return true;
}

static void make_account(struct signer_wire_message *message, const struct signer_session *session)
{
    const struct signer *signer = session->signer;
    size_t account = session->accounts_told;
    struct slice api_key = secret_slice(&signer->accounts[account].api_key); /* signer_open saw that both fit */
    const char *name = signer->config->accounts[account].name;
    wire_begin(message, SIGNER_WIRE_ACCOUNT);
    message->generation = session->generation;
    message->account = (uint32_t)account;
    message->last = account + 1 == signer->config->account_count ? 1 : 0;
    message->body.account_info.api_key_length = (uint32_t)api_key.length;
    message->body.account_info.changed = signer->accounts[account].changed ? 1 : 0;
    memcpy(message->body.account_info.name, name, strnlen(name, SIGNER_WIRE_NAME_MAX));
    memcpy(message->body.account_info.api_key, api_key.data, api_key.length);
}

void session_next(struct signer_wire_message *message, const struct signer_session *session)
{
    if (accounts_owed(session))
        make_account(message, session);
    else
        *message = session->answer;
}

void session_sent(struct signer_session *session)
{
    if (accounts_owed(session))
        session->accounts_told++;
    else
        session_end(session);
}

void session_end(struct signer_session *session)
{
    OPENSSL_cleanse(&session->answer, sizeof(session->answer));
    session->answer_waits = false;
}
