/* Makes exchanges fit to be shown in public: what tells of the account is replaced by tokens, and equal values become equal
 * tokens, in every view, body, query and field. Pure; a share belongs to one thread.
 *
 * A token is a kind and a number, `order-1`, `account-2`, counted in order of appearance over all kinds. So the tokens of one
 * share can be compared with each other; those of two exports cannot.
 *
 * Nothing passes that is not known to be harmless:
 * - JSON bodies are rewritten token by token as they are written: white space, order and structure stay. Values go by their
 *   member's name (share_names.c): symbols, sides, states, prices, quantities, times and codes stay, for they are needed to
 *   see what is wrong; ids, balances, amounts of accounts and addresses of deposits become tokens of their kind, and what has
 *   a name that is not known a `value-N`. true, false and null stay.
 * - A JSON string becomes the string "order-1". A JSON number stays one: the digit 1, zeros, and the token's number, as long
 *   as the original, so that "is it beyond 2^53" stays visible (11594964764657880 becomes 10000000000000001; of 16 digits
 *   beyond 2^53: 91 and zeros). Amounts become eight digits whatever they were: their size tells something, too.
 * - Messages keep their words; what holds a digit or is no word becomes a token.
 * - Other bodies become one token with their length. Compressed ones are decoded first, and stay so.
 * - Header fields: the names and values of a list (share_head.c) stay in the forms that protocols
 *   give them (share_forms.c), other values become tokens. X-CS-SIGN is a value
 *   computed with the secret: a token. X-CS-EXPIRES is a time and stays: a wrong clock is seen by it.
 * - Addresses become tokens, the exchange's too: with an egress proxy it is the user's. Ports and the IP family stay. The
 *   names of listener and account, and the client's uid, become tokens.
 * - Paths keep their words; segments that may be data become tokens. Query parameters go by their names as members do.
 * - A word of a message, a path or a name that is a value's elsewhere in the exchange, whole or as a part of it, would give
 *   the token away: it becomes a token as well. So does a number, under whatever name, that is somebody's id. Letters in
 *   another case are another word.
 *
 * Lengths change, so Content-Length, the payload's length and its hash fit no longer. The hash becomes a number as well: from
 * it a guess at what was replaced could be checked. */
#ifndef COUNTERSIGN_SHARE_H
#define COUNTERSIGN_SHARE_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/record.h"

enum {
    SHARE_VALUES_MAX = 1 << 24, /* different values in one share */
    SHARE_TEXT_MAX = 512 << 20, /* bytes of memory for them */
    SHARE_RECORD_MAX = 1 << 30  /* bytes of one exchange rewritten */
};

struct share;

MUST_CHECK bool share_create(struct share **share, struct error *error);
void share_free(struct share *share); /* NULL is allowed */

/* Three times over the record, so that each value is known everywhere. Fills `shared` with the record in tokens. Its slices are valid until the next call or share_free. ERROR_LIMIT or
 * ERROR_MEMORY: `shared` is empty then. */
MUST_CHECK bool share_record(struct record *shared, struct share *share, const struct record *record,
                             struct error *error);

/* The parts: append a message head, and a body (`coding` is its Content-Encoding, "" for none). False, and what was
 * appended to be thrown away, where memory or a bound is out. */
MUST_CHECK bool share_append_head(struct buffer *out, struct share *share, struct slice head);
MUST_CHECK bool share_append_body(struct buffer *out, struct share *share, struct slice coding, struct slice body);

#endif
