/* The gate's steps behind a request's head: a body by its length, and chunks (RFC 9112 §7.1). Pure. */
#include "gate_steps.h"

static size_t step_data(struct gate *gate, size_t length, enum gate_state next)
{
    size_t taken = gate->length < length ? (size_t)gate->length : length;
    gate->length -= taken;
    if (gate->length == 0)
        (void)gate_go(gate, next);
    return taken;
}

size_t gate_step_body(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)bytes;
    return step_data(gate, length, GATE_LINE);
}

static int hex_digit(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return gate_lower(byte) >= 'a' && gate_lower(byte) <= 'f' ? gate_lower(byte) - 'a' + 10 : -1;
}

size_t gate_step_chunk_size(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    int digit = hex_digit(bytes[0]);
    unsigned matched = gate->state == GATE_CHUNK_FIRST ? 0 : gate->matched;
    if (digit < 0 && matched > 0 && (bytes[0] == ';' || bytes[0] == '\r')) {
        (void)gate_go(gate, bytes[0] == ';' ? GATE_CHUNK_EXTENSION : GATE_CHUNK_LF);
        gate->matched = matched + 1;
        return 1;
    }
    if (digit < 0 || matched >= GATE_CHUNK_LINE_MAX)
        return gate_fail(gate, GATE_FAULT_CHUNK_SIZE, bytes[0]);
    uint64_t size = (matched == 0 ? 0 : gate->length * 16) + (uint64_t)digit;
    if (size > gate->chunks_max - gate->chunks)
        return gate_fail(gate, GATE_FAULT_CHUNK_RANGE, bytes[0]);
    gate->length = size;
    gate->state = GATE_CHUNK_SIZE;
    gate->matched = matched + 1;
    return 1;
}

size_t gate_step_chunk_extension(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    bool is_end = bytes[0] == '\r';
    if ((!is_end && (gate_kinds[bytes[0]] & V) == 0) || gate->matched >= GATE_CHUNK_LINE_MAX)
        return gate_fail(gate, GATE_FAULT_CHUNK_EXTENSION, bytes[0]);
    gate->matched++;
    if (is_end)
        gate->state = GATE_CHUNK_LF; /* `matched` goes on */
    return 1;
}

size_t gate_step_chunk_lf(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    if (bytes[0] != '\n')
        return gate_fail(gate, GATE_FAULT_LONE_CR, bytes[0]);
    gate->chunks += gate->length;
    gate->in_trailer = gate->length == 0;
    return gate_go(gate, gate->in_trailer ? GATE_FIELD : GATE_CHUNK_DATA);
}

size_t gate_step_chunk_data(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)bytes;
    return step_data(gate, length, GATE_CHUNK_DATA_CR);
}

size_t gate_step_chunk_end(struct gate *gate, const unsigned char *bytes, size_t length)
{
    (void)length;
    bool is_cr = gate->state == GATE_CHUNK_DATA_CR;
    if (bytes[0] != (is_cr ? '\r' : '\n'))
        return gate_fail(gate, GATE_FAULT_CHUNK_END, bytes[0]);
    return gate_go(gate, is_cr ? GATE_CHUNK_DATA_LF : GATE_CHUNK_FIRST);
}
