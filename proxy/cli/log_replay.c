/* `countersign log replay ID`: the client's request once more, through the running proxy, which signs it afresh. One
 * thread. It is sent once; nothing here tries again. */
#include "log_command.h"
#include "log_diff.h"
#include "replay_request.h"
#include "replay_send.h"
#include "replay_token.h"

#include "countersign/clock.h"
#include "countersign/http_message.h"
#include "countersign/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUESTION_MAX = 2048, POLL_MS = 20, EXCHANGES = 2, REPLAY_HEAD_MAX = 1 << 21 };

static const int64_t answer_timeout_us = INT64_C(120) * 1000000, record_timeout_us = INT64_C(10) * 1000000;

/* --- may it be sent --- */

static bool refuse_unarmed(const struct replay_request *request, struct error *error)
{
    return error_set(
        error, ERROR_USAGE, "%.*s %.*s is of class %s (%s): it may be carried out; add --arm where that is meant",
        SLICE_ARGUMENTS(slice_first(request->method, 16)), SLICE_ARGUMENTS(slice_first(request->target, 128)),
        endpoint_class_name(request->class), endpoint_class_meaning(request->class));
}

/* On a terminal the path is to be typed: --arm alone may come out of the shell's history. */
static bool confirm(const struct replay_request *request, const struct running_listener *listener, struct error *error)
{
    char question[QUESTION_MAX], path[QUESTION_MAX / 8];
    if (!log_can_ask() || !replay_request_moves_something(request))
        return true;
    (void)snprintf(path, sizeof(path), "%.*s", SLICE_ARGUMENTS(http_target_path(request->target))); /* cut is fine */
    (void)snprintf(
        question, sizeof(question),
        "This sends %.*s %s again, by %s to %s, signed for account %s, to be carried out. Type the path to go on:",
        SLICE_ARGUMENTS(slice_first(request->method, 16)), path, listener->address, listener->upstream,
        listener->account); /* likewise */
    return log_ask(question, path) || error_set(error, ERROR_USAGE, "not confirmed: nothing was sent");
}

/* --- where to --- */

/* "127.0.0.1:8787" and "unix:/path", and also as `serve` prints it: "http://127.0.0.1:8787/". */
static bool given_address(char *text, const char *to, struct error *error)
{
    struct slice address = slice_text(to);
    if (slice_starts_with(address, "http://")) {
        address = slice_from(address, strlen("http://"));
        address = slice_first(address, slice_find(address, '/'));
    }
    return snprintf(text, ENDPOINT_TEXT_MAX, "%.*s", SLICE_ARGUMENTS(address)) < ENDPOINT_TEXT_MAX ||
           error_set(error, ERROR_USAGE, "--to takes an address, as in 127.0.0.1:8787 or unix:/path: this is too long");
}

/* The listener of the very proxy that records into this store: another one may have another account, on another host. */
static bool find_listener(struct running_listener *listener, const struct log_run *run, const struct record *record,
                          struct error *error)
{
    char address[ENDPOINT_TEXT_MAX], name[RUNNING_TEXT_MAX];
    const char *to = run->options->to;
    char *folder = log_store_folder(run, error);
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGUMENTS(record->listener)); /* cut, it is not found */
    bool done = folder != NULL && (to == NULL || given_address(address, to, error)) &&
                running_find(listener, folder, name[0] != '\0' ? name : NULL, to != NULL ? address : NULL, error);
    free(folder);
    return done;
}

/* What is replayed is to be signed: the record's own signature has expired. */
static bool check_mode(const struct running_listener *listener, struct error *error)
{
    return strcmp(listener->mode, "observe") != 0 ||
           error_set(error, ERROR_INPUT,
                     "listener %s at %s is in mode observe and signs nothing: name one that does with --to",
                     listener->name, listener->address);
}

/* --- what came of it --- */

static bool answer_id(int64_t *id, struct slice head, struct error *error)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    int status;
    const struct http_field *field = NULL;
    if (http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, head))
        field = http_field_find(fields, "Countersign-Exchange");
    return (field != NULL && record_id_parse(id, field->value)) ||
           error_set(error, ERROR_NETWORK, "what answered is no countersign: its answer has no Countersign-Exchange");
}

/* The new exchange as the recorder has it by now. */
struct arrival {
    const struct replay_request *request;
    int64_t begun_us; /* wall clock, before it was sent */
    bool is_there;
    bool has_ended;
};

static bool note_arrival(void *context, const struct record *record)
{
    struct arrival *arrival = context;
    arrival->is_there = record->received_us >= arrival->begun_us &&
                        slice_equal(record->method, arrival->request->method) &&
                        slice_equal(record->target, arrival->request->target);
    arrival->has_ended = record->outcome != RECORD_IN_FLIGHT && record->replied_us != 0;
    return true;
}

/* The recorder runs a little behind the answer. */
static bool wait_for_record(const struct log_run *run, int64_t id, struct arrival *arrival, struct error *error)
{
    const struct capture_query query = { .filter = { .id_from = id, .id_to = id }, .limit = 1 };
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    int64_t deadline_us = clock_monotonic_us() + record_timeout_us;
    while (capture_reader_list(run->reader, &query, note_arrival, arrival, error)) {
        if (arrival->is_there && arrival->has_ended)
            return true;
        if (clock_monotonic_us() > deadline_us)
            return error_set(
                error, ERROR_SYSTEM,
                "it was sent and answered as exchange %lld, which is not in %s: does the proxy record there?",
                (long long)id, run->store_path);
        (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
    }
    return false;
}

static bool send_once(int64_t *id, const struct running_listener *listener, struct slice head, struct slice body,
                      struct error *error)
{
    struct endpoint endpoint;
    struct buffer answer;
    size_t head_length = 0;
    bool sent = false;
    if (!endpoint_parse(&endpoint, listener->address, error))
        return false;
    buffer_init(&answer, REPLAY_ANSWER_MAX);
    bool done = replay_send(&answer, &head_length, &sent, &endpoint, head, body, answer_timeout_us, error) &&
                answer_id(id, slice_first(buffer_slice(&answer), head_length), error);
    if (!done && !sent)
        (void)error_prefix(error, "nothing was sent");
    if (!done && sent)
        (void)error_prefix(
            error, "it left, and may have been carried out: `countersign log` will have its outcome; look it up before "
                   "sending it again");
    buffer_free(&answer);
    return done;
}

static bool send_and_wait(int64_t *new_id, const struct log_run *run, const struct record *record,
                          const struct replay_request *request, struct error *error)
{
    struct running_listener listener;
    struct arrival arrival = { .request = request };
    if (!run->options->arm && replay_request_moves_something(request))
        return refuse_unarmed(request, error);
    if (!find_listener(&listener, run, record, error) || !check_mode(&listener, error) ||
        !confirm(request, &listener, error))
        return false;
    struct buffer head;
    buffer_init(&head, REPLAY_HEAD_MAX);
    arrival.begun_us = clock_wall_us();
    bool done = replay_token_add(&head, buffer_slice(&request->head), run->options, listener.name, error) &&
                send_once(new_id, &listener, buffer_slice(&head), request->body, error) &&
                wait_for_record(run, *new_id, &arrival, error);
    buffer_wipe(&head); /* a token may stand in it */
    return done;
}

static bool replay(struct log_run *run, struct error *error)
{
    struct record record;
    struct replay_request request = { .body = slice_of(NULL, 0) };
    int64_t id = 0, new_id = 0;
    char text[EXCHANGES][RECORD_ID_TEXT_MAX];
    if (!log_id_resolve(&id, run, run->options->words[0], error) ||
        !capture_reader_get(&record, run->reader, id, error))
        return false;
    bool done = replay_request_make(&request, &record, error) && send_and_wait(&new_id, run, &record, &request, error);
    replay_request_free(&request);
    if (!done)
        return false;
    if (!run->options->json)
        log_note("exchange %s was sent again as %s", record_id_text(text[0], id), record_id_text(text[1], new_id));
    return log_diff_exchanges(run, (const int64_t[]){ id, new_id }, error);
}

const struct log_command log_command_replay = {
    .word = "replay",
    .synopsis = "[--arm] [--to ADDRESS] ID",
    .summary = "sends an exchange again through the running proxy, shows the difference",
    .help =
        "Sends what the client sent once more to the running proxy, byte for byte, to be signed afresh, and shows how "
        "the\n"
        "two exchanges differ. It is sent once. What places or cancels orders or moves funds, and what is not known, "
        "is\n"
        "refused without --arm, and asked about on a terminal. Ends with 0 where both are alike, 1 where they differ.",
    .takes = LOG_TAKES_REPLAY | LOG_TAKES_JSON | LOG_TAKES_ALL | LOG_TAKES_PAGER,
    .words_min = 1,
    .words_max = 1,
    .what_words = "which exchange? Give its id, or `last`",
    .run = replay,
};
