/* Who may ask, by the token it brings. Pure; any thread. */
#include "countersign/caller.h"

#include "field_name.h"

#include <openssl/crypto.h>
#include <string.h>

void caller_token_set(struct caller_token *token, struct slice value)
{
    *token = (struct caller_token){ .length = value.length < CALLER_TOKEN_MAX ? value.length : CALLER_TOKEN_MAX };
    if (token->length > 0)
        memcpy(token->bytes, value.data, token->length);
}

/* Over the whole room whatever the lengths, so that neither what is right of it nor how long it is shows in the time. */
static bool is_token(const struct caller_token *token, struct slice brought)
{
    struct caller_token other;
    caller_token_set(&other, brought);
    int differs = CRYPTO_memcmp(other.bytes, token->bytes, sizeof(other.bytes));
    OPENSSL_cleanse(&other, sizeof(other));
    return ((differs != 0) | (brought.length != token->length)) == 0;
}

/* "Bearer" in any case, blanks, the token (RFC 9110 §11.1). */
static bool take_bearer(struct slice *brought, const struct http_field *field)
{
    static const char scheme[] = "Bearer ";
    size_t length = sizeof(scheme) - 1;
    if (!field_is_named(field, SLICE_LITERAL("Authorization")) ||
        !slice_equal_text_caseless(slice_first(field->value, length), scheme))
        return false;
    *brought = slice_trim_blanks(slice_from(field->value, length));
    return true;
}

bool caller_field_is_token(const struct caller_token *token, const struct http_field *field)
{
    struct slice brought;
    return token->length > 0 && take_bearer(&brought, field) && is_token(token, brought);
}

/* Every Countersign-Token there is must be right: who brings two does not know its own. */
enum caller_verdict caller_judge_token(const struct caller_token *token, struct http_fields fields)
{
    enum caller_verdict own = CALLER_HAS_NO_TOKEN, bearer = CALLER_HAS_NO_TOKEN;
    struct slice brought;
    if (token->length == 0)
        return CALLER_MAY_ASK;
    for (size_t i = 0; i < fields.count; i++) {
        const struct http_field *field = &fields.items[i];
        bool is_own = field_is_named(field, SLICE_LITERAL("Countersign-Token"));
        if (is_own)
            brought = field->value;
        else if (!take_bearer(&brought, field))
            continue;
        enum caller_verdict *verdict = is_own ? &own : &bearer;
        if (*verdict != CALLER_HAS_ANOTHER_TOKEN)
            *verdict = is_token(token, brought) ? CALLER_MAY_ASK : CALLER_HAS_ANOTHER_TOKEN;
    }
    return own == CALLER_HAS_NO_TOKEN ? bearer : own;
}
