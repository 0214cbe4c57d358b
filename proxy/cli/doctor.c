/* `countersign doctor`: why are requests refused? Looks, asks, and says what follows, step by step. One thread; holds the
 * account's secret while it runs, as `countersign sign` does. */
#include "countersign/cli.h"

#include "account.h"
#include "countersign/clock.h"
#include "doctor_ask.h"
#include "doctor_network.h"
#include "doctor_options.h"
#include "doctor_print.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_WELL = 0, EXIT_CAUSE = 1, EXIT_UNCLEAR = 2, REPORT_MAX = 65536, KEY = 0, SECRET = 1 };

struct doctor_run {
    const struct doctor_options *options;
    const struct config *config;
    const struct config_upstream *upstream;
    size_t account;
    struct signer *signer; /* NULL where key or secret cannot be read */
    struct doctor_asker *asker;
    struct probes probes;
    struct doctor_page page;
    struct error *error;
};

/* --- what is looked at --- */

static bool find_upstream(struct doctor_run *run)
{
    const char *wanted = run->options->upstream;
    if (wanted == NULL) {
        run->upstream = cli_account_upstream(run->config, run->account);
        return true;
    }
    for (size_t i = 0; i < run->config->upstream_count; i++) {
        if (strcmp(run->config->upstreams[i].name, wanted) == 0) {
            run->upstream = &run->config->upstreams[i];
            return true;
        }
    }
    return error_set(run->error, ERROR_USAGE, "there is no upstream \"%.64s\" in the configuration", wanted);
}

static void describe_configuration(struct doctor_run *run)
{
    struct probes *probes = &run->probes;
    probes->file = run->config->file;
    probes->account = run->config->accounts[run->account].name;
    probes->upstream = run->upstream->name;
    probes->url = run->upstream->url;
    probes->proxy = run->upstream->proxy;
    probes->is_offline = run->options->offline;
    probes->tls.is_plain = strncmp(run->upstream->url, "https:", 6) != 0;
    probes->now_us = clock_wall_us();
}

/* The signer names in each line which of the two it is about, as in its documentation. */
static void note_unreadable(struct probes *probes, struct slice line)
{
    int which = slice_starts_with(line, "api_secret") ? SECRET : KEY;
    (void)snprintf(probes->form_error[which], PROBE_SENTENCE_MAX, "%.*s", SLICE_ARGUMENTS(line)); /* cut to fit */
    probes->form_error_is_white_space[which] =
        memmem(line.data, line.length, SECRET_WHITE_SPACE, sizeof(SECRET_WHITE_SPACE) - 1) != NULL;
}

/* False where the signer failed for another reason than a key or secret that cannot be read. */
static bool open_signer(struct doctor_run *run)
{
    struct buffer report;
    buffer_init(&report, REPORT_MAX);
    bool opened = signer_open_account(&run->signer, run->config, run->account, &report, run->error);
    bool has_lines = report.length > 0;
    struct slice rest = buffer_slice(&report), line;
    while (!opened && has_lines && slice_next_part(&rest, '\n', &line)) {
        if (line.length > 0)
            note_unreadable(&run->probes, line);
    }
    buffer_free(&report);
    return opened || has_lines;
}

static void measure_forms(struct doctor_run *run)
{
    if (run->signer == NULL)
        return;
    const struct signer_account *account = &run->signer->accounts[run->account];
    run->probes.has_forms = true;
    probe_form_measure(&run->probes.forms[KEY], secret_slice(&account->api_key));
    probe_form_measure(&run->probes.forms[SECRET], secret_slice(&account->api_secret));
    run->probes.same_text = slice_equal(secret_slice(&account->api_key), secret_slice(&account->api_secret));
}

/* --- the steps --- */

static bool print_check(struct doctor_run *run, enum probe_check check)
{
    struct probe_line line;
    probe_line_of_check(&line, check, &run->probes);
    return doctor_print_line(&run->page, &line, run->error);
}

static bool print_checks(struct doctor_run *run, enum probe_check first, enum probe_check last)
{
    for (int check = (int)first; check <= (int)last; check++) {
        if (!print_check(run, (enum probe_check)check))
            return false;
    }
    return true;
}

static bool print_answer(struct doctor_run *run, enum probe_way way, enum probe_trial trial)
{
    struct probe_line line;
    probe_line_of_answer(&line, way, trial, &run->probes);
    return doctor_print_line(&run->page, &line, run->error);
}

static bool ask_and_print(struct doctor_run *run, enum probe_way way, enum probe_trial trial)
{
    return doctor_ask(run->asker, way, trial, run->error) && print_answer(run, way, trial);
}

static bool look_here(struct doctor_run *run)
{
    if (!print_check(run, PROBE_CHECK_CONFIGURATION) || !open_signer(run))
        return false;
    measure_forms(run);
    return print_checks(run, PROBE_CHECK_KEY, PROBE_CHECK_SECRET);
}

/* The way that `serve` takes comes first: its answers are what the clock is read from, and TLS. */
static bool look_at_way(struct doctor_run *run)
{
    const struct doctor_asker_options options = { .upstream = run->upstream,
                                                  .signer = run->signer,
                                                  .account = run->account,
                                                  .timeout_us = run->options->timeout_us };
    doctor_look_at_network(&run->probes, run->upstream);
    return doctor_asker_open(&run->asker, &run->probes, &options, run->error) &&
           doctor_ask_main_way(run->asker, run->error) && print_checks(run, PROBE_CHECK_CLOCK, PROBE_CHECK_PROXY);
}

static bool ask_publicly(struct doctor_run *run)
{
    for (int i = 0; i < PROBE_WAYS; i++) {
        enum probe_way way = (enum probe_way)i;
        bool is_known = run->probes.answers[way][PROBE_PUBLIC].reply != PROBE_NOT_ASKED;
        if (!is_known && !doctor_has_way(run->asker, way))
            continue;
        if (is_known ? !print_answer(run, way, PROBE_PUBLIC) : !ask_and_print(run, way, PROBE_PUBLIC))
            return false;
    }
    return true;
}

/* Where key and secret are the same text, it may be the secret that would leave as the key. */
static bool may_sign(const struct doctor_run *run, enum probe_way way)
{
    return run->probes.answers[way][PROBE_PUBLIC].reply == PROBE_JSON && !run->probes.same_text;
}

static bool ask_signed(struct doctor_run *run)
{
    for (int way = 0; way < PROBE_WAYS; way++) {
        if (may_sign(run, (enum probe_way)way) && !ask_and_print(run, (enum probe_way)way, PROBE_SIGNED))
            return false;
    }
    return true;
}

/* On the main way in any case: an acceptance says something only where a wrong signature is refused. */
static bool ask_wrongly(struct doctor_run *run)
{
    for (int i = 0; i < PROBE_WAYS; i++) {
        enum probe_way way = (enum probe_way)i;
        bool is_wanted = may_sign(run, way) && (way == run->probes.main_way || probe_way_is_refused(&run->probes, way));
        if (is_wanted && !ask_and_print(run, way, PROBE_WRONG_SIGNATURE))
            return false;
    }
    return true;
}

/* What more can be found out of a refusal, while there are requests left. */
static bool ask_further(struct doctor_run *run)
{
    struct probes *probes = &run->probes;
    enum probe_way way = probes->main_way;
    if (!probe_way_is_refused(probes, way))
        return true;
    if (probe_clock_is_off(&probes->clock) && probes->requests < DOCTOR_REQUESTS_MAX &&
        !ask_and_print(run, way, PROBE_THEIR_TIME))
        return false;
    bool is_found = probes->answers[way][PROBE_THEIR_TIME].is_success;
    return is_found || probes->requests == DOCTOR_REQUESTS_MAX || ask_and_print(run, way, PROBE_MADE_UP_KEY);
}

static bool look_and_ask(struct doctor_run *run)
{
    if (!look_here(run))
        return false;
    if (run->signer == NULL || run->options->offline)
        return true;
    return look_at_way(run) && ask_publicly(run) && ask_signed(run) && ask_wrongly(run) && ask_further(run);
}

static int exit_code_of(enum probe_outcome outcome)
{
    static const int codes[] = {
        [PROBE_WELL] = EXIT_WELL, [PROBE_CAUSE_FOUND] = EXIT_CAUSE, [PROBE_UNCLEAR] = EXIT_UNCLEAR
    };
    return codes[outcome];
}

static int examine(struct doctor_run *run)
{
    struct probe_verdict verdict;
    int exit_code = EXIT_UNCLEAR;
    bool done = cli_account_find(&run->account, run->options->account, run->config, run->error) && find_upstream(run);
    if (done) {
        describe_configuration(run);
        done = look_and_ask(run);
    }
    if (done) {
        probe_judge(&verdict, &run->probes);
        exit_code = exit_code_of(verdict.outcome);
        done = doctor_print_verdict(&run->page, &verdict, &run->probes, exit_code, run->error);
    }
    doctor_asker_close(run->asker);
    signer_close(run->signer);
    return done ? exit_code : cli_failure("doctor", run->error);
}

static int load_and_examine(const struct doctor_options *options)
{
    struct config *config = NULL;
    struct error error = { .kind = ERROR_NONE };
    int exit_code = EXIT_UNCLEAR;
    if (!cli_config_load(&config, &options->config, &exit_code))
        return exit_code;
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT); /* what is found stands in the lines */
    struct doctor_run run = { .options = options, .config = config, .error = &error };
    run.page =
        (struct doctor_page){ .terminal = terminal_detect(STDOUT_FILENO, TERMINAL_COLOR_AUTO), .json = options->json };
    exit_code = examine(&run);
    config_free(config);
    return exit_code;
}

int cli_doctor(int argc, char **argv)
{
    struct doctor_options options;
    int exit_code = EXIT_UNCLEAR;
    if (doctor_options_read(&options, argc, argv)) {
        exit_code = options.help ? EXIT_WELL : load_and_examine(&options);
        if (options.help)
            (void)fputs(doctor_help, stdout); /* its reader sees a failure */
    }
    cli_config_options_end(&options.config);
    return exit_code;
}
