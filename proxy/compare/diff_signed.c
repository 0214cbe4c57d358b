/* What is signed: query and body, and whether signature and payload of the two fit each other. Owns nothing; one thread. */
#include "diff_private.h"

#include "countersign/hex.h"

#include <string.h>

enum { WINDOW_MS = 30000 /* the exchange's documentation: window = floor(expires / 30000) */, PAYLOAD_PARTS = 2 };

struct payload {
    struct slice parts[PAYLOAD_PARTS]; /* query, body */
    uint64_t length;
};

static struct payload payload_of(const struct diff_message *request)
{
    struct payload payload = { .parts = { http_target_query(request->line[1]), request->bytes->body } };
    payload.length = payload.parts[0].length + payload.parts[1].length;
    return payload;
}

static char byte_at(const struct payload *payload, size_t i)
{
    size_t query = payload->parts[0].length;
    return i < query ? payload->parts[0].data[i] : payload->parts[1].data[i - query];
}

/* Nothing stands between query and body: the same bytes may be split otherwise. */
static bool payloads_equal(const struct payload *a, const struct payload *b)
{
    if (slice_equal(a->parts[0], b->parts[0]))
        return slice_equal(a->parts[1], b->parts[1]);
    if (a->length != b->length)
        return false;
    for (size_t i = 0; i < a->length; i++)
        if (byte_at(a, i) != byte_at(b, i))
            return false;
    return true;
}

static struct diff_finding finding_of(const char *subject)
{
    return (struct diff_finding){ .section = DIFF_SIGNED,
                                  .part = DIFF_PART_PAYLOAD,
                                  .change = DIFF_SAME,
                                  .weight = DIFF_INFO,
                                  .subject = slice_text(subject) };
}

static void add_part(struct diff_run *run, const char *subject, struct slice a, struct slice b)
{
    struct diff_finding finding = finding_of(subject);
    finding.numbers[0] = (int64_t)a.length;
    finding.numbers[1] = (int64_t)b.length;
    if (!slice_equal(a, b)) {
        finding.change = DIFF_BYTES;
        finding.has[0] = finding.has[1] = true;
        finding.values[0] = a;
        finding.values[1] = b;
        finding.offset = diff_first_difference(a, b);
    }
    diff_add(run, &finding);
}

static void add_payload(struct diff_run *run, const struct payload payloads[2], bool is_equal)
{
    struct diff_finding finding = finding_of("payload");
    bool is_split = is_equal && !slice_equal(payloads[0].parts[0], payloads[1].parts[0]);
    finding.change = is_equal ? DIFF_SAME : DIFF_BYTES;
    finding.numbers[0] = (int64_t)payloads[0].length;
    finding.numbers[1] = (int64_t)payloads[1].length;
    if (is_split)
        finding.note = "query and body are split otherwise, but make the same bytes together";
    diff_add(run, &finding);
}

/* Hashes are known of what this proxy signed. */
static void compare_hashes(struct diff_run *run, const struct diff_message requests[2], bool is_equal)
{
    enum { SHA256_SIZE = 32 };
    char text[2 * SHA256_SIZE];
    struct diff_finding finding = finding_of("SHA-256");
    for (size_t side = 0; side < 2; side++) {
        const struct record *record = run->diff->sides[side].record;
        if (!record->is_signed || requests[side].view != RECORD_UPSTREAM_REQUEST)
            return;
        hex_encode(text, record->payload_sha256, SHA256_SIZE);
        finding.has[side] = true;
        finding.values[side] = diff_keep(run, slice_of(text, sizeof(text)));
    }
    bool hash_equal = slice_equal(finding.values[0], finding.values[1]);
    finding.change = hash_equal ? DIFF_SAME : DIFF_VALUE;
    if (hash_equal != is_equal) {
        finding.weight = DIFF_REAL;
        finding.note = "the hash of what was signed does not fit the bytes that left";
    }
    diff_add(run, &finding);
}

struct signature {
    struct slice text;
    uint64_t window;
};

static bool read_signature(struct signature *signature, const struct diff_message *request)
{
    const struct http_field *sign = http_field_find(request->fields, "X-CS-SIGN");
    const struct http_field *expires = http_field_find(request->fields, "X-CS-EXPIRES");
    uint64_t expires_ms;
    if (sign == NULL || expires == NULL || !slice_to_u64(expires->value, &expires_ms))
        return false;
    *signature = (struct signature){ .text = sign->value, .window = expires_ms / WINDOW_MS };
    return true;
}

/* The field was found to differ as signatures of two windows do. */
static void blame_field(struct diff_run *run)
{
    for (size_t i = 0; i < run->diff->count; i++) {
        struct diff_finding *finding = &run->diff->findings[i];
        if (finding->section == DIFF_REQUEST && finding->part == DIFF_PART_FIELD && finding->change == DIFF_VALUE &&
            finding->weight == DIFF_EXPECTED && slice_equal_text_caseless(finding->subject, "X-CS-SIGN"))
            diff_reweigh(run, finding, DIFF_REAL, "the same payload in the same window has one signature");
    }
}

/* Within one window a secret gives a payload one signature, and another payload another one. */
static void compare_signatures(struct diff_run *run, const struct diff_message requests[2], bool is_equal)
{
    struct signature signatures[2];
    if (!read_signature(&signatures[0], &requests[0]) || !read_signature(&signatures[1], &requests[1]) ||
        signatures[0].window != signatures[1].window)
        return;
    if (slice_equal(signatures[0].text, signatures[1].text) == is_equal)
        return;
    struct diff_finding finding = finding_of("signature");
    finding.change = is_equal ? DIFF_VALUE : DIFF_SAME;
    finding.weight = DIFF_REAL;
    for (size_t side = 0; side < 2; side++) {
        finding.has[side] = true;
        finding.values[side] = signatures[side].text;
    }
    finding.note = is_equal ? "one payload in one window, but two signatures: signed with two secrets, or over other "
                              "bytes than were sent"
                            : "two payloads in one window, but one signature: what was signed is not what was sent";
    diff_add(run, &finding);
    if (is_equal)
        blame_field(run);
}

static void compare_accounts(struct diff_run *run)
{
    const struct record *a = run->diff->sides[0].record, *b = run->diff->sides[1].record;
    if (a->account.length == 0 || b->account.length == 0 || slice_equal(a->account, b->account))
        return;
    struct diff_finding finding = finding_of("account");
    finding.change = DIFF_VALUE;
    finding.weight = DIFF_REAL;
    finding.has[0] = finding.has[1] = true;
    finding.values[0] = a->account;
    finding.values[1] = b->account;
    diff_add(run, &finding);
}

/* What clients signed themselves: of no consequence where this proxy signed. */
static void compare_own_signatures(struct diff_run *run)
{
    const struct record *a = run->diff->sides[0].record, *b = run->diff->sides[1].record;
    if (a->client_signature == b->client_signature || a->client_signature < RECORD_CLIENT_SIGNATURE_RIGHT ||
        b->client_signature < RECORD_CLIENT_SIGNATURE_RIGHT)
        return;
    bool is_known = a->client_signature != RECORD_CLIENT_SIGNATURE_UNKNOWN &&
                    b->client_signature != RECORD_CLIENT_SIGNATURE_UNKNOWN;
    struct diff_finding finding = finding_of("client's own signature");
    finding.change = DIFF_VALUE;
    if (is_known && !a->is_signed && !b->is_signed) {
        finding.weight = DIFF_REAL;
        finding.note = "their clients' own signatures were judged differently when they came";
    }
    finding.has[0] = finding.has[1] = true;
    finding.values[0] = slice_text(record_client_signature_name(a->client_signature));
    finding.values[1] = slice_text(record_client_signature_name(b->client_signature));
    diff_add(run, &finding);
}

void diff_compare_signed(struct diff_run *run, const struct diff_message requests[2])
{
    compare_accounts(run);
    compare_own_signatures(run);
    if (!requests[0].is_read || !requests[1].is_read)
        return;
    const struct payload payloads[2] = { payload_of(&requests[0]), payload_of(&requests[1]) };
    bool is_equal = payloads_equal(&payloads[0], &payloads[1]);
    add_payload(run, payloads, is_equal);
    add_part(run, "query", payloads[0].parts[0], payloads[1].parts[0]);
    add_part(run, "body", payloads[0].parts[1], payloads[1].parts[1]);
    compare_hashes(run, requests, is_equal);
    compare_signatures(run, requests, is_equal);
}
