/* Any bytes as an answer's head and body, the first line as its Date. Held: texts end, the bounds of the clock stay in
 * order and hold what one answer alone allows. */
#include "countersign/probes.h"

#include <stdlib.h>
#include <string.h>

enum { NOW_US = 1700000000, ROUND_TRIP_US = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static void read_answer(struct slice text, int status)
{
    struct http_field items[] = { { SLICE_LITERAL("Content-Type"), text }, { SLICE_LITERAL("Location"), text } };
    const struct probe_response response = { .method = SLICE_LITERAL("POST"),
                                             .target = SLICE_LITERAL("/api/spot/accountList"),
                                             .status = status,
                                             .fields = { items, ARRAY_LENGTH(items) },
                                             .body = text };
    struct probe_answer answer = { .reply = PROBE_NOT_ASKED };
    probe_answer_read(&answer, &response);
    require(answer.reply >= PROBE_JSON);
    require(strnlen(answer.words, sizeof(answer.words)) < sizeof(answer.words));
    require(strnlen(answer.code, sizeof(answer.code)) < sizeof(answer.code));
}

static void read_date(struct slice text)
{
    const int64_t sent = INT64_C(1000000) * NOW_US;
    struct probe_clock clock = { .answers = 0 };
    if (!probe_clock_add(&clock, text, sent, sent + ROUND_TRIP_US))
        return;
    require(clock.answers == 1 && clock.high_us - clock.low_us == 1000000 + ROUND_TRIP_US);
    int64_t moment = probe_clock_best_moment(&clock, sent);
    require(moment >= sent && moment < sent + 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct probe_form form;
    read_date(slice_first(text, slice_find(text, '\n')));
    read_answer(text, 200);
    read_answer(text, 302);
    probe_form_measure(&form, text);
    require(form.lower_hex + form.upper_hex + form.look_alike + form.other + form.blank + form.beyond_ascii == size);
    return 0;
}
