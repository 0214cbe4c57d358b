/* `countersign verify`: finds the requests, judges their signatures with the account's secret, and prints. The secret is in
 * this process as it is in `countersign sign`, and in nothing that is printed. One thread. */
#include "verify.h"

#include "account.h"
#include "body_input.h"
#include "log_source.h"
#include "verify_options.h"

#include "countersign/cli.h"
#include "countersign/clock.h"
#include "countersign/http_message.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { US_PER_MS = 1000, MS_PER_SECOND = 1000, HTTP_UNAUTHORIZED = 401 };

/* An account's secrets, read once: a variable that held one is gone after it. */
struct holder {
    struct signer *signer; /* NULL: not read, or not readable */
    bool is_asked;
};

struct verify_run {
    const struct verify_options *options;
    const struct config *config;
    struct terminal terminal;
    struct holder *holders; /* one for each account */
    size_t account;         /* that of the request at hand */
    size_t judged;          /* signatures */
    bool has_wrong;
};

/* --- a request --- */

/* "https://host/path?query" is a host and a target; a target stays one. */
static void set_target(struct recipe_request *request, struct slice text)
{
    const char *mark = text.length > 0 && text.data[0] != '/' ? memmem(text.data, text.length, "://", 3) : NULL;
    request->target = text;
    if (mark == NULL)
        return;
    struct slice rest = slice_from(text, (size_t)(mark - text.data) + 3);
    size_t slash = slice_find(rest, '/');
    request->scheme = slice_first(text, (size_t)(mark - text.data));
    request->host = slice_first(rest, slash);
    request->target = slash == rest.length ? SLICE_LITERAL("/") : slice_from(rest, slash);
}

static struct slice value_of(struct http_fields fields, const char *name)
{
    const struct http_field *field = http_field_find(fields, name);
    return field == NULL ? slice_of(NULL, 0) : field->value;
}

/* Reads a request's message; false where it has no signature. */
static bool read_message(struct verify_case *judged, const struct record_message *message)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice target;
    *judged = (struct verify_case){
        .name = judged->name, .view = judged->view, .config = judged->config, .store = judged->store
    };
    if (!http_parse_request_head(&judged->request.method, &target, &fields, HTTP_FIELDS_MAX, message->head))
        return false;
    judged->request.body = message->body;
    judged->request.host = value_of(fields, "Host");
    judged->request.expires = value_of(fields, SCHEME_FIELD_EXPIRES);
    judged->request.signature = value_of(fields, SCHEME_FIELD_SIGN);
    judged->api_key_sent = value_of(fields, SCHEME_FIELD_APIKEY);
    judged->content_type = value_of(fields, "Content-Type");
    set_target(&judged->request, target);
    return judged->request.signature.length > 0;
}

/* A client of this proxy's knows two URLs: the proxy's, over plain HTTP, and the exchange's, which may still stand in what it
 * signs. */
static void add_hosts(struct verify_case *judged, const struct record_message *left)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice method, target;
    judged->request.scheme = SLICE_LITERAL("http");
    if (http_parse_request_head(&method, &target, &fields, HTTP_FIELDS_MAX, left->head))
        judged->exchange_host = value_of(fields, "Host");
}

static bool is_refusal(const struct record *record)
{
    static const char *const codes[] = { "401", "1401", "3005" }; /* whose documented causes the signature is among */
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        if (slice_equal_text(record->api_code, codes[i]))
            return true;
    }
    return false;
}

/* When it was on its way, by our clock and by the exchange's, and what the exchange said to this very signature. */
static void add_answer(struct verify_case *judged, const struct record *record, enum record_view view)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    bool is_replaced = view == RECORD_CLIENT_REQUEST && record->is_signed;
    int64_t met_us = view == RECORD_UPSTREAM_REQUEST && record->sent_us != 0 ? record->sent_us : record->received_us;
    int64_t date_s;
    int status;
    judged->met_ms = met_us / US_PER_MS;
    if (record->outcome == RECORD_API_ERROR && !is_replaced && is_refusal(record))
        judged->refusal = record->api_code;
    else if (record->outcome == RECORD_HTTP_ERROR && !is_replaced && record->status == HTTP_UNAUTHORIZED)
        judged->refusal = SLICE_LITERAL("HTTP 401");
    if (http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, record->views[RECORD_UPSTREAM_RESPONSE].head) &&
        http_date_read(&date_s, value_of(fields, "Date")))
        judged->date_ms = date_s * MS_PER_SECOND;
}

/* The client's own signature where it sent one, else that of what left. */
static void read_record(struct verify_case *judged, const struct record *record, enum record_view view)
{
    static const char *const words[] = {
        [RECORD_CLIENT_REQUEST] = "as the client sent it", [RECORD_UPSTREAM_REQUEST] = "as it left for the exchange"
    };
    bool is_twice =
        record->views[RECORD_CLIENT_REQUEST].head.length > 0 && record->views[RECORD_UPSTREAM_REQUEST].head.length > 0;
    if (view == RECORD_VIEW_COUNT)
        view = read_message(judged, &record->views[RECORD_CLIENT_REQUEST]) ? RECORD_CLIENT_REQUEST
                                                                           : RECORD_UPSTREAM_REQUEST;
    (void)read_message(judged, &record->views[view]); /* what is missing is the verdict's to say */
    if (is_twice && view == RECORD_CLIENT_REQUEST)
        add_hosts(judged, &record->views[RECORD_UPSTREAM_REQUEST]);
    judged->view = is_twice ? words[view] : NULL;
    add_answer(judged, record, view);
}

static void read_fields(struct verify_case *judged, const struct verify_options *options, struct slice body)
{
    bool has_body = options->body != NULL || options->body_file != NULL;
    *judged = (struct verify_case){ .config = &options->config, .store = options->store };
    judged->request.method = slice_text(options->method != NULL ? options->method : has_body ? "POST" : "GET");
    judged->request.body = body;
    judged->request.expires = slice_trim_blanks(slice_text(options->expires));
    judged->request.signature = slice_trim_blanks(slice_text(options->signature));
    judged->api_key_sent = slice_text(options->api_key);
    set_target(&judged->request, slice_text(options->target));
}

/* --- the judgement --- */

/* Whether a key was sent; the record holds keys masked: then it is compared masked. */
static bool is_key(struct slice sent, struct slice key)
{
    char masked[SECRET_MAX];
    if (slice_equal(sent, key))
        return true;
    if (sent.length != key.length || key.length > sizeof(masked))
        return false;
    secret_mask(masked, key);
    bool is_it = slice_equal(sent, slice_of(masked, key.length));
    explicit_bzero(masked, sizeof(masked));
    return is_it;
}

static bool print(const struct verify_run *run, const struct verify_case *judged, struct error *error)
{
    struct buffer out;
    buffer_init(&out, VERIFY_OUTPUT_MAX);
    if (run->options->json)
        verify_append_json(&out, judged);
    else
        verify_append_text(&out, &run->terminal, judged);
    bool done = out.failed ? error_set(error, ERROR_MEMORY, "no memory for what is to be printed")
                           : terminal_write(STDOUT_FILENO, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

/* Reads the other accounts' secrets. What cannot be read is no trouble here, and nobody's command is run unasked. */
static void ask_others(struct verify_run *run)
{
    for (size_t i = 0; i < run->config->account_count; i++) {
        const struct config_account *account = &run->config->accounts[i];
        struct holder *holder = &run->holders[i];
        struct buffer report;
        if (holder->is_asked || cli_account_disturbs(account))
            continue;
        holder->is_asked = true;
        buffer_init(&report, VERIFY_OUTPUT_MAX);
        if (!signer_open_account(&holder->signer, run->config, i, &report, NULL))
            holder->signer = NULL;
        buffer_free(&report);
    }
}

/* Whether the signature is right with another account's secret. */
static bool find_other_account(struct verify_run *run, struct verify_case *judged, struct error *error)
{
    static const struct recipe_options once = { .without_pairs = true };
    ask_others(run);
    for (size_t i = 0; judged->other_account == NULL && i < run->config->account_count; i++) {
        const struct signer *signer = run->holders[i].signer;
        struct recipe_finding finding;
        if (signer == NULL || i == run->account)
            continue;
        const struct recipe_keys keys = { .has_secret = true, .secret = secret_slice(&signer->accounts[i].api_secret) };
        if (!recipe_judge(&finding, &judged->request, &keys, &once, error))
            return false;
        if (finding.verdict == RECIPE_RIGHT)
            judged->other_account = run->config->accounts[i].name;
        recipe_finding_end(&finding);
    }
    return true;
}

/* Tries the exchange's host in place of the one that the client sent to. What is found then has that host in it. */
static bool try_exchange_host(struct verify_case *judged, const struct recipe_keys *keys, struct error *error)
{
    struct recipe_request request = judged->request;
    struct recipe_finding finding;
    if (judged->finding.verdict != RECIPE_NONE || judged->exchange_host.length == 0)
        return true;
    request.host = judged->exchange_host;
    request.scheme = slice_of(NULL, 0);
    if (!recipe_judge(&finding, &request, keys, NULL, error))
        return false;
    if (finding.verdict == RECIPE_FOUND) {
        struct recipe_finding none = judged->finding;
        judged->finding = finding;
        finding = none;
    }
    recipe_finding_end(&finding);
    return true;
}

static void end_run(struct verify_run *run)
{
    for (size_t i = 0; run->holders != NULL && i < run->config->account_count; i++)
        signer_close(run->holders[i].signer);
    free(run->holders);
}

static bool judge(struct verify_run *run, struct verify_case *judged, struct error *error)
{
    const struct signer_account *account = &run->holders[run->account].signer->accounts[run->account];
    const struct recipe_keys keys = { .has_secret = true, .secret = secret_slice(&account->api_secret) };
    uint64_t expires = 0;
    judged->account = run->config->accounts[run->account].name;
    judged->request.api_key = secret_slice(&account->api_key);
    judged->oddities = recipe_oddities(&judged->request);
    judged->is_another_key = judged->api_key_sent.length > 0 && !is_key(judged->api_key_sent, judged->request.api_key);
    judged->is_secret_sent = judged->is_another_key && is_key(judged->api_key_sent, keys.secret);
    if (slice_to_u64(judged->request.expires, &expires))
        judged->window = expires / SCHEME_WINDOW_MS;
    if (!recipe_judge(&judged->finding, &judged->request, &keys, NULL, error))
        return false;
    if (!try_exchange_host(judged, &keys, error)) {
        recipe_finding_end(&judged->finding);
        return false;
    }
    bool is_judged = judged->finding.verdict <= RECIPE_NONE;
    run->judged += is_judged ? 1 : 0;
    run->has_wrong = run->has_wrong || (is_judged && !verify_is_usable(judged));
    bool done =
        (judged->finding.verdict != RECIPE_NONE || find_other_account(run, judged, error)) && print(run, judged, error);
    recipe_finding_end(&judged->finding);
    return done;
}
_Static_assert(RECIPE_RIGHT < RECIPE_NONE && RECIPE_FOUND < RECIPE_NONE, "what is judged comes first");

/* The account that was asked for, else the record's own where the configuration has it, else the only one. */
static bool open_account(struct verify_run *run, struct slice recorded, struct error *error)
{
    const char *wanted = run->options->account;
    for (size_t i = 0; wanted == NULL && i < run->config->account_count; i++) {
        if (slice_equal_text(recorded, run->config->accounts[i].name))
            wanted = run->config->accounts[i].name;
    }
    if (!cli_account_find(&run->account, wanted, run->config, error))
        return false;
    struct holder *holder = &run->holders[run->account];
    holder->is_asked = true;
    return holder->signer != NULL || cli_signer_open(&holder->signer, "verify", run->config, run->account, error);
}

/* --- where requests come from --- */

static bool judge_exchange(struct verify_run *run, struct log_run *log, struct log_source *source, struct error *error)
{
    struct verify_case judged = { .name = source->name, .config = &run->options->config, .store = run->options->store };
    if (!capture_reader_open(&log->reader, log->store_path, error))
        return false;
    bool done =
        log_source_load(source, log, run->options->word, error) && open_account(run, source->record.account, error);
    if (done) {
        read_record(&judged, &source->record, run->options->view);
        done = judge(run, &judged, error);
    }
    capture_reader_close(log->reader);
    return done;
}

static bool judge_file(struct verify_run *run, const struct log_run *log, struct log_source *source,
                       struct error *error)
{
    size_t first = 0, count = 0;
    char name[LOG_SOURCE_NAME_MAX + 32];
    if (!log_source_load_file(source, log, run->options->word, &first, &count, error))
        return false;
    if (source->import->left_out > 0)
        log_note("countersign verify: %zu entries were left out: %s", source->import->left_out, source->import->reason);
    bool done = true;
    for (size_t i = first; done && i < first + count; i++) {
        struct verify_case judged = { .name = count == 1 ? source->name : name,
                                      .config = &run->options->config,
                                      .store = run->options->store };
        (void)snprintf(name, sizeof(name), "%s#%zu", source->name, i + 1); /* fits */
        const struct record *record = &source->import->records[i];
        read_record(&judged, record, run->options->view);
        done = open_account(run, record->account, error) && judge(run, &judged, error);
    }
    return done;
}

/* What is neither the form of an exchange nor a file is as likely a mistyped one as the other. */
static bool is_nothing(const char *word)
{
    size_t length = strcspn(word, "#");
    char file[LOG_SOURCE_NAME_MAX];
    if (log_id_is_one(word) || strcmp(word, "-") == 0 || length >= sizeof(file))
        return false;
    (void)snprintf(file, sizeof(file), "%.*s", (int)length, word); /* fits */
    return access(word, F_OK) != 0 && access(file, F_OK) != 0 && errno == ENOENT;
}

static bool judge_word(struct verify_run *run, struct error *error)
{
    if (is_nothing(run->options->word))
        return error_set(error, ERROR_INPUT, "`%.80s`: no exchange and no file of this name", run->options->word);
    struct log_options log_options = { .format = run->options->format, .now_us = clock_wall_us() };
    char *store =
        run->options->store != NULL ? strdup(run->options->store) : capture_store_file(run->config->proxy.state_dir);
    struct log_run log = { .options = &log_options, .store_path = store, .now_us = log_options.now_us };
    struct log_source source;
    if (store == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    memset(&source, 0, sizeof(source));
    bool done = log_id_is_one(run->options->word) ? judge_exchange(run, &log, &source, error)
                                                  : judge_file(run, &log, &source, error);
    log_source_close(&source);
    free(store);
    return done;
}

static bool judge_fields(struct verify_run *run, struct error *error)
{
    struct verify_case judged;
    struct buffer body;
    bool done = cli_body_read(&body, run->options->body, run->options->body_file, error) &&
                open_account(run, slice_of(NULL, 0), error);
    if (done) {
        read_fields(&judged, run->options, buffer_slice(&body));
        done = judge(run, &judged, error);
    }
    buffer_free(&body);
    return done;
}

static int judge_all(const struct verify_options *options)
{
    struct config *config = NULL;
    struct error error;
    int exit_code = 0;
    if (!cli_config_load(&config, &options->config, &exit_code))
        return exit_code;
    struct verify_run run = { .options = options,
                              .config = config,
                              .terminal = terminal_detect(STDOUT_FILENO, options->color) };
    run.holders = calloc(config->account_count, sizeof(*run.holders));
    if (run.holders == NULL)
        exit_code = cli_failure("verify", &(struct error){ .kind = ERROR_MEMORY, .message = "out of memory" });
    else if (!(options->word != NULL ? judge_word(&run, &error) : judge_fields(&run, &error)))
        exit_code = cli_failure("verify", &error);
    else
        exit_code = run.judged == 0 ? error_exit_code(ERROR_INPUT) : run.has_wrong ? 1 : 0;
    end_run(&run);
    config_free(config);
    return exit_code;
}

static int print_list(const struct verify_options *options)
{
    struct terminal terminal = terminal_detect(STDOUT_FILENO, options->color);
    struct error error = { .kind = ERROR_MEMORY, .message = "out of memory" };
    struct buffer out;
    buffer_init(&out, VERIFY_OUTPUT_MAX);
    verify_append_list(&out, &terminal, options->json);
    bool done = !out.failed && terminal_write(STDOUT_FILENO, buffer_slice(&out), &error);
    buffer_free(&out);
    return done ? 0 : cli_failure("verify", &error);
}

int cli_verify(int argc, char **argv)
{
    struct verify_options options;
    int exit_code = error_exit_code(ERROR_USAGE);
    (void)signal(SIGPIPE, SIG_DFL); /* `verify | head` ends as other tools do: quietly */
    if (verify_options_read(&options, argc, argv)) {
        if (options.help)
            (void)fputs(verify_help, stdout); /* its reader sees a failure */
        exit_code = options.help ? 0 : options.list ? print_list(&options) : judge_all(&options);
    }
    cli_config_options_end(&options.config);
    return exit_code;
}
