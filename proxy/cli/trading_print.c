/* What `countersign stop-trading` and `resume-trading` say. One thread. */
#include "terminal.h"
#include "trading.h"

#include "countersign/json_write.h"

#include <unistd.h>

enum { TEXT_MAX = 65536 };

/* Prints and frees. */
static int print(struct buffer *out, const char *command)
{
    struct error error;
    bool done = out->failed ? error_set(&error, ERROR_MEMORY, "no memory for what is to be printed")
                            : terminal_write(STDOUT_FILENO, buffer_slice(out), &error);
    buffer_free(out);
    return done ? 0 : cli_failure(command, &error);
}

/* --- for programs --- */

/* print() looks at `failed`, here and below. */
static void append_json_stop(struct buffer *out, const struct trading_stop *stop)
{
    (void)buffer_append_text(out, "{\"listener\":");
    if (stop->listener[0] == '\0')
        (void)buffer_append_text(out, "null");
    else
        (void)json_append_string(out, slice_text(stop->listener));
    (void)json_append_member(out, "since", slice_text(stop->since));
    (void)buffer_append_format(out, ",\"uid\":%lld", (long long)stop->uid);
    (void)json_append_member(out, "reason", slice_text(stop->reason));
    (void)buffer_append_byte(out, '}');
}

static void append_json(struct buffer *out, const struct trading_place *place, const struct trading_state *state,
                        const struct error *damage)
{
    (void)buffer_append_format(out,
                               "{\"stopped\":%s,\"stateDir\":", state->count > 0 || damage != NULL ? "true" : "false");
    (void)json_append_string(out, slice_text(place->state_dir));
    (void)buffer_append_format(out, ",\"proxyAtWork\":%s,\"stops\":[", place->is_at_work ? "true" : "false");
    for (size_t i = 0; i < state->count; i++) {
        (void)buffer_append_text(out, i == 0 ? "" : ",");
        append_json_stop(out, &state->stops[i]);
    }
    (void)buffer_append_text(out, "]");
    if (damage != NULL)
        (void)json_append_member(out, "damaged", slice_text(damage->message));
    (void)buffer_append_text(out, "}\n");
}

/* --- for people --- */

static void append_outside(struct buffer *out, const char *text)
{
    terminal_append_escaped(out, slice_text(text), TERMINAL_ONE_LINE);
}

static void append_stops(struct buffer *out, const struct trading_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        const struct trading_stop *stop = &state->stops[i];
        (void)buffer_append_text(out, stop->listener[0] == '\0' ? "trading is stopped for all listeners"
                                                                : "trading is stopped for listener ");
        append_outside(out, stop->listener);
        (void)buffer_append_format(out, ", since %s, by user id %lld", stop->since, (long long)stop->uid);
        (void)buffer_append_text(out, stop->reason[0] == '\0' ? "" : ": ");
        append_outside(out, stop->reason);
        (void)buffer_append_byte(out, '\n');
    }
}

static void append_place(struct buffer *out, const struct trading_place *place, const char *at_work, const char *idle)
{
    append_outside(out, place->state_dir);
    (void)buffer_append_format(out, ": %s\n", place->is_at_work ? at_work : idle);
}

static void append_proposal(struct buffer *out, const struct trading_options *options, const char *text)
{
    cli_append_proposal(out, slice_text(text), &options->config, NULL);
    (void)buffer_append_byte(out, '\n');
}

int trading_print_stopped(const struct trading_options *options, const struct trading_place *place,
                          const struct trading_state *state)
{
    struct buffer out;
    buffer_init(&out, TEXT_MAX);
    if (options->json) {
        append_json(&out, place, state, NULL);
        return print(&out, "stop-trading");
    }
    append_stops(&out, state);
    append_place(&out, place, "the proxy that records there refuses orders from now on; cancels and reads pass",
                 "no proxy is at work there; the next one will refuse orders, and let cancels and reads pass");
    append_proposal(&out, options,
                    "what had left before is not called back; `countersign resume-trading` lifts the stop");
    return print(&out, "stop-trading");
}

int trading_print_resumed(const struct trading_options *options, const struct trading_place *place,
                          const struct trading_state *state)
{
    struct buffer out;
    buffer_init(&out, TEXT_MAX);
    if (options->json) {
        append_json(&out, place, state, NULL);
        return print(&out, "resume-trading");
    }
    append_stops(&out, state);
    if (state->count > 0)
        append_place(&out, place, "all other listeners trade", "all other listeners will trade");
    else
        append_place(&out, place, "orders leave again", "no proxy is at work there; the next one lets orders leave");
    return print(&out, "resume-trading");
}

int trading_print_status(const struct trading_options *options, const struct trading_place *place,
                         const struct trading_found *found)
{
    bool is_damaged = found->kind != TRADING_RUNS && found->kind != TRADING_STOPPED;
    struct buffer out;
    buffer_init(&out, TEXT_MAX);
    if (options->json) {
        append_json(&out, place, &found->state, is_damaged ? &found->reason : NULL);
        return print(&out, "stop-trading");
    }
    append_stops(&out, &found->state);
    if (is_damaged) {
        append_place(&out, place, "orders are refused, as whether trading is stopped cannot be read",
                     "whether trading is stopped cannot be read, so no proxy will start there");
        append_proposal(&out, options, found->reason.message);
    } else if (found->kind == TRADING_RUNS) {
        append_place(&out, place, "trading runs", "trading is not stopped; no proxy is at work there");
    } else {
        append_place(&out, place, "a proxy is at work there", "no proxy is at work there");
        append_proposal(&out, options, "`countersign resume-trading` lifts it");
    }
    return print(&out, "stop-trading");
}
