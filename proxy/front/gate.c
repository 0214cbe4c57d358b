/* HTTP/1.1's grammar as far as a request's extent depends on it: a step for each state, which takes a run of bytes. Pure. */
#include "gate.h"

#include <string.h>

/* What a byte may be part of. */
enum { N = 1 /* a token, RFC 9110 §5.6.2 */, G = 2 /* a target */, V = 4 /* a field value, RFC 9110 §5.5 */ };
enum { T = N | G | V, P = G | V };

/* clang-format off */
static const unsigned char kinds[256] = {
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

/* Nothing of the byte is taken. */
static size_t fail(struct gate *gate, enum gate_fault fault, unsigned char byte)
{
    gate->fault = fault;
    gate->fault_state = gate->state;
    gate->fault_byte = byte;
    return 0;
}

static size_t go(struct gate *gate, enum gate_state next)
{
    gate->state = next;
    gate->matched = 0;
    return 1;
}

static size_t run_of(const unsigned char *bytes, size_t length, unsigned kind)
{
    size_t run = 0;
    while (run < length && (kinds[bytes[run]] & kind) != 0)
        run++;
    return run;
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t';
}

static char lower(unsigned char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
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
        return fail(gate, GATE_FAULT_TLS, bytes[0]);
    if (bytes[0] == '\r' || bytes[0] == '\n')
        return fail(gate, GATE_FAULT_EMPTY_LINE, bytes[0]);
    if ((kinds[bytes[0]] & N) == 0)
        return fail(gate, GATE_FAULT_LINE_START, bytes[0]);
    return go(gate, GATE_METHOD);
}

static size_t step_method(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, N);
    if (run > 0)
        return run;
    return bytes[0] == ' ' ? go(gate, GATE_TARGET_FIRST) : fail(gate, GATE_FAULT_METHOD, bytes[0]);
}

static size_t step_target_first(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (is_blank(bytes[0]) || bytes[0] == '\r' || bytes[0] == '\n')
        return fail(gate, GATE_FAULT_NO_TARGET, bytes[0]);
    return (kinds[bytes[0]] & G) != 0 ? go(gate, GATE_TARGET) : fail(gate, GATE_FAULT_TARGET, bytes[0]);
}

static size_t step_target(struct gate *gate, const unsigned char *bytes, size_t length)
{
    size_t run = run_of(bytes, length, G);
    if (run > 0)
        return run;
    if (bytes[0] == ' ')
        return go(gate, GATE_VERSION);
    bool is_line_end = bytes[0] == '\r' || bytes[0] == '\n';
    return fail(gate, is_line_end ? GATE_FAULT_NO_VERSION : GATE_FAULT_TARGET, bytes[0]);
}

static size_t step_version(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    bool is_minor_0 = gate->matched == VERSION_MINOR && bytes[0] == '0';
    if (bytes[0] != (unsigned char)version_line[gate->matched] && !is_minor_0)
        return fail(gate, gate->matched < VERSION_LENGTH ? GATE_FAULT_VERSION : GATE_FAULT_LINE_END, bytes[0]);
    gate->is_http_1_0 = gate->is_http_1_0 || is_minor_0;
    gate->matched++;
    return version_line[gate->matched] == '\0' ? go(gate, GATE_FIELD) : 1;
}

/* --- the fields --- */

/* One more entry in libmicrohttpd's pool. */
static bool counts(struct gate *gate, unsigned char byte)
{
    if (gate->entry_count < HTTP_FIELDS_MAX) {
        gate->entry_count++;
        return true;
    }
    (void)fail(gate, GATE_FAULT_FIELD_COUNT, byte);
    return false;
}

static size_t step_field(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] == '\r')
        return go(gate, GATE_END_LF);
    if (bytes[0] == '\n')
        return fail(gate, GATE_FAULT_LONE_LF, bytes[0]);
    if (is_blank(bytes[0]))
        return fail(gate, gate->field_count == 0 && !gate->in_trailer ? GATE_FAULT_BLANK_FIRST : GATE_FAULT_FOLDED,
                    bytes[0]);
    if ((kinds[bytes[0]] & N) == 0)
        return fail(gate, GATE_FAULT_NAME, bytes[0]);
    if (!counts(gate, bytes[0]))
        return 0;
    (void)go(gate, GATE_NAME);
    return 0; /* bytes: the name's step takes the first */
}

static enum gate_field known_field(const struct gate *gate)
{
    struct slice name = slice_of(gate->name, gate->matched < GATE_NAME_MAX ? gate->matched : GATE_NAME_MAX);
    if (gate->in_trailer)
        return GATE_FIELD_OTHER; /* frames nothing (RFC 9110 §6.5.1) */
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
    for (size_t i = 0; i < run && gate->matched < GATE_NAME_MAX; i++)
        gate->name[gate->matched++] = lower(bytes[i]);
    if (run > 0)
        return run;
    if (bytes[0] == ':') {
        begin_value(gate);
        return go(gate, GATE_VALUE);
    }
    if (is_blank(bytes[0]))
        return fail(gate, GATE_FAULT_BLANK_BEFORE_COLON, bytes[0]);
    bool is_line_end = bytes[0] == '\r' || bytes[0] == '\n';
    return fail(gate, is_line_end ? GATE_FAULT_NO_COLON : GATE_FAULT_NAME, bytes[0]);
}

/* Content-Length: digits, and nothing behind them, not even blanks: libmicrohttpd answers those by itself. */
static size_t step_length(struct gate *gate, const unsigned char *bytes)
{
    if (gate->matched == 0 && is_blank(bytes[0]))
        return 1;
    if (bytes[0] < '0' || bytes[0] > '9')
        return fail(gate, GATE_FAULT_LENGTH, bytes[0]);
    uint64_t digit = (uint64_t)(bytes[0] - '0');
    if (gate->length > (length_max - digit) / 10)
        return fail(gate, GATE_FAULT_LENGTH_RANGE, bytes[0]);
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
        gate->name[gate->matched++] = lower(bytes[0]);
    return 1;
}

/* Cookie: libmicrohttpd takes it apart, though nobody asks for the parts. */
static size_t step_cookie(struct gate *gate, const unsigned char *bytes)
{
    bool is_separator = bytes[0] == ';' || bytes[0] == ',' || gate->matched == 0;
    gate->matched = 1;
    return is_separator && !counts(gate, bytes[0]) ? 0 : 1;
}

static size_t end_value(struct gate *gate, unsigned char byte)
{
    if (byte != '\r')
        return fail(gate, byte == '\n' ? GATE_FAULT_LONE_LF : GATE_FAULT_VALUE, byte);
    if (gate->field == GATE_FIELD_LENGTH && gate->matched == 0)
        return fail(gate, GATE_FAULT_LENGTH, byte);
    if (gate->field == GATE_FIELD_CODING)
        gate->coding_is_chunked = slice_equal_text(slice_of(gate->name, gate->matched), "chunked");
    return go(gate, GATE_VALUE_LF);
}

static size_t step_value(struct gate *gate, const unsigned char *bytes, size_t length)
{
    if ((kinds[bytes[0]] & V) == 0)
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
        return run_of(bytes, length, V);
    }
}

static size_t step_value_lf(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] != '\n')
        return fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    gate->field_count += !gate->in_trailer;
    return go(gate, GATE_FIELD);
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
        return fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    return go(gate, gate->in_trailer ? GATE_LINE : state_behind_head(gate));
}

/* --- the body --- */

static size_t step_data(struct gate *gate, size_t length, enum gate_state next)
{
    size_t taken = gate->length < length ? (size_t)gate->length : length;
    gate->length -= taken;
    if (gate->length == 0)
        (void)go(gate, next);
    return taken;
}

static size_t step_body(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)bytes;
    return step_data(gate, length, GATE_LINE);
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return lower(byte) >= 'a' && lower(byte) <= 'f' ? lower(byte) - 'a' + 10 : -1;
}

static size_t step_chunk_size(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    int digit = hex_digit(bytes[0]);
    unsigned matched = gate->state == GATE_CHUNK_FIRST ? 0 : gate->matched;
    if (digit < 0 && matched > 0 && (bytes[0] == ';' || bytes[0] == '\r')) {
        (void)go(gate, bytes[0] == ';' ? GATE_CHUNK_EXTENSION : GATE_CHUNK_LF);
        gate->matched = matched + 1;
        return 1;
    }
    if (digit < 0 || matched >= GATE_CHUNK_LINE_MAX)
        return fail(gate, GATE_FAULT_CHUNK_SIZE, bytes[0]);
    uint64_t size = (matched == 0 ? 0 : gate->length * 16) + (uint64_t)digit;
    if (size > gate->chunks_max - gate->chunks)
        return fail(gate, GATE_FAULT_CHUNK_RANGE, bytes[0]);
    gate->length = size;
    gate->state = GATE_CHUNK_SIZE;
    gate->matched = matched + 1;
    return 1;
}

static size_t step_chunk_extension(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    bool is_end = bytes[0] == '\r';
    if ((!is_end && (kinds[bytes[0]] & V) == 0) || gate->matched >= GATE_CHUNK_LINE_MAX)
        return fail(gate, GATE_FAULT_CHUNK_EXTENSION, bytes[0]);
    gate->matched++;
    if (is_end)
        gate->state = GATE_CHUNK_LF; /* `matched` goes on */
    return 1;
}

static size_t step_chunk_lf(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] != '\n')
        return fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    gate->chunks += gate->length;
    gate->in_trailer = gate->length == 0;
    return go(gate, gate->in_trailer ? GATE_FIELD : GATE_CHUNK_DATA);
}

static size_t step_chunk_data(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)bytes;
    return step_data(gate, length, GATE_CHUNK_DATA_CR);
}

static size_t step_chunk_end(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    bool is_cr = gate->state == GATE_CHUNK_DATA_CR;
    if (bytes[0] != (is_cr ? '\r' : '\n'))
        return fail(gate, GATE_FAULT_CHUNK_END, bytes[0]);
    return go(gate, is_cr ? GATE_CHUNK_DATA_LF : GATE_CHUNK_FIRST);
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
    [GATE_BODY] = { step_body, false },
    [GATE_CHUNK_FIRST] = { step_chunk_size, false },
    [GATE_CHUNK_SIZE] = { step_chunk_size, false },
    [GATE_CHUNK_EXTENSION] = { step_chunk_extension, false },
    [GATE_CHUNK_LF] = { step_chunk_lf, false },
    [GATE_CHUNK_DATA] = { step_chunk_data, false },
    [GATE_CHUNK_DATA_CR] = { step_chunk_end, false },
    [GATE_CHUNK_DATA_LF] = { step_chunk_end, false },
};

size_t gate_feed(struct gate *gate, struct slice bytes)
{
    const unsigned char *data = (const unsigned char *)bytes.data;
    size_t done = 0;
    while (done < bytes.length && gate->fault == GATE_FINE && gate->state != GATE_SHUT) {
        const struct gate_step *step = &steps[gate->state];
        size_t length = bytes.length - done;
        if (step->is_head && gate->state != GATE_LINE) {
            size_t room = gate->head_max - gate->head_size;
            length = length < room ? length : room;
            if (length == 0) {
                (void)fail(gate, GATE_FAULT_HEAD_SIZE, data[done]);
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
