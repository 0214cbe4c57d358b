/* `countersign log replay ID`: the client's request once more, through the running proxy, which signs it afresh. One
 * thread. It is sent once; nothing here tries again. */
#include "log_command.h"
#include "log_diff.h"
#include "replay_send.h"

#include "countersign/clock.h"
#include "countersign/http_message.h"
#include "countersign/policy.h"
#include "countersign/redaction.h"
#include "countersign/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEAD_MAX = 1 << 20, QUESTION_MAX = 1024, POLL_MS = 20, EXCHANGES = 2 };

static const int64_t answer_timeout_us = INT64_C(120) * 1000000, record_timeout_us = INT64_C(10) * 1000000;

/* --- may it be sent --- */

static bool moves_something(enum endpoint_class class)
{
    return class != ENDPOINT_PUBLIC && class != ENDPOINT_READ;
}

static bool refuse_unarmed(const struct record *record, enum endpoint_class class, struct error *error)
{
    return error_set(error, ERROR_USAGE,
                     "%.*s %.*s is of class %s (%s): it would be carried out once more; add --arm where that is meant",
                     SLICE_ARGUMENTS(slice_first(record->method, 16)),
                     SLICE_ARGUMENTS(slice_first(record->target, 128)), endpoint_class_name(class),
                     endpoint_class_meaning(class));
}

/* On a terminal the path is to be typed: --arm alone may come out of the shell's history. */
static bool confirm(const struct record *record, const struct running_listener *listener, struct error *error)
{
    char question[QUESTION_MAX], path[QUESTION_MAX / 4];
    struct buffer shown;
    if (!log_can_ask() || !moves_something(endpoint_classify(record->method, record->target)))
        return true;
    (void)snprintf(path, sizeof(path), "%.*s", SLICE_ARGUMENTS(http_target_path(record->target))); /* cut is fine */
    buffer_init(&shown, QUESTION_MAX / 2);
    terminal_append_escaped(&shown, slice_text(path), TERMINAL_ONE_LINE);
    (void)snprintf(
        question, sizeof(question),
        "This sends %.*s %s again, by %s to %s, signed for account %s, to be carried out. Type the path to go "
        "on:",
        SLICE_ARGUMENTS(slice_first(record->method, 16)), buffer_text(&shown), listener->address, listener->upstream,
        listener->account); /* likewise */
    buffer_free(&shown);
    return log_ask(question, path) || error_set(error, ERROR_USAGE, "not confirmed: nothing was sent");
}

static bool check(const struct record *record, bool arm, struct error *error)
{
    const struct record_message *request = &record->views[RECORD_CLIENT_REQUEST];
    enum endpoint_class class = endpoint_classify(record->method, record->target);
    if (request->head.length == 0)
        return error_set(error, ERROR_INPUT, "what the client sent is not recorded, so it cannot be sent again");
    if (slice_equal_text(record->error_name, "body-too-large"))
        return error_set(error, ERROR_INPUT, "its body was not read (proxy.body_max), so it cannot be sent again");
    return arm || !moves_something(class) || refuse_unarmed(record, class, error);
}

/* --- what is sent --- */

/* Fields whose values are masked in the record cannot be sent; the proxy sets X-CS-* itself. */
static bool is_left_out(struct slice line)
{
    size_t colon = slice_find(line, ':');
    if (colon == line.length)
        return false;
    struct slice name = slice_trim_blanks(slice_first(line, colon));
    const struct redaction_rule *rule = redaction_rule_find(name);
    if (!rule->forward && slice_equal_text_caseless(slice_first(name, 5), "X-CS-"))
        return true;
    if (rule->record != REDACTION_KEEP)
        log_note("countersign log replay: %.*s is masked in the record, so it is left out", SLICE_ARGUMENTS(name));
    return rule->record != REDACTION_KEEP;
}

/* The head line by line, every other byte as it was. */
static bool make_head(struct buffer *out, struct slice head, struct error *error)
{
    struct slice rest = head;
    while (rest.length > 0) {
        size_t length = slice_find(rest, '\n');
        struct slice line = slice_first(rest, length + 1);
        if (!is_left_out(line))
            buffer_append_slice(out, line);
        rest = slice_from(rest, line.length);
    }
    return !out->failed || error_set(error, ERROR_LIMIT, "the request's head is larger than %d bytes", HEAD_MAX);
}

/* A body that came in chunks is recorded without them. */
static bool check_length(struct slice head, struct slice body, struct error *error)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice method, target;
    if (!http_parse_request_head(&method, &target, &fields, HTTP_FIELDS_MAX, head))
        return error_set(error, ERROR_INPUT, "the recorded request is no HTTP/1.1 request that could be sent");
    if (http_field_find(fields, "Transfer-Encoding") == NULL)
        return true;
    return body.length == 0 || error_set(error, ERROR_INPUT,
                                         "its body came in chunks, whose borders are not recorded: it cannot be sent "
                                         "byte for byte; `log export --format curl` sends it with a length");
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
    const char *slash = strrchr(run->store_path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(run->store_path, (size_t)(slash - run->store_path));
    const char *to = run->options->to;
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGUMENTS(record->listener)); /* cut, it is not found */
    bool done = folder != NULL || error_set(error, ERROR_MEMORY, "out of memory");
    done = done && (to == NULL || given_address(address, to, error)) &&
           running_find(listener, folder, name[0] != '\0' ? name : NULL, to != NULL ? address : NULL, error);
    free(folder);
    return done;
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

static bool note_end(void *context, const struct record *record)
{
    *(bool *)context = record->outcome != RECORD_IN_FLIGHT && record->replied_us != 0;
    return true;
}

/* The recorder runs a little behind the answer. */
static bool wait_for_record(const struct log_run *run, int64_t id, struct error *error)
{
    const struct capture_query query = { .filter = { .id_from = id, .id_to = id }, .limit = 1 };
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    int64_t deadline_us = clock_monotonic_us() + record_timeout_us;
    bool ended = false;
    while (capture_reader_list(run->reader, &query, note_end, &ended, error)) {
        if (ended)
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

static bool send_once(int64_t *id, const struct running_listener *listener, const struct record *record,
                      struct error *error)
{
    struct endpoint endpoint;
    struct buffer head, answer;
    size_t head_length = 0;
    bool sent = false;
    buffer_init(&head, HEAD_MAX);
    buffer_init(&answer, REPLAY_ANSWER_MAX);
    bool done = endpoint_parse(&endpoint, listener->address, error) &&
                make_head(&head, record->views[RECORD_CLIENT_REQUEST].head, error) &&
                check_length(buffer_slice(&head), record->views[RECORD_CLIENT_REQUEST].body, error);
    if (done) {
        done = replay_send(&answer, &head_length, &sent, &endpoint, buffer_slice(&head),
                           record->views[RECORD_CLIENT_REQUEST].body, answer_timeout_us, error) &&
               answer_id(id, slice_first(buffer_slice(&answer), head_length), error);
        if (!done && sent)
            (void)error_prefix(error, "it was sent, and may have been carried out: look it up before sending it again");
    }
    buffer_free(&head);
    buffer_free(&answer);
    return done;
}

static bool replay(struct log_run *run, struct error *error)
{
    struct record record;
    struct running_listener listener;
    int64_t id = 0, new_id = 0;
    char text[EXCHANGES][RECORD_ID_TEXT_MAX];
    if (!log_id_resolve(&id, run, run->options->words[0], error) ||
        !capture_reader_get(&record, run->reader, id, error) || !check(&record, run->options->arm, error) ||
        !find_listener(&listener, run, &record, error) || !confirm(&record, &listener, error) ||
        !send_once(&new_id, &listener, &record, error) || !wait_for_record(run, new_id, error))
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
