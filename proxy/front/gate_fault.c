/* What a fault is called, and how the request it fell in is ended for libmicrohttpd. Pure. */
#include "gate.h"

#include "countersign/compiler.h"

#include <inttypes.h>
#include <stdio.h>

struct fault_row {
    enum front_defect defect;
    const char *words;
};

static const struct fault_row rows[GATE_FAULT_COUNT] = {
    [GATE_FINE] = { FRONT_DEFECT_NONE, "" },
    [GATE_FAULT_TLS] = { FRONT_DEFECT_MALFORMED_REQUEST,
                         "it begins as TLS does, and this listener speaks plain HTTP: use http://, not https://" },
    [GATE_FAULT_EMPTY_LINE] = { FRONT_DEFECT_MALFORMED_REQUEST, "an empty line before the request line" },
    [GATE_FAULT_LINE_START] = { FRONT_DEFECT_MALFORMED_REQUEST, "the request line does not begin with a method" },
    [GATE_FAULT_METHOD] = { FRONT_DEFECT_MALFORMED_REQUEST, "the method is no token, or not one blank follows it" },
    [GATE_FAULT_NO_TARGET] = { FRONT_DEFECT_MALFORMED_TARGET, "not one blank, and then a target, follow the method" },
    [GATE_FAULT_TARGET] = { FRONT_DEFECT_MALFORMED_TARGET, "the target has a byte that none may have" },
    [GATE_FAULT_NO_VERSION] = { FRONT_DEFECT_MALFORMED_REQUEST, "no version follows the target (HTTP/0.9)" },
    [GATE_FAULT_VERSION] = { FRONT_DEFECT_MALFORMED_REQUEST,
                             "what follows the target and one blank is neither HTTP/1.1 nor HTTP/1.0" },
    [GATE_FAULT_LINE_END] = { FRONT_DEFECT_MALFORMED_REQUEST, "the request line does not end in CR LF" },
    [GATE_FAULT_LONE_LF] = { FRONT_DEFECT_MALFORMED_FIELD, "a line ends in LF without CR" },
    [GATE_FAULT_LONE_CR] = { FRONT_DEFECT_MALFORMED_FIELD, "a CR without LF behind it" },
    [GATE_FAULT_FOLDED] = { FRONT_DEFECT_MALFORMED_FIELD, "a field goes on in the next line (obs-fold)" },
    [GATE_FAULT_BLANK_FIRST] = { FRONT_DEFECT_MALFORMED_FIELD, "a blank before the first field" },
    [GATE_FAULT_BLANK_BEFORE_COLON] = { FRONT_DEFECT_MALFORMED_FIELD, "a blank between a field's name and its colon" },
    [GATE_FAULT_NO_COLON] = { FRONT_DEFECT_MALFORMED_FIELD, "a line without a colon among the fields" },
    [GATE_FAULT_NAME] = { FRONT_DEFECT_MALFORMED_FIELD, "a field's name has a byte that none may have, or is empty" },
    [GATE_FAULT_VALUE] = { FRONT_DEFECT_MALFORMED_FIELD, "a field's value has a control byte" },
    [GATE_FAULT_LENGTH] = { FRONT_DEFECT_MALFORMED_REQUEST, "Content-Length is not digits alone" },
    [GATE_FAULT_LENGTH_RANGE] = { FRONT_DEFECT_MALFORMED_REQUEST, "Content-Length is beyond any length" },
    [GATE_FAULT_COOKIE] = { FRONT_DEFECT_MALFORMED_FIELD,
                            "a cookie's value is one quotation mark without another (RFC 6265 4.1.1)" },
    [GATE_FAULT_CHUNK_SIZE] = { FRONT_DEFECT_MALFORMED_REQUEST, "a chunk's size is not hexadecimal digits alone" },
    [GATE_FAULT_CHUNK_EXTENSION] = { FRONT_DEFECT_MALFORMED_REQUEST,
                                     "a chunk's extension has a control byte, or is too long" },
    [GATE_FAULT_CHUNK_END] = { FRONT_DEFECT_MALFORMED_REQUEST, "CR LF does not follow a chunk's data" },
    [GATE_FAULT_CHUNK_RANGE] = { FRONT_DEFECT_BODY_TOO_LARGE, "its chunks are more than is read for nothing" },
    [GATE_FAULT_HEAD_SIZE] = { FRONT_DEFECT_HEADER_TOO_LARGE, "" },
    [GATE_FAULT_FIELD_COUNT] = { FRONT_DEFECT_HEADER_TOO_LARGE, "more fields and cookies than 256" },
    [GATE_FAULT_BYPASSED] = { FRONT_DEFECT_MALFORMED_REQUEST,
                              "its bytes were not checked; this proxy and its HTTP library do not fit together" },
    [GATE_FAULT_LATE] = { FRONT_DEFECT_LATE, "" },
};

enum front_defect gate_fault_defect(enum gate_fault fault)
{
    return rows[fault].defect;
}

void gate_fault_describe(const struct gate *gate, char *text, size_t size)
{
    const char *words = rows[gate->fault].words;
    text[0] = '\0';
    if (gate->fault == GATE_FAULT_LATE) /* likewise, sized for it */
        (void)snprintf(text, size, "%" PRIu64 " bytes of it have come, %s", gate->offset,
                       gate_is_behind_head(gate) ? "its head whole" : "its head not whole");
    else if (words[0] != '\0') /* a cut one is still one */
        (void)snprintf(text, size, "%s (byte %" PRIu64 " of the request is 0x%02X)", words, gate->offset + 1,
                       gate->fault_byte);
}

int gate_line_parts(const struct gate *gate)
{
    switch (gate->fault_state) {
    case GATE_LINE:
    case GATE_METHOD:
        return 0;
    case GATE_TARGET_FIRST:
    case GATE_TARGET:
        return 1;
    case GATE_VERSION:
        return 2;
    default:
        return 3;
    }
}

bool gate_is_behind_head(const struct gate *gate)
{
    return gate->in_trailer || gate->fault_state >= GATE_BODY;
}

void gate_bypassed(struct gate *gate, uint64_t request)
{
    gate->requests = request;
    gate->fault = GATE_FAULT_BYPASSED;
    gate->fault_state = GATE_LINE;
}

void gate_time_out(struct gate *gate)
{
    gate->fault = GATE_FAULT_LATE;
    gate->fault_state = gate->state;
}

/* --- the end --- */

/* Behind a chunk's size, of which `first` ends the line: as many bytes as it said. */
static struct gate_ending end_chunk(const struct gate *gate, const char *first)
{
    if (gate->length == 0)
        return (struct gate_ending){ .first = first, .last = "\r\n" };
    return (struct gate_ending){ .first = first, .filling = gate->length, .last = "\r\n0\r\n\r\n" };
}

/* A size line that is whole in what was just read is taken back. */
static struct gate_ending end_chunk_line(const struct gate *gate, size_t *passed, const char *line_end)
{
    if (*passed < gate->matched)
        return end_chunk(gate, line_end);
    *passed -= gate->matched;
    return (struct gate_ending){ .first = "0\r\n\r\n", .last = "" };
}

/* The name or number that the library would stumble over is made one that it does not know, or can read. */
static const char *end_of_field(const struct gate *gate)
{
    bool needs_digit = gate->field == GATE_FIELD_LENGTH && gate->matched == 0;
    if (gate_is_in_lone_quote(gate))
        return "\"\r\n\r\n";
    return needs_digit ? "0\r\n\r\n" : "\r\n\r\n";
}

struct gate_ending gate_ending(const struct gate *gate, size_t *passed)
{
    static const char *const texts[] = {
        [GATE_LINE] = "X / HTTP/1.1\r\n\r\n",
        [GATE_METHOD] = " / HTTP/1.1\r\n\r\n",
        [GATE_TARGET_FIRST] = "/ HTTP/1.1\r\n\r\n",
        [GATE_TARGET] = " HTTP/1.1\r\n\r\n",
        [GATE_FIELD] = "\r\n",
        [GATE_NAME] = "x:\r\n\r\n",
        [GATE_VALUE_LF] = "\n\r\n",
        [GATE_END_LF] = "\n",
        [GATE_CHUNK_FIRST] = "0\r\n\r\n",
        [GATE_CHUNK_DATA_CR] = "\r\n0\r\n\r\n",
        [GATE_CHUNK_DATA_LF] = "\n0\r\n\r\n",
    };
    static const char version_end[] = "HTTP/1.1\r\n\r\n";
    switch (gate->state) {
    case GATE_VERSION:
        return (struct gate_ending){ .first = version_end + gate->matched, .last = "" };
    case GATE_VALUE:
        return (struct gate_ending){ .first = end_of_field(gate), .last = "" };
    case GATE_BODY:
        return (struct gate_ending){ .first = "", .filling = gate->length, .last = "" };
    case GATE_CHUNK_DATA:
        return (struct gate_ending){ .first = "", .filling = gate->length, .last = "\r\n0\r\n\r\n" };
    case GATE_CHUNK_SIZE:
    case GATE_CHUNK_EXTENSION:
        return end_chunk_line(gate, passed, "\r\n");
    case GATE_CHUNK_LF:
        return end_chunk_line(gate, passed, "\n");
    default:
        return (struct gate_ending){ .first = gate->state < ARRAY_LENGTH(texts) ? texts[gate->state] : "", .last = "" };
    }
}
