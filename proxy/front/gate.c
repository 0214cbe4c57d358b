/* HTTP/1.1's grammar as far as a request's extent depends on it: a step for each state, which takes a run of bytes. Pure. */
#include "gate_steps.h"

#include <string.h>

/* clang-format off */
const unsigned char gate_kinds[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0, /* V: HTAB */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    V, T, P, T, T, T, T, T, P, P, T, T, P, T, T, P, /*   ! " # $ % & ' ( ) * + , - . / */
    T, T, T, T, T, T, T, T, T, T, P, P, P, P, P, P, /* 0 to 9 : ; < = > ? */
    P, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* @ A to O */
    T, T, T, T, T, T, T, T, T, T, T, P, P, P, T, T, /* P to Z [ \ ] ^ _ */
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* ` a to o */
    T, T, T, T, T, T, T, T, T, T, T, P, T, P, T, 0, /* p to z { | } ~ DEL */
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
};
/* clang-format on */

static const char version_line[] = "HTTP/1.1\r\n";
enum { VERSION_MINOR = 7, VERSION_LENGTH = 8, TLS_HANDSHAKE = 0x16 };

/* Content-Length at most: what no sum of sizes overflows with. */
static const uint64_t length_max = INT64_MAX;

void gate_init(struct gate *gate, size_t head_max, uint64_t chunks_max)
{
    *gate = (struct gate){ .head_max = head_max, .chunks_max = chunks_max, .state = GATE_LINE };
}

static size_t run_of(const unsigned char *bytes, size_t length, unsigned kind)
{
    size_t run = 0;
    while (run < length && (gate_kinds[bytes[run]] & kind) != 0)
        run++;
    return run;
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t';
}

/* --- the request line --- */

static void begin_request(struct gate *gate)
{
    uint64_t before = gate->requests;
    gate_init(gate, gate->head_max, gate->chunks_max);
    gate->requests = before + 1;
}

static size_t step_line(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    begin_request(gate); /* also where it is at fault at once */
    if (bytes[0] == TLS_HANDSHAKE)
        return gate_fail(gate, GATE_FAULT_TLS, bytes[0]);
    if (bytes[0] == '\r' || bytes[0] == '\n')
        return gate_fail(gate, GATE_FAULT_EMPTY_LINE, bytes[0]);
    if ((gate_kinds[bytes[0]] & N) == 0)
        return gate_fail(gate, GATE_FAULT_LINE_START, bytes[0]);
    return gate_go(gate, GATE_METHOD);
}

static size_t step_method(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, N);
    if (run > 0)
        return run;
    return bytes[0] == ' ' ? gate_go(gate, GATE_TARGET_FIRST) : gate_fail(gate, GATE_FAULT_METHOD, bytes[0]);
}

static size_t step_target_first(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (is_blank(bytes[0]) || bytes[0] == '\r' || bytes[0] == '\n')
        return gate_fail(gate, GATE_FAULT_NO_TARGET, bytes[0]);
    return (gate_kinds[bytes[0]] & G) != 0 ? gate_go(gate, GATE_TARGET) : gate_fail(gate, GATE_FAULT_TARGET, bytes[0]);
}

static size_t step_target(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, G);
    if (run > 0)
        return run;
    if (bytes[0] == ' ')
        return gate_go(gate, GATE_VERSION);
    bool is_line_end = bytes[0] == '\r' || bytes[0] == '\n';
    return gate_fail(gate, is_line_end ? GATE_FAULT_NO_VERSION : GATE_FAULT_TARGET, bytes[0]);
}

static size_t step_version(struct gate *gate, const unsigned char *bytes, size_t length)
{
    enum { WHOLE = sizeof(version_line) - 1 };
    if (gate->matched == 0 && length >= WHOLE && memcmp(bytes, version_line, WHOLE) == 0) {
        (void)gate_go(gate, GATE_FIELD);
        return WHOLE;
    }
    bool is_minor_0 = gate->matched == VERSION_MINOR && bytes[0] == '0';
    if (bytes[0] != (unsigned char)version_line[gate->matched] && !is_minor_0)
        return gate_fail(gate, gate->matched < VERSION_LENGTH ? GATE_FAULT_VERSION : GATE_FAULT_LINE_END, bytes[0]);
    gate->is_http_1_0 = gate->is_http_1_0 || is_minor_0;
    gate->matched++;
    return version_line[gate->matched] == '\0' ? gate_go(gate, GATE_FIELD) : 1;
}

/* --- the fields --- */

/* One more entry in libmicrohttpd's pool. */
static bool counts(struct gate *gate, unsigned char byte)
{
    if (gate->entry_count < HTTP_FIELDS_MAX) {
        gate->entry_count++;
        return true;
    }
    (void)gate_fail(gate, GATE_FAULT_FIELD_COUNT, byte);
    return false;
}

static size_t step_field(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] == '\r')
        return gate_go(gate, GATE_END_LF);
    if (bytes[0] == '\n')
        return gate_fail(gate, GATE_FAULT_LONE_LF, bytes[0]);
    if (is_blank(bytes[0]))
        return gate_fail(gate, gate->field_count == 0 && !gate->in_trailer ? GATE_FAULT_BLANK_FIRST : GATE_FAULT_FOLDED,
                         bytes[0]);
    if ((gate_kinds[bytes[0]] & N) == 0)
        return gate_fail(gate, GATE_FAULT_NAME, bytes[0]);
    if (!counts(gate, bytes[0]))
        return 0;
    (void)gate_go(gate, GATE_NAME);
    return 0; /* bytes: the name's step takes the first */
}

/* Only names that begin with one of these letters are looked at. */
static bool may_be_known(unsigned char first)
{
    return gate_lower(first) == 'c' || gate_lower(first) == 't';
}

static enum gate_field known_field(const struct gate *gate)
{
    struct slice name = slice_of(gate->name, gate->matched);
    if (gate->in_trailer || gate->matched >= GATE_NAME_MAX)
        return GATE_FIELD_OTHER; /* a trailer field frames nothing (RFC 9110 §6.5.1) */
    if (slice_equal_text(name, "content-length"))
        return GATE_FIELD_LENGTH;
    if (slice_equal_text(name, "transfer-encoding"))
        return GATE_FIELD_CODING;
    return slice_equal_text(name, "cookie") ? GATE_FIELD_COOKIE : GATE_FIELD_OTHER;
}

static void begin_value(struct gate *gate)
{
    gate->field = known_field(gate);
    gate->length_count += gate->field == GATE_FIELD_LENGTH;
    gate->coding_count += gate->field == GATE_FIELD_CODING;
    if (gate->field == GATE_FIELD_LENGTH)
        gate->length = 0;
}

static size_t step_name(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, N);
    if (gate->matched == 0 && run > 0 && !may_be_known(bytes[0]))
        gate->matched = GATE_NAME_MAX;
    for (size_t i = 0; i < run && gate->matched < GATE_NAME_MAX; i++)
        gate->name[gate->matched++] = gate_lower(bytes[i]);
    if (run < length && bytes[run] == ':') {
        begin_value(gate);
        return run + gate_go(gate, GATE_VALUE);
    }
    if (run > 0)
        return run;
    if (is_blank(bytes[0]))
        return gate_fail(gate, GATE_FAULT_BLANK_BEFORE_COLON, bytes[0]);
    bool is_line_end = bytes[0] == '\r' || bytes[0] == '\n';
    return gate_fail(gate, is_line_end ? GATE_FAULT_NO_COLON : GATE_FAULT_NAME, bytes[0]);
}

/* Content-Length: digits, and nothing behind them, not even blanks: libmicrohttpd answers those by itself. */
static size_t step_length(struct gate *gate, const unsigned char *bytes)
{
    if (gate->matched == 0 && is_blank(bytes[0]))
        return 1;
    if (bytes[0] < '0' || bytes[0] > '9')
        return gate_fail(gate, GATE_FAULT_LENGTH, bytes[0]);
    uint64_t digit = (uint64_t)(bytes[0] - '0');
    if (gate->length > (length_max - digit) / 10)
        return gate_fail(gate, GATE_FAULT_LENGTH_RANGE, bytes[0]);
    gate->length = gate->length * 10 + digit;
    gate->matched = 1;
    return 1;
}

/* Transfer-Encoding: kept, to be compared at its end. */
static size_t step_coding(struct gate *gate, const unsigned char *bytes)
{
    if (gate->matched == 0 && is_blank(bytes[0]))
        return 1;
    if (gate->matched < GATE_NAME_MAX)
        gate->name[gate->matched++] = gate_lower(bytes[0]);
    return 1;
}

/* Cookie: libmicrohttpd takes a copy of the first apart, though nobody asks for the parts: each byte counts twice, of any. A byte that
 * does not pass leaves the value as it was. */
static size_t step_cookie(struct gate *gate, const unsigned char *bytes)
{
    bool is_separator = bytes[0] == ';' || bytes[0] == ',' || gate->matched == GATE_COOKIE_START;
    if (is_separator && !counts(gate, bytes[0]))
        return 0;
    gate->matched = gate_cookie_step(gate->matched, bytes[0]);
    gate->head_size++;
    return 1;
}

static size_t end_value(struct gate *gate, unsigned char byte)
{
    if (byte != '\r')
        return gate_fail(gate, byte == '\n' ? GATE_FAULT_LONE_LF : GATE_FAULT_VALUE, byte);
    if (gate->field == GATE_FIELD_LENGTH && gate->matched == 0)
        return gate_fail(gate, GATE_FAULT_LENGTH, byte);
    if (gate_is_in_lone_quote(gate))
        return gate_fail(gate, GATE_FAULT_COOKIE, byte);
    if (gate->field == GATE_FIELD_CODING)
        gate->coding_is_chunked = slice_equal_text(slice_of(gate->name, gate->matched), "chunked");
    return gate_go(gate, GATE_VALUE_LF);
}

/* Mostly the line comes whole: its end is then taken along. */
static size_t step_other_value(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, V);
    if (length - run < 2 || bytes[run] != '\r' || bytes[run + 1] != '\n')
        return run;
    gate->field_count += !gate->in_trailer;
    return run + 1 + gate_go(gate, GATE_FIELD);
}

static size_t step_value(struct gate *gate, const unsigned char *bytes, size_t length)
{
    if ((gate_kinds[bytes[0]] & V) == 0)
        return end_value(gate, bytes[0]);
    switch (gate->field) {
    case GATE_FIELD_LENGTH:
        return step_length(gate, bytes);
    case GATE_FIELD_CODING:
        return step_coding(gate, bytes);
    case GATE_FIELD_COOKIE:
        return step_cookie(gate, bytes);
    case GATE_FIELD_OTHER:
    default:
        return step_other_value(gate, bytes, length);
    }
}

static size_t step_value_lf(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] != '\n')
        return gate_fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    gate->field_count += !gate->in_trailer;
    return gate_go(gate, GATE_FIELD);
}

/* RFC 9112 §6.3; what head.c refuses as ambiguous has no end. */
static enum gate_state state_behind_head(const struct gate *gate)
{
    if (gate->length_count + gate->coding_count > 1)
        return GATE_SHUT;
    if (gate->coding_count == 1)
        return gate->coding_is_chunked && !gate->is_http_1_0 ? GATE_CHUNK_FIRST : GATE_SHUT;
    return gate->length_count == 1 && gate->length > 0 ? GATE_BODY : GATE_LINE;
}

static size_t step_end_lf(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] != '\n')
        return gate_fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    return gate_go(gate, gate->in_trailer ? GATE_LINE : state_behind_head(gate));
}

/* --- all --- */

struct gate_step {
    size_t (*take)(struct gate *gate, const unsigned char *bytes, size_t length);
    bool is_head; /* counts towards head_max */
};

static const struct gate_step steps[] = {
    [GATE_LINE] = { step_line, true },
    [GATE_METHOD] = { step_method, true },
    [GATE_TARGET_FIRST] = { step_target_first, true },
    [GATE_TARGET] = { step_target, true },
    [GATE_VERSION] = { step_version, true },
    [GATE_FIELD] = { step_field, true },
    [GATE_NAME] = { step_name, true },
    [GATE_VALUE] = { step_value, true },
    [GATE_VALUE_LF] = { step_value_lf, true },
    [GATE_END_LF] = { step_end_lf, true },
    [GATE_BODY] = { gate_step_body, false },
    [GATE_CHUNK_FIRST] = { gate_step_chunk_size, false },
    [GATE_CHUNK_SIZE] = { gate_step_chunk_size, false },
    [GATE_CHUNK_EXTENSION] = { gate_step_chunk_extension, false },
    [GATE_CHUNK_LF] = { gate_step_chunk_lf, false },
    [GATE_CHUNK_DATA] = { gate_step_chunk_data, false },
    [GATE_CHUNK_DATA_CR] = { gate_step_chunk_end, false },
    [GATE_CHUNK_DATA_LF] = { gate_step_chunk_end, false },
};

size_t gate_feed(struct gate *gate, struct slice bytes)
{
    const unsigned char *data = (const unsigned char *)bytes.data;
    size_t done = 0;
    while (done < bytes.length && gate->fault == GATE_FINE && gate->state != GATE_SHUT) {
        const struct gate_step *step = &steps[gate->state];
        size_t length = bytes.length - done;
        if (step->is_head && gate->state != GATE_LINE) {
            size_t room = gate->head_size < gate->head_max ? gate->head_max - gate->head_size : 0;
            length = length < room ? length : room;
            if (length == 0) {
                (void)gate_fail(gate, GATE_FAULT_HEAD_SIZE, data[done]);
                break;
            }
        }
        size_t taken = step->take(gate, data + done, length);
        gate->head_size += step->is_head ? taken : 0;
        gate->offset += taken;
        done += taken;
    }
    return done;
}

/* --- what may be read --- */

size_t gate_allowance(const struct gate *gate)
{
    bool is_in_data = gate->state == GATE_BODY || gate->state == GATE_CHUNK_DATA;
    uint64_t data = is_in_data ? gate->length : 0;
    return data < SIZE_MAX - GATE_AHEAD_MAX ? (size_t)data + GATE_AHEAD_MAX : SIZE_MAX;
}

bool gate_is_behind(const struct gate *gate, uint64_t request)
{
    bool is_between = gate->state == GATE_LINE && gate->fault == GATE_FINE;
    return gate->requests > request || (gate->requests == request && is_between);
}
