/* The page that says whether orders may be placed. Pure; any thread, also while another process writes the page. */
#include "countersign/trading_state.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { READ_TRIES = 64 /* of a page that is being written; each takes less than a microsecond */, STOP_PARTS = 4 };

const char trading_word_running[] = "RUNNING\n";
const char trading_word_stopped[] = "STOPPED\n";
const char trading_word_changing[] = "CHANGING";
_Static_assert(sizeof(trading_word_running) == TRADING_WORD_SIZE + 1 &&
                   sizeof(trading_word_stopped) == TRADING_WORD_SIZE + 1 &&
                   sizeof(trading_word_changing) == TRADING_WORD_SIZE + 1,
               "a word is one load");

static const char title[] = "countersign: whether orders may be placed (countersign stop-trading, resume-trading)\n";
static const char last_line[] = "end\n";
static const char all_listeners[] = "*";

/* --- writing --- */

bool trading_reason_is_valid(struct slice reason)
{
    for (size_t i = 0; i < reason.length; i++) {
        if ((unsigned char)reason.data[i] < 0x20 || reason.data[i] == 0x7f)
            return false;
    }
    return reason.length <= TRADING_REASON_MAX;
}

static bool is_word(struct slice text, size_t maximum)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] == 0x7f)
            return false;
    }
    return text.length > 0 && text.length <= maximum;
}

static bool append(struct trading_page *page, size_t *length, const char *text)
{
    size_t size = strlen(text);
    if (size > TRADING_PAGE_SIZE - *length)
        return false;
    memcpy(page->bytes + *length, text, size);
    *length += size;
    return true;
}

static bool append_stop(struct trading_page *page, size_t *length, const struct trading_stop *stop)
{
    char line[2 * TRADING_PAGE_SIZE / TRADING_STOPS_MAX];
    const char *listener = stop->listener[0] == '\0' ? all_listeners : stop->listener;
    int size =
        snprintf(line, sizeof(line), "%s\t%s\t%lld\t%s\n", listener, stop->since, (long long)stop->uid, stop->reason);
    return size > 0 && (size_t)size < sizeof(line) && is_word(slice_text(listener), TRADING_LISTENER_MAX) &&
           is_word(slice_text(stop->since), TRADING_SINCE_SIZE - 1) && stop->uid >= 0 &&
           trading_reason_is_valid(slice_text(stop->reason)) && append(page, length, line);
}

bool trading_page_write(struct trading_page *page, const struct trading_state *state)
{
    size_t length = 0;
    memset(page->bytes, 0, sizeof(page->bytes));
    bool done = append(page, &length, state->count == 0 ? trading_word_running : trading_word_stopped) &&
                append(page, &length, title);
    for (size_t i = 0; done && i < state->count; i++)
        done = append_stop(page, &length, &state->stops[i]);
    return done && append(page, &length, last_line);
}

/* --- reading --- */

static bool take(char *to, size_t size, struct slice part)
{
    if (part.length >= size)
        return false;
    memcpy(to, part.data, part.length);
    to[part.length] = '\0';
    return true;
}

static bool read_stop(struct trading_stop *stop, struct slice line)
{
    struct slice parts[STOP_PARTS], rest = line;
    uint64_t uid;
    for (size_t i = 0; i < STOP_PARTS; i++) {
        if (!slice_next_part(&rest, '\t', &parts[i]))
            return false;
    }
    bool is_padded = parts[2].length > 1 && parts[2].data[0] == '0';
    if (rest.data != NULL || is_padded || !slice_to_u64(parts[2], &uid) || uid > UINT32_MAX ||
        !is_word(parts[0], TRADING_LISTENER_MAX) || !is_word(parts[1], TRADING_SINCE_SIZE - 1) ||
        !trading_reason_is_valid(parts[3]))
        return false;
    bool is_for_all = slice_equal_text(parts[0], all_listeners);
    stop->uid = (int64_t)uid;
    return take(stop->listener, sizeof(stop->listener), is_for_all ? slice_of("", 0) : parts[0]) &&
           take(stop->since, sizeof(stop->since), parts[1]) && take(stop->reason, sizeof(stop->reason), parts[3]);
}

/* Behind the title: the stops, the last line, and zeros. */
static bool read_stops(struct trading_state *state, struct slice rest)
{
    struct slice line, end = slice_first(slice_text(last_line), sizeof(last_line) - 2);
    while (slice_next_part(&rest, '\n', &line)) {
        if (slice_equal(line, end))
            return slice_is_zero(rest);
        if (state->count == TRADING_STOPS_MAX || !read_stop(&state->stops[state->count], line))
            return false;
        state->count++;
    }
    return false;
}

static bool begins_with(struct slice *page, const char *text)
{
    if (!slice_starts_with(*page, text))
        return false;
    *page = slice_from(*page, strlen(text));
    return true;
}

enum trading_page_kind trading_page_read(struct trading_state *state, struct slice page)
{
    state->count = 0;
    if (page.length != TRADING_PAGE_SIZE)
        return TRADING_DAMAGED;
    if (begins_with(&page, trading_word_changing))
        return TRADING_CHANGING;
    bool runs = begins_with(&page, trading_word_running);
    if ((runs || begins_with(&page, trading_word_stopped)) && begins_with(&page, title) && read_stops(state, page) &&
        runs == (state->count == 0))
        return runs ? TRADING_RUNS : TRADING_STOPPED;
    state->count = 0;
    return TRADING_DAMAGED;
}

const struct trading_stop *trading_stop_for(const struct trading_state *state, const char *listener)
{
    for (size_t i = 0; i < state->count; i++) {
        if (state->stops[i].listener[0] == '\0' || strcmp(state->stops[i].listener, listener) == 0)
            return &state->stops[i];
    }
    return NULL;
}

/* --- at this moment --- */

bool trading_page_runs(const struct trading_page *page)
{
    uint64_t word;
    memcpy(&word, trading_word_running, sizeof(word));
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)page->bytes, memory_order_acquire) == word;
}
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the page is shared with other processes: no lock can guard it");

/* A copy that nobody wrote into meanwhile, as far as two looks can tell. */
static enum trading_page_kind read_now(struct trading_state *state, const struct trading_page *page)
{
    struct trading_page copy;
    enum trading_page_kind kind = TRADING_CHANGING;
    for (int i = 0; i < READ_TRIES && kind == TRADING_CHANGING; i++) {
        memcpy(&copy, page, sizeof(copy));
        atomic_thread_fence(memory_order_acquire);
        if (memcmp(&copy, page, sizeof(copy)) == 0)
            kind = trading_page_read(state, slice_of(copy.bytes, sizeof(copy.bytes)));
    }
    return kind;
}

bool trading_page_stops(char *reason, size_t size, const struct trading_page *page, const char *listener)
{
    struct trading_state state;
    if (trading_page_runs(page))
        return false;
    enum trading_page_kind kind = read_now(&state, page);
    if (kind == TRADING_RUNS)
        return false;
    if (kind != TRADING_STOPPED) {
        (void)snprintf(reason, size,
                       "whether it is cannot be read: the file trading in the state folder is missing or damaged; "
                       "`countersign stop-trading --status` says more, `countersign resume-trading` makes it anew");
        return true;
    }
    const struct trading_stop *stop = trading_stop_for(&state, listener);
    if (stop == NULL)
        return false;
    (void)snprintf(reason, size, "since %s, by user id %lld%s%s; `countersign resume-trading%s%s` lifts it",
                   stop->since, (long long)stop->uid, stop->reason[0] == '\0' ? "" : ": ", stop->reason,
                   stop->listener[0] == '\0' ? "" : " --listener ",
                   stop->listener); /* sized by the caller; cut is fine */
    return true;
}
