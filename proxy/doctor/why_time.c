/* Features that are times and differences of times, in few classes each: what is finer than its measurement, or than its
 * effect, only makes the exchanges look different. Pure; any thread. */
#include "why_private.h"

#include "countersign/compiler.h"
#include "countersign/scheme.h"

#include <inttypes.h>

enum { SECOND_MS = 1000, MS_US = 1000, WINDOW_STEP_MS = 5000, AGREE_MS = 2000 };

/* --- differences --- */

/* A difference is in the first class whose bound it does not reach. */
struct span {
    int below_ms; /* 0: no bound */
    const char *text;
};

static const char *span_text(const struct span *spans, int64_t ms)
{
    while (spans->below_ms != 0 && ms >= spans->below_ms)
        spans++;
    return spans->text;
}

static int64_t absolute(int64_t number)
{
    return number < 0 ? -number : number;
}

/* Date has whole seconds, and was written at some moment between the request's last byte and the answer's first: below two
 * seconds nothing is known. */
bool why_write_clock_offset(struct buffer *out, const struct why_look *look)
{
    static const struct span spans[] = {
        { 5 * SECOND_MS, "2 to 5 s" },    { 15 * SECOND_MS, "5 to 15 s" }, { 30 * SECOND_MS, "15 to 30 s" },
        { 60 * SECOND_MS, "30 to 60 s" }, { 0, "more than a minute" },
    };
    int64_t ours_us = look->record->first_byte_us != 0 ? look->record->first_byte_us : look->record->complete_us;
    if (look->answer_date_ms == 0 || ours_us == 0)
        return false;
    int64_t ahead_ms = ours_us / MS_US - (look->answer_date_ms + SECOND_MS / 2);
    if (absolute(ahead_ms) < AGREE_MS)
        return buffer_append_text(out, "with clocks that agree");
    return buffer_append_format(out, "with our clock %s %s the exchange's", span_text(spans, absolute(ahead_ms)),
                                ahead_ms > 0 ? "ahead of" : "behind");
}

static bool read_timestamp(int64_t *ms, const struct why_look *look)
{
    const struct why_member *member = &look->body.members[WHY_TIMESTAMP];
    uint64_t number;
    if (!member->is_there || !slice_to_u64(member->value, &number) || number > INT64_MAX)
        return false;
    *ms = (int64_t)number;
    return true;
}

bool why_write_timestamp_distance(struct buffer *out, const struct why_look *look)
{
    static const struct span spans[] = {
        { 5 * SECOND_MS, "1 to 5 s" },
        { 30 * SECOND_MS, "5 to 30 s" },
        { 300 * SECOND_MS, "30 s to 5 min" },
        { 0, "more than 5 min" },
    };
    int64_t timestamp_ms;
    if (look->expires_ms == 0 || !read_timestamp(&timestamp_ms, look))
        return false;
    int64_t later_ms = timestamp_ms - look->expires_ms;
    if (absolute(later_ms) < SECOND_MS)
        return buffer_append_text(out, "with a timestamp within 1 s of X-CS-EXPIRES");
    return buffer_append_format(out, "with a timestamp %s %s X-CS-EXPIRES", span_text(spans, absolute(later_ms)),
                                later_ms > 0 ? "after" : "before");
}

/* A signature made late in its window may arrive in the next one. */
bool why_write_window_age(struct buffer *out, const struct why_look *look)
{
    if (!look->is_signed || look->expires_ms <= 0)
        return false;
    int64_t from_s = look->expires_ms % SCHEME_WINDOW_MS / WINDOW_STEP_MS * WINDOW_STEP_MS / SECOND_MS;
    return buffer_append_format(out, "signed %" PRId64 " to %" PRId64 " s into the window", from_s,
                                from_s + WINDOW_STEP_MS / SECOND_MS);
}

bool why_write_signature_age(struct buffer *out, const struct why_look *look)
{
    static const struct span spans[] = {
        { 100, "sent less than 0.1 s after X-CS-EXPIRES" },
        { SECOND_MS, "sent 0.1 to 1 s after X-CS-EXPIRES" },
        { 5 * SECOND_MS, "sent 1 to 5 s after X-CS-EXPIRES" },
        { 30 * SECOND_MS, "sent 5 to 30 s after X-CS-EXPIRES" },
        { 60 * SECOND_MS, "sent 30 to 60 s after X-CS-EXPIRES" },
        { 0, "sent more than a minute after X-CS-EXPIRES" },
    };
    int64_t sent_us = look->record->sent_us != 0 ? look->record->sent_us : look->record->received_us;
    if (!look->is_signed || look->expires_ms == 0 || sent_us == 0)
        return false;
    int64_t age_ms = sent_us / MS_US - look->expires_ms;
    return buffer_append_text(out, age_ms <= -SECOND_MS ? "sent with an X-CS-EXPIRES more than 1 s ahead"
                                                        : span_text(spans, age_ms));
}

bool why_write_hour(struct buffer *out, const struct why_look *look)
{
    int64_t hour = look->record->received_us / MS_US / SECOND_MS / 3600 % 24;
    return look->record->received_us > 0 &&
           buffer_append_format(out, "from %02" PRId64 ":00 to %02" PRId64 ":59 UTC", hour, hour);
}
