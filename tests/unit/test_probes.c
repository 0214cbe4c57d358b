/* What follows from probes: the clocks' bounds, the form of keys, what an answer is, and the ranking over every combination
 * of answers. */
#include "countersign/catalogue.h"
#include "doctor/probe_rank.h"

#include "text_asserts.h"

#include <stdio.h>

#define SECOND_US      INT64_C(1000000)
#define MILLISECOND_US INT64_C(1000)
#define NOON_US        ((INT64_C(20454) * 86400 + 43200) * SECOND_US) /* of Thu, 01 Jan 2026 */

/* --- the clock --- */

static void a_date_is_read_as_the_second_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        int64_t seconds;
    } cases[] = {
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },          { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Tue, 29 Feb 2000 23:59:59 GMT", 951868799 },  { "Fri, 01 Mar 2024 00:00:00 GMT", 1709251200 },
        { "Sat, 28 Feb 2026 12:00:00 GMT", 1772280000 }, { "Thu, 31 Dec 2099 23:59:59 GMT", 4102444799 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct probe_clock clock = { .answers = 0 };
        assert_true(probe_clock_add(&clock, slice_text(cases[i].date), 0, 0));
        assert_int_equal(clock.low_us, cases[i].seconds * SECOND_US);
        assert_int_equal(clock.high_us, (cases[i].seconds + 1) * SECOND_US);
    }
}

static void what_is_no_date_of_today_is_none(void **state)
{
    (void)state;
    static const char *const none[] = { "",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994",
                                        "Sun, 06 Nox 1994 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 24:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:37 GMT " };
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
        struct probe_clock clock = { .answers = 0 };
        assert_false(probe_clock_add(&clock, slice_text(none[i]), 0, 0));
        assert_int_equal(clock.answers, 0);
    }
}

/* An exchange whose clock is `offset_us` ahead, `there_us` after the request left, answers; `round_us` is the whole trip. */
static void ask(struct probe_clock *clock, int64_t sent_us, int64_t offset_us, int64_t there_us, int64_t round_us)
{
    char date[64];
    int64_t second = (sent_us + there_us + offset_us) / SECOND_US;
    int64_t of_day = second % 86400;
    assert_int_equal(second / 86400, 20454); /* Thu, 01 Jan 2026, all the time */
    (void)snprintf(date, sizeof(date), "Thu, 01 Jan 2026 %02d:%02d:%02d GMT", (int)(of_day / 3600),
                   (int)(of_day / 60 % 60), (int)(of_day % 60)); /* fits */
    assert_true(probe_clock_add(clock, slice_text(date), sent_us, sent_us + round_us));
}

static void compare(int64_t offset_us, int64_t phase_us, int64_t round_us)
{
    struct probe_clock clock = { .answers = 0 };
    int64_t now = NOON_US + phase_us;
    for (int i = 0; i < 3; i++) {
        now = probe_clock_best_moment(&clock, now);
        ask(&clock, now, offset_us, round_us / 3, round_us);
        now += round_us;
    }
    assert_false(clock.is_contradictory);
    assert_true(clock.low_us <= offset_us && offset_us <= clock.high_us);
    assert_true(probe_clock_bound_us(&clock) <= SECOND_US / 8 + round_us);
}

static void the_true_offset_is_within_the_bound_and_each_answer_halves_it(void **state)
{
    (void)state;
    for (int64_t offset = -95 * SECOND_US; offset <= 95 * SECOND_US; offset += 7777777) {
        for (int64_t phase = 0; phase < SECOND_US; phase += 99 * MILLISECOND_US) {
            for (int64_t round = MILLISECOND_US; round <= 250 * MILLISECOND_US; round += 83 * MILLISECOND_US)
                compare(offset, phase, round);
        }
    }
}

static void answers_that_contradict_each_other_are_called_so(void **state)
{
    (void)state;
    struct probe_clock clock = { .answers = 0 };
    ask(&clock, NOON_US, 0, 0, 1000);
    ask(&clock, NOON_US + SECOND_US, 20 * SECOND_US, 0, 1000);
    ask(&clock, NOON_US + 2 * SECOND_US, 0, 0, 1000);
    assert_true(clock.is_contradictory);
    assert_true(clock.low_us <= 0 && clock.high_us >= 20 * SECOND_US);
}

static void a_date_of_another_age_does_not_keep_anyone_waiting(void **state)
{
    (void)state;
    struct probe_clock clock = { .answers = 0 };
    assert_true(probe_clock_add(&clock, SLICE_LITERAL("Sun, 06 Nov 0997 08:49:37 GMT"), NOON_US, NOON_US + 1));
    int64_t moment = probe_clock_best_moment(&clock, NOON_US);
    assert_true(moment >= NOON_US && moment < NOON_US + SECOND_US);
}

/* --- forms --- */

static void measure(struct probe_line *line, const char *text)
{
    struct probes probes = { .proxy = "", .has_forms = true };
    probe_form_measure(&probes.forms[0], slice_text(text));
    probe_line_of_check(line, PROBE_CHECK_KEY, &probes);
}

static void what_is_odd_about_a_key_is_said_without_showing_it(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum probe_status status;
        const char *says;
    } cases[] = {
        { "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e", PROBE_OK, "32 characters, lower-case hex" },
        { "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0", PROBE_WARNING, "31 characters" },
        { "0F3C5A7E9B1D2F4A6C8E0B2D4F6A8C0E", PROBE_WARNING, "upper-case" },
        { "Of3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e", PROBE_WARNING, "position 1" },
        { "0f3c5a7e9bld2f4a6c8e0b2d4f6a8c0e", PROBE_WARNING, "position 11" },
        { "\"0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e\"", PROBE_WARNING, "quotes" },
        { "0f3c5a7e9b1d2f4a 6c8e0b2d4f6a8c0e", PROBE_WARNING, "white space inside" },
        { "0f3c5a7e9b1d2f4a\xd0\xb0"
          "6c8e0b2d4f6a8c0e",
          PROBE_WARNING, "beyond ASCII" },
        { "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A", PROBE_WARNING, "no hex" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct probe_line line;
        measure(&line, cases[i].key);
        assert_int_equal(line.status, cases[i].status);
        assert_contains(line.says, cases[i].says);
        assert_lacks(line.says, cases[i].key);
    }
}

/* --- answers --- */

static struct probe_answer read_answer(int status, const char *type, const char *body)
{
    struct http_field field = { SLICE_LITERAL("Content-Type"), slice_text(type) };
    const struct probe_response response = { .method = SLICE_LITERAL("POST"),
                                             .target = SLICE_LITERAL("/api/spot/accountList"),
                                             .status = status,
                                             .fields = { &field, 1 },
                                             .body = slice_text(body) };
    struct probe_answer answer = { .reply = PROBE_NOT_ASKED };
    probe_answer_read(&answer, &response);
    return answer;
}

static void an_answer_is_the_exchanges_or_somebody_elses(void **state)
{
    (void)state;
    static const char html[] = "text/html; charset=utf-8", json[] = "application/json";
    struct probe_answer answer = read_answer(200, json, "{\"code\":\"1401\",\"msg\":\"Unauthorized\"}");
    assert_int_equal(answer.reply, PROBE_JSON);
    assert_string_equal(answer.code, "1401");
    assert_string_equal(answer.words, "Unauthorized");
    assert_false(answer.is_success);
    assert_true(read_answer(200, json, "{\"code\":0,\"data\":[]}").is_success);
    assert_int_equal(read_answer(200, html, "hello").reply, PROBE_HTML);
    assert_int_equal(read_answer(200, json, "<HTML><title>x</title>").reply, PROBE_HTML);
    assert_string_equal(read_answer(200, html, "<html><TITLE lang=en> Log in </title>").words, "Log in");
    assert_string_equal(read_answer(200, html, "<html><title").words, "");
    assert_int_equal(read_answer(307, json, "{}").reply, PROBE_REDIRECT);
    assert_int_equal(read_answer(200, "text/plain", "hello").reply, PROBE_OTHER);
    assert_int_equal(read_answer(200, json, "").reply, PROBE_OTHER);
}

/* --- the ranking, over every combination --- */

static void every_cause_has_its_entry_in_the_catalogue(void **state)
{
    (void)state;
    static const struct probe_cause_row *const tables[] = { probe_way_causes, probe_refusal_causes };
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
        for (const struct probe_cause_row *row = tables[t]; row->id != NULL; row++) {
            if (catalogue_cause_find(slice_text(row->id)) == NULL)
                fail_msg("`countersign explain %s` would find nothing", row->id);
        }
    }
}

/* What a trial can bring. */
static const struct outcome {
    enum probe_reply reply;
    bool is_success;
    int status;
    const char *code;
} outcomes[] = {
    { PROBE_NOT_ASKED, false, 0, "" },  { PROBE_NO_ANSWER, false, 0, "" },     { PROBE_JSON, true, 200, "0" },
    { PROBE_JSON, false, 200, "1401" }, { PROBE_JSON, false, 401, "401" },     { PROBE_JSON, false, 200, "3005" },
    { PROBE_JSON, false, 200, "6001" }, { PROBE_JSON, false, 200, "no-such" },
};
enum { OUTCOMES = ARRAY_LENGTH(outcomes) };

static void set(struct probe_answer *answer, const struct outcome *outcome)
{
    *answer =
        (struct probe_answer){ .reply = outcome->reply, .is_success = outcome->is_success, .status = outcome->status };
    (void)snprintf(answer->code, sizeof(answer->code), "%s", outcome->code); /* fits, and below */
    (void)snprintf(answer->words, sizeof(answer->words), "what was said");
}

static void check_verdict(const struct probe_verdict *verdict, const struct probes *probes)
{
    bool is_accepted = probes->answers[PROBE_IPV4][PROBE_SIGNED].is_success;
    assert_true(verdict->sentence[0] != '\0');
    if (verdict->outcome == PROBE_WELL)
        assert_true(is_accepted && !probe_way_is_refused(probes, PROBE_IPV4));
    if (verdict->outcome == PROBE_CAUSE_FOUND)
        assert_true(verdict->cause_count > 0 && verdict->causes[0].standing >= PROBE_LIKELY);
    for (size_t i = 0; i < verdict->cause_count; i++) {
        assert_true(verdict->causes[i].because[0] != '\0');
        assert_true(i == 0 || verdict->causes[i].standing <= verdict->causes[i - 1].standing);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(verdict->causes[i].id, verdict->causes[k].id);
    }
}

static enum probe_standing standing_of(const struct probe_verdict *verdict, const char *id)
{
    for (size_t i = 0; i < verdict->cause_count; i++) {
        if (strcmp(verdict->causes[i].id, id) == 0)
            return verdict->causes[i].standing;
    }
    return PROBE_RULED_OUT;
}

/* Where a changed signature gets another answer, secret and key are what they should be. */
static void check_reasoning(const struct probe_verdict *verdict, const struct probes *probes)
{
    const struct probe_answer *right = &probes->answers[PROBE_IPV4][PROBE_SIGNED];
    const struct probe_answer *wrong = &probes->answers[PROBE_IPV4][PROBE_WRONG_SIGNATURE];
    bool differs = right->reply == PROBE_JSON && wrong->reply == PROBE_JSON && strcmp(right->code, wrong->code) != 0;
    if (differs) {
        assert_int_equal(standing_of(verdict, "wrong-secret"), PROBE_RULED_OUT);
        assert_int_equal(standing_of(verdict, "wrong-key"), PROBE_RULED_OUT);
    }
    if (right->is_success) {
        assert_int_equal(standing_of(verdict, "wrong-secret"), PROBE_RULED_OUT);
        assert_int_equal(standing_of(verdict, "ip-not-whitelisted"), PROBE_RULED_OUT);
    }
}

static void every_combination_of_answers_has_a_verdict_that_fits_it(void **state)
{
    (void)state;
    struct probes probes = { .account = "main", .upstream = "spot", .url = "https://x", .proxy = "" };
    struct probe_verdict verdict;
    probes.is_used[PROBE_IPV4] = probes.is_used[PROBE_IPV6] = true;
    set(&probes.answers[PROBE_IPV4][PROBE_PUBLIC], &outcomes[2]);
    for (size_t n = 0; n < (size_t)OUTCOMES * OUTCOMES * OUTCOMES * OUTCOMES; n++) {
        size_t right = n % OUTCOMES, wrong = n / OUTCOMES % OUTCOMES, made_up = n / OUTCOMES / OUTCOMES % OUTCOMES;
        set(&probes.answers[PROBE_IPV4][PROBE_SIGNED], &outcomes[right]);
        set(&probes.answers[PROBE_IPV4][PROBE_WRONG_SIGNATURE], &outcomes[wrong]);
        set(&probes.answers[PROBE_IPV4][PROBE_MADE_UP_KEY], &outcomes[made_up]);
        set(&probes.answers[PROBE_IPV4][PROBE_THEIR_TIME], &outcomes[n / OUTCOMES / OUTCOMES / OUTCOMES]);
        probe_judge(&verdict, &probes);
        check_verdict(&verdict, &probes);
        check_reasoning(&verdict, &probes);
    }
}

/* --- what is not to be claimed --- */

/* A read that is accepted over IPv4 and gets `refusal` over IPv6. */
static struct probes two_ways(const struct outcome *refusal)
{
    struct probes probes = { .account = "main", .upstream = "spot", .url = "https://x", .proxy = "" };
    set(&probes.answers[PROBE_IPV4][PROBE_PUBLIC], &outcomes[2]);
    set(&probes.answers[PROBE_IPV6][PROBE_PUBLIC], &outcomes[2]);
    set(&probes.answers[PROBE_IPV4][PROBE_SIGNED], &outcomes[2]);
    set(&probes.answers[PROBE_IPV6][PROBE_SIGNED], refusal);
    probes.is_used[PROBE_IPV4] = true;
    return probes;
}

static void what_passes_on_one_way_alone_is_not_laid_on_the_whitelist(void **state)
{
    (void)state;
    static const struct outcome rate = { PROBE_JSON, false, 429, "429" }, fault = { PROBE_JSON, false, 500, "500" };
    static const struct outcome whitelist = { PROBE_JSON, false, 200, "1401" };
    static const struct {
        const struct outcome *refusal;
        const char *cause;
    } cases[] = { { &rate, "rate-per-address" }, { &fault, "exchange-internal" }, { &whitelist, "ip-family" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct probes probes = two_ways(cases[i].refusal);
        struct probe_verdict verdict;
        probe_judge(&verdict, &probes); /* over IPv6, which is not used */
        assert_int_equal(verdict.outcome, PROBE_WELL);
        assert_int_equal(strstr(verdict.todo, "whitelist") != NULL, cases[i].refusal == &whitelist);
        probes.is_used[PROBE_IPV6] = true;
        probe_judge(&verdict, &probes);
        assert_int_equal(verdict.outcome, PROBE_CAUSE_FOUND);
        assert_string_equal(verdict.causes[0].id, cases[i].cause);
    }
}

static void a_bound_as_wide_as_a_window_does_not_accuse_the_clock(void **state)
{
    (void)state;
    struct probes probes = two_ways(&outcomes[2]);
    struct probe_verdict verdict;
    ask(&probes.clock, NOON_US, 0, 30 * SECOND_US, 61 * SECOND_US); /* one slow answer */
    assert_true(probe_clock_bound_us(&probes.clock) >= 30 * SECOND_US);
    probe_judge(&verdict, &probes);
    assert_int_equal(verdict.outcome, PROBE_WELL);
    probes.clock = (struct probe_clock){ .answers = 0 };
    ask(&probes.clock, NOON_US, 0, 0, 1000);
    ask(&probes.clock, NOON_US, 120 * SECOND_US, 0, 1000); /* of two servers */
    assert_true(probes.clock.is_contradictory);
    probe_judge(&verdict, &probes);
    assert_int_equal(verdict.outcome, PROBE_WELL);
    probes.clock = (struct probe_clock){ .answers = 0 };
    ask(&probes.clock, NOON_US, 45 * SECOND_US, 0, 1000);
    probe_judge(&verdict, &probes);
    assert_string_equal(verdict.causes[0].id, "clock");
}

static void without_an_answer_of_the_exchange_nothing_is_concluded_from_it(void **state)
{
    (void)state;
    static const struct outcome page = { PROBE_HTML, false, 502, "" };
    struct probes probes = two_ways(&outcomes[3]);
    struct probe_line line;
    set(&probes.answers[PROBE_IPV6][PROBE_WRONG_SIGNATURE], &page);
    probe_line_of_answer(&line, PROBE_IPV6, PROBE_WRONG_SIGNATURE, &probes);
    assert_lacks(line.todo, "was taken for right");
    set(&probes.answers[PROBE_IPV6][PROBE_SIGNED], &outcomes[1]); /* none came */
    set(&probes.answers[PROBE_IPV6][PROBE_WRONG_SIGNATURE], &outcomes[3]);
    probe_line_of_answer(&line, PROBE_IPV6, PROBE_WRONG_SIGNATURE, &probes);
    assert_lacks(line.todo, "was taken for right");
    set(&probes.answers[PROBE_IPV6][PROBE_THEIR_TIME], &outcomes[1]);
    probe_line_of_answer(&line, PROBE_IPV6, PROBE_THEIR_TIME, &probes);
    assert_lacks(line.todo, "Refused all the same");
    assert_int_equal(line.status, PROBE_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_read_as_the_second_it_names),
        cmocka_unit_test(what_is_no_date_of_today_is_none),
        cmocka_unit_test(the_true_offset_is_within_the_bound_and_each_answer_halves_it),
        cmocka_unit_test(answers_that_contradict_each_other_are_called_so),
        cmocka_unit_test(a_date_of_another_age_does_not_keep_anyone_waiting),
        cmocka_unit_test(what_is_odd_about_a_key_is_said_without_showing_it),
        cmocka_unit_test(an_answer_is_the_exchanges_or_somebody_elses),
        cmocka_unit_test(every_cause_has_its_entry_in_the_catalogue),
        cmocka_unit_test(every_combination_of_answers_has_a_verdict_that_fits_it),
        cmocka_unit_test(what_passes_on_one_way_alone_is_not_laid_on_the_whitelist),
        cmocka_unit_test(a_bound_as_wide_as_a_window_does_not_accuse_the_clock),
        cmocka_unit_test(without_an_answer_of_the_exchange_nothing_is_concluded_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
