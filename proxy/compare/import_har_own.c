/* A HAR entry's `_countersign` member: this program's own export, the object of `log show --json` with every view and fact
 * as it was. Pure; any thread. */
#include "import_private.h"

#include "countersign/base64.h"
#include "countersign/compiler.h"
#include "countersign/hex.h"
#include "countersign/redaction.h"

#include <string.h>

enum fact_kind {
    FACT_TEXT,
    FACT_NUMBER_64,
    FACT_NUMBER_32,
    FACT_FLAG,
    FACT_OUTCOME,
    FACT_CLIENT_SIGNATURE,
    FACT_HEX,
    FACT_CHARS
};

struct fact {
    const char *name;
    const char *encoding; /* the member that says "base64" where the text is no UTF-8 */
    enum fact_kind kind;
    size_t offset; /* in struct record */
    size_t size;   /* bytes of HEX and CHARS */
};

#define FACT(name, kind, member)                                                                                       \
    {                                                                                                                  \
        name, name "Encoding", kind, offsetof(struct record, member), sizeof(((struct record *)0)->member)             \
    }

static const struct fact top[] = {
    FACT("listener", FACT_TEXT, listener),
    FACT("account", FACT_TEXT, account),
    FACT("method", FACT_TEXT, method),
    FACT("target", FACT_TEXT, target),
    FACT("outcome", FACT_OUTCOME, outcome),
    FACT("status", FACT_NUMBER_32, status),
    FACT("apiCode", FACT_TEXT, api_code),
    FACT("apiMessage", FACT_TEXT, api_message),
    FACT("error", FACT_TEXT, error_name),
    FACT("errorMessage", FACT_TEXT, error_message),
    FACT("delivered", FACT_FLAG, delivered),
    FACT("attempts", FACT_NUMBER_32, attempts),
    FACT("clientSignature", FACT_CLIENT_SIGNATURE, client_signature),
};

static const struct fact client[] = {
    FACT("address", FACT_TEXT, client_address),
    FACT("uid", FACT_NUMBER_64, client_uid),
};

static const struct fact times[] = {
    FACT("receivedUs", FACT_NUMBER_64, received_us),    FACT("connectedUs", FACT_NUMBER_64, connected_us),
    FACT("signedUs", FACT_NUMBER_64, signed_us),        FACT("sentUs", FACT_NUMBER_64, sent_us),
    FACT("firstByteUs", FACT_NUMBER_64, first_byte_us), FACT("completeUs", FACT_NUMBER_64, complete_us),
    FACT("repliedUs", FACT_NUMBER_64, replied_us),      FACT("waitedUs", FACT_NUMBER_64, waited_us),
};

static const struct fact signing[] = {
    FACT("payloadLength", FACT_NUMBER_64, payload_length),
    FACT("payloadSha256", FACT_HEX, payload_sha256),
    FACT("expiresMs", FACT_NUMBER_64, expires_ms),
    FACT("window", FACT_NUMBER_64, window),
    FACT("signature", FACT_CHARS, signature),
};

static const struct fact own_clock[] = {
    FACT("offsetUs", FACT_NUMBER_64, clock_offset_us),
    FACT("boundUs", FACT_NUMBER_64, clock_bound_us),
};

static const struct fact connection[] = {
    FACT("localAddress", FACT_TEXT, connection.local_address),
    FACT("localPort", FACT_NUMBER_32, connection.local_port),
    FACT("remoteAddress", FACT_TEXT, connection.remote_address),
    FACT("remotePort", FACT_NUMBER_32, connection.remote_port),
    FACT("ipFamily", FACT_NUMBER_32, connection.ip_family),
    FACT("reused", FACT_FLAG, connection.reused),
    FACT("tlsVersion", FACT_TEXT, connection.tls_version),
    FACT("tlsCipher", FACT_TEXT, connection.tls_cipher),
    FACT("httpVersion", FACT_TEXT, connection.http_version),
};

/* The objects in which the facts are; "": the member itself. */
static const struct group {
    const char *name;
    const struct fact *facts;
    size_t count;
} groups[] = {
    { "", top, ARRAY_LENGTH(top) },
    { "client", client, ARRAY_LENGTH(client) },
    { "times", times, ARRAY_LENGTH(times) },
    { "signing", signing, ARRAY_LENGTH(signing) },
    { "clock", own_clock, ARRAY_LENGTH(own_clock) },
    { "connection", connection, ARRAY_LENGTH(connection) },
};

enum { FACTS_MAX = 16 /* in one object */ };

static struct slice without_quotes(struct slice quoted)
{
    return slice_of(quoted.data + 1, quoted.length - 2);
}

static bool decode_text(struct import *import, struct slice *text, struct slice base64, struct error *error)
{
    struct buffer out;
    buffer_init(&out, base64.length + 1);
    bool done = base64_decode(&out, base64) ? import_keep_buffer(import, text, &out, error)
                                            : error_set(error, ERROR_INPUT, "a text is no base64");
    buffer_free(&out);
    return done;
}

static bool take_text(struct import *import, struct slice *text, const struct import_member *value,
                      const struct import_member *encoding, struct error *error)
{
    if (encoding->kind == JSON_STRING && slice_equal_text(encoding->value, "\"base64\""))
        return decode_text(import, text, without_quotes(value->value), error);
    return import_json_text(import, text, value->value, error);
}

/* A whole number, with a sign. */
static bool take_number(int64_t *number, struct slice text)
{
    uint64_t value;
    bool is_negative = slice_starts_with(text, "-");
    if (!slice_to_u64(slice_from(text, is_negative), &value) || value > INT64_MAX)
        return false;
    *number = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool put_number(void *place, enum fact_kind kind, struct slice text)
{
    int64_t number;
    int32_t narrow;
    if (!take_number(&number, text) || (kind == FACT_NUMBER_32 && (number < INT32_MIN || number > INT32_MAX)))
        return false;
    narrow = (int32_t)number;
    if (kind == FACT_NUMBER_32)
        memcpy(place, &narrow, sizeof(narrow));
    else
        memcpy(place, &number, sizeof(number));
    return true;
}

/* A fact that is no text. False where the value is of another kind. */
static bool put_value(void *place, const struct fact *fact, const struct import_member *value)
{
    bool flag = value->kind == JSON_TRUE, is_string = value->kind == JSON_STRING;
    switch (fact->kind) {
    case FACT_NUMBER_64:
    case FACT_NUMBER_32:
        return value->kind == JSON_NUMBER && put_number(place, fact->kind, value->value);
    case FACT_FLAG:
        memcpy(place, &flag, sizeof(flag));
        return flag || value->kind == JSON_FALSE;
    case FACT_OUTCOME:
        return is_string && record_outcome_parse(place, without_quotes(value->value));
    case FACT_CLIENT_SIGNATURE:
        return is_string && record_client_signature_parse(place, without_quotes(value->value));
    case FACT_HEX:
        return is_string && value->value.length == 2 * fact->size + 2 &&
               hex_decode(place, value->value.data + 1, fact->size);
    case FACT_CHARS:
        if (!is_string || value->value.length != fact->size + 2)
            return false;
        memcpy(place, value->value.data + 1, fact->size);
        return true;
    default:
        return false;
    }
}

static bool take_fact(struct import *import, struct record *record, const struct fact *fact,
                      const struct import_member *member, struct error *error)
{
    void *place = (char *)record + fact->offset;
    if (member[0].kind == JSON_END) /* not known: as a new record has it */
        return true;
    if (fact->kind == FACT_TEXT && member[0].kind == JSON_STRING)
        return take_text(import, place, &member[0], &member[1], error);
    return put_value(place, fact, &member[0]) ||
           error_set(error, ERROR_INPUT, "_countersign: `%s` has a value of another kind", fact->name);
}

static bool take_facts(struct import *import, struct record *record, const struct group *group, struct slice object,
                       struct error *error)
{
    struct import_member members[2 * FACTS_MAX];
    for (size_t i = 0; i < group->count; i++) {
        members[2 * i] = (struct import_member){ .name = group->facts[i].name };
        members[2 * i + 1] = (struct import_member){ .name = group->facts[i].encoding };
    }
    if (!import_json_members(object, members, 2 * group->count))
        return error_set(error, ERROR_INPUT, "_countersign: `%s` is no object", group->name);
    for (size_t i = 0; i < group->count; i++) {
        if (!take_fact(import, record, &group->facts[i], &members[2 * i], error))
            return false;
    }
    return true;
}

static bool take_all_facts(struct import *import, struct record *record, struct slice own, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++) {
        struct import_member object = { .name = groups[i].name, .kind = JSON_OBJECT_BEGIN, .value = own };
        if (groups[i].name[0] != '\0' && !import_json_members(own, &object, 1))
            return error_set(error, ERROR_INPUT, "_countersign is no object");
        if (object.kind == JSON_END)
            continue;
        if (!take_facts(import, record, &groups[i], object.value, error))
            return false;
        record->is_signed = record->is_signed || groups[i].facts == signing;
    }
    return true;
}

static bool take_view(struct import *import, struct record_message *message, struct slice view, struct error *error)
{
    enum { HEAD, HEAD_ENCODING, BODY, BODY_ENCODING, COUNT };
    struct import_member member[COUNT] = {
        { .name = "head" }, { .name = "headEncoding" }, { .name = "body" }, { .name = "bodyEncoding" }
    };
    if (!import_json_members(view, member, COUNT))
        return error_set(error, ERROR_INPUT, "_countersign: a view is no object");
    if (member[HEAD].kind == JSON_STRING &&
        !take_text(import, &message->head, &member[HEAD], &member[HEAD_ENCODING], error))
        return error_prefix(error, "_countersign, a head");
    if (member[BODY].kind == JSON_STRING &&
        !take_text(import, &message->body, &member[BODY], &member[BODY_ENCODING], error))
        return error_prefix(error, "_countersign, a body");
    return true;
}

static bool take_views(struct import *import, struct record *record, struct slice own, struct error *error)
{
    struct import_member views = { .name = "views" };
    struct import_member view[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = { .name = "clientRequest" },
        [RECORD_UPSTREAM_REQUEST] = { .name = "upstreamRequest" },
        [RECORD_UPSTREAM_RESPONSE] = { .name = "upstreamResponse" },
        [RECORD_CLIENT_RESPONSE] = { .name = "clientResponse" },
    };
    if (!import_json_members(own, &views, 1) || views.kind != JSON_OBJECT_BEGIN ||
        !import_json_members(views.value, view, RECORD_VIEW_COUNT))
        return error_set(error, ERROR_INPUT, "_countersign has no object `views`");
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) {
        if (view[i].kind != JSON_END && !take_view(import, &record->views[i], view[i].value, error))
            return false;
    }
    return true;
}

/* Forgets what the messages told and the facts tell, too: the answer of a refusal has a code that is not the exchange's. */
static void forget(struct record *record)
{
    const struct slice nothing = { NULL, 0 };
    record->method = record->target = record->api_key_masked = nothing;
    record->api_code = record->api_message = record->error_name = record->error_message = nothing;
    record->outcome = RECORD_IN_FLIGHT;
    record->status = 0;
}

/* The file's masked key, masked once more: somebody may have put a whole one there. */
static bool take_key(struct import *import, struct record *record, struct slice own, struct error *error)
{
    static const char name[] = "X-CS-APIKEY: ";
    struct import_member member = { .name = "apiKeyMasked" };
    struct slice key = { NULL, 0 }, head = { NULL, 0 };
    struct buffer written, masked;
    if (!import_json_members(own, &member, 1) || member.kind != JSON_STRING)
        return true;
    if (!import_json_text(import, &key, member.value, error))
        return false;
    if (!import_value_is_valid(key))
        return error_set(error, ERROR_INPUT, "_countersign: `apiKeyMasked` has a line end in it");
    buffer_init(&written, key.length + sizeof(name));
    buffer_init(&masked, key.length + sizeof(name));
    buffer_append_text(&written, name);
    buffer_append_slice(&written, key);
    (void)redaction_append_head(&masked,
                                buffer_slice(&written)); /* a failure is in the buffer, and keep_buffer says so */
    bool done = import_keep_buffer(import, &head, &masked, error);
    record->api_key_masked = slice_from(head, sizeof(name) - 1);
    buffer_free(&written);
    buffer_free(&masked);
    return done;
}

/* What the messages tell comes first, then the facts, which know better. A refused request may be no message at all, so
 * only the facts must have a method. */
bool import_read_own_entry(struct import *import, struct record *record, struct slice own, struct error *error)
{
    struct error unread = { .kind = ERROR_NONE };
    if (!take_views(import, record, own, error))
        return false;
    if (!import_finish(import, record, "", &unread) && unread.kind != ERROR_INPUT && unread.kind != ERROR_LIMIT)
        return error_set(error, unread.kind, "%s", unread.message);
    forget(record);
    if (!take_all_facts(import, record, own, error) || !take_key(import, record, own, error))
        return false;
    if (record->method.length == 0 || record->target.length == 0)
        return error_set(error, ERROR_INPUT, "_countersign has no `method` and `target`");
    return true;
}
