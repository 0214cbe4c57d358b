/* What the gate's steps share: what a byte may be part of, and how a step ends. */
#ifndef COUNTERSIGN_FRONT_GATE_STEPS_H
#define COUNTERSIGN_FRONT_GATE_STEPS_H

#include "gate.h"

/* What a byte may be part of. */
enum { N = 1 /* a token, RFC 9110 §5.6.2 */, G = 2 /* a target */, V = 4 /* a field value, RFC 9110 §5.5 */ };
enum { T = N | G | V, P = G | V };

extern const unsigned char gate_kinds[256];

/* Nothing of the byte is taken. */
static inline size_t gate_fail(struct gate *gate, enum gate_fault fault, unsigned char byte)
{
    gate->fault = fault;
    gate->fault_state = gate->state;
    gate->fault_byte = byte;
    return 0;
}

static inline size_t gate_go(struct gate *gate, enum gate_state next)
{
    gate->state = next;
    gate->matched = 0;
    return 1;
}

static inline char gate_lower(unsigned char byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

/* gate_cookie.c: where in a Cookie field `byte` leads. */
enum gate_cookie gate_cookie_step(enum gate_cookie at, unsigned char byte);

/* A step takes one byte or more of the `length` at hand and says how many; 0 where it went on to another state, or found a
 * fault. gate_body.c: those behind a head. */
size_t gate_step_body(struct gate *gate, const unsigned char *bytes, size_t length);
size_t gate_step_chunk_size(struct gate *gate, const unsigned char *bytes, size_t length);
size_t gate_step_chunk_extension(struct gate *gate, const unsigned char *bytes, size_t length);
size_t gate_step_chunk_lf(struct gate *gate, const unsigned char *bytes, size_t length);
size_t gate_step_chunk_data(struct gate *gate, const unsigned char *bytes, size_t length);
size_t gate_step_chunk_end(struct gate *gate, const unsigned char *bytes, size_t length);

#endif
