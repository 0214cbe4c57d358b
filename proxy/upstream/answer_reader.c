/* Where an answer of HTTP/1.1 has its heads, its body and its transfer coding's own bytes. A step for each state takes a run of
 * bytes; runs are told to the owner as late as can be, so that a head that came at once is one call. Pure. */
#include "answer_reader.h"

#include <string.h>

enum state {
    STATE_VERSION, /* the first bytes of a head */
    STATE_LINE,    /* within a head's line */
    STATE_LINE_START,
    STATE_LINE_CR, /* a line that is a CR so far */
    STATE_LENGTH,
    STATE_TO_THE_END,
    STATE_SIZE, /* of a chunk: its digits */
    STATE_SIZE_BLANK,
    STATE_EXTENSION,
    STATE_SIZE_LF,
    STATE_CHUNK,
    STATE_CHUNK_CR,
    STATE_CHUNK_LF,
    STATE_TRAILER_START,
    STATE_TRAILER,
    STATE_TRAILER_LF,
    STATE_END_LF, /* of the empty line behind the trailers */
    STATE_COUNT
};

enum { SIZE_DIGITS_MAX = 16, BITS_PER_DIGIT = 4 }; /* what 64 bits hold */

/* One call of answer_reader_take. */
struct run {
    struct answer_reader *reader;
    const struct answer_owner *owner;
    void *context;
    const char *told; /* the owner knows what is before it */
    const char *at;
    const char *end;
};

/* A step is called with at least one byte. It takes bytes, or goes to another state, or both. */
struct state_row {
    enum answer_progress (*step)(struct run *run);
    char demanded;   /* step_demanded's */
    enum state next; /* behind what is demanded, or skipped */
    bool is_head;
};

static const struct state_row states[STATE_COUNT];

static enum answer_progress go(struct run *run, enum state state)
{
    run->reader->state = (int)state;
    return ANSWER_MORE;
}

static enum answer_progress take_and_go(struct run *run, enum state state)
{
    run->at++;
    return go(run, state);
}

static struct slice run_rest(const struct run *run)
{
    return slice_of(run->at, (size_t)(run->end - run->at));
}

/* Of the state's own bytes: to be called before it changes between head and coding. */
static bool tell(struct run *run)
{
    const char *from = run->told;
    size_t count = (size_t)(run->at - from);
    run->told = run->at;
    if (count == 0)
        return true;
    if (states[run->reader->state].is_head)
        return run->owner->head_bytes(run->context, slice_of(from, count));
    return run->owner->coding_bytes(run->context, count);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* --- heads --- */

static enum answer_progress end_head(struct run *run)
{
    static const struct {
        enum state state;
        enum answer_progress progress;
    } behind[] = {
        [ANSWER_INTERIM] = { STATE_VERSION, ANSWER_MORE },
        [ANSWER_NO_BODY] = { STATE_LENGTH, ANSWER_WHOLE },
        [ANSWER_LENGTH] = { STATE_LENGTH, ANSWER_MORE },
        [ANSWER_CHUNKED] = { STATE_SIZE, ANSWER_MORE },
        [ANSWER_TO_THE_END] = { STATE_TO_THE_END, ANSWER_MORE },
        [ANSWER_UNREADABLE] = { STATE_LENGTH, ANSWER_BAD_CODING },
    };
    uint64_t length = 0;
    if (!tell(run))
        return ANSWER_STOPPED;
    enum answer_framing framing = run->owner->head_end(run->context, &length);
    answer_reader_start(run->reader);
    (void)go(run, behind[framing].state); /* the table says how it goes on */
    if (framing != ANSWER_LENGTH)
        return behind[framing].progress;
    run->reader->left = length;
    return length == 0 ? ANSWER_WHOLE : ANSWER_MORE;
}

static enum answer_progress step_version(struct run *run)
{
    static const char version[] = "HTTP/1.";
    struct answer_reader *reader = run->reader;
    for (; version[reader->matched] != '\0'; reader->matched++, run->at++) {
        if (run->at == run->end)
            return ANSWER_MORE;
        if (*run->at != version[reader->matched])
            return ANSWER_NOT_HTTP;
    }
    if (run->at == run->end)
        return ANSWER_MORE;
    return *run->at >= '0' && *run->at <= '9' ? take_and_go(run, STATE_LINE) : ANSWER_NOT_HTTP;
}

static enum answer_progress step_line(struct run *run)
{
    struct slice rest = run_rest(run);
    size_t length = slice_find(rest, '\n');
    run->at += length;
    return length == rest.length ? ANSWER_MORE : take_and_go(run, STATE_LINE_START);
}

static enum answer_progress step_line_start(struct run *run)
{
    char first = *run->at++;
    if (first == '\n')
        return end_head(run);
    if (is_blank(first))
        return ANSWER_FOLDED;
    return go(run, first == '\r' ? STATE_LINE_CR : STATE_LINE);
}

static enum answer_progress step_line_cr(struct run *run)
{
    if (*run->at != '\n')
        return go(run, STATE_LINE);
    run->at++;
    return end_head(run);
}

/* --- bodies --- */

/* At most `count` bytes of the body, of which there is one at least. Returns how many; 0 where the owner stops. */
static size_t take_body(struct run *run, uint64_t count)
{
    struct slice bytes = run_rest(run);
    if (bytes.length > count)
        bytes.length = (size_t)count;
    if (!tell(run))
        return 0;
    run->at += bytes.length;
    run->told = run->at;
    return run->owner->body_bytes(run->context, bytes) ? bytes.length : 0;
}

static enum answer_progress step_length(struct run *run)
{
    size_t taken = take_body(run, run->reader->left);
    run->reader->left -= taken;
    if (taken == 0)
        return ANSWER_STOPPED;
    return run->reader->left == 0 ? ANSWER_WHOLE : ANSWER_MORE;
}

static enum answer_progress step_to_the_end(struct run *run)
{
    return take_body(run, UINT64_MAX) == 0 ? ANSWER_STOPPED : ANSWER_MORE;
}

/* --- chunks (RFC 9112 §7.1): what two readers could read differently is not read at all --- */

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static enum answer_progress end_size(struct run *run)
{
    char byte = *run->at;
    if (run->reader->digits == 0 || (byte != '\r' && byte != ';' && !is_blank(byte)))
        return ANSWER_BAD_CODING;
    run->reader->digits = 0; /* of the next */
    if (byte == '\r')
        return take_and_go(run, STATE_SIZE_LF);
    return take_and_go(run, byte == ';' ? STATE_EXTENSION : STATE_SIZE_BLANK);
}

static enum answer_progress step_size(struct run *run)
{
    struct answer_reader *reader = run->reader;
    for (; run->at < run->end; run->at++) {
        int digit = digit_of(*run->at);
        if (digit < 0)
            return end_size(run);
        if (reader->digits == SIZE_DIGITS_MAX)
            return ANSWER_BAD_CODING;
        reader->digits++;
        reader->left = reader->left << BITS_PER_DIGIT | (unsigned)digit;
    }
    return ANSWER_MORE;
}

/* The grammar has blanks before an extension alone (RFC 9112 §7.1.1). */
static enum answer_progress step_size_blank(struct run *run)
{
    if (is_blank(*run->at))
        return take_and_go(run, STATE_SIZE_BLANK);
    return *run->at == ';' ? take_and_go(run, STATE_EXTENSION) : ANSWER_BAD_CODING;
}

/* Up to and with the CR of the line's end. */
static enum answer_progress step_skip(struct run *run)
{
    struct slice rest = run_rest(run);
    struct slice line = slice_first(rest, slice_find(rest, '\r'));
    size_t length = slice_find(line, '\n');
    run->at += length;
    if (length < line.length)
        return ANSWER_BAD_CODING;
    return length == rest.length ? ANSWER_MORE : take_and_go(run, states[run->reader->state].next);
}

static enum answer_progress step_demanded(struct run *run)
{
    const struct state_row *row = &states[run->reader->state];
    return *run->at == row->demanded ? take_and_go(run, row->next) : ANSWER_BAD_CODING;
}

static enum answer_progress step_size_lf(struct run *run)
{
    if (*run->at != '\n')
        return ANSWER_BAD_CODING;
    return take_and_go(run, run->reader->left == 0 ? STATE_TRAILER_START : STATE_CHUNK);
}

static enum answer_progress step_chunk(struct run *run)
{
    size_t taken = take_body(run, run->reader->left);
    run->reader->left -= taken;
    if (taken == 0)
        return ANSWER_STOPPED;
    return run->reader->left == 0 ? go(run, STATE_CHUNK_CR) : ANSWER_MORE;
}

static enum answer_progress step_trailer_start(struct run *run)
{
    if (*run->at == '\r')
        return take_and_go(run, STATE_END_LF);
    return is_blank(*run->at) ? ANSWER_BAD_CODING : go(run, STATE_TRAILER);
}

static enum answer_progress step_end_lf(struct run *run)
{
    if (*run->at != '\n')
        return ANSWER_BAD_CODING;
    run->at++;
    return ANSWER_WHOLE;
}

static const struct state_row states[STATE_COUNT] = {
    [STATE_VERSION] = { .step = step_version, .is_head = true },
    [STATE_LINE] = { .step = step_line, .is_head = true },
    [STATE_LINE_START] = { .step = step_line_start, .is_head = true },
    [STATE_LINE_CR] = { .step = step_line_cr, .is_head = true },
    [STATE_LENGTH] = { .step = step_length },
    [STATE_TO_THE_END] = { .step = step_to_the_end },
    [STATE_SIZE] = { .step = step_size },
    [STATE_SIZE_BLANK] = { .step = step_size_blank },
    [STATE_EXTENSION] = { .step = step_skip, .next = STATE_SIZE_LF },
    [STATE_SIZE_LF] = { .step = step_size_lf },
    [STATE_CHUNK] = { .step = step_chunk },
    [STATE_CHUNK_CR] = { .step = step_demanded, .demanded = '\r', .next = STATE_CHUNK_LF },
    [STATE_CHUNK_LF] = { .step = step_demanded, .demanded = '\n', .next = STATE_SIZE },
    [STATE_TRAILER_START] = { .step = step_trailer_start },
    [STATE_TRAILER] = { .step = step_skip, .next = STATE_TRAILER_LF },
    [STATE_TRAILER_LF] = { .step = step_demanded, .demanded = '\n', .next = STATE_TRAILER_START },
    [STATE_END_LF] = { .step = step_end_lf },
};

void answer_reader_start(struct answer_reader *reader)
{
    *reader = (struct answer_reader){ .state = STATE_VERSION };
}

enum answer_progress answer_reader_take(struct answer_reader *reader, const struct answer_owner *owner, void *context,
                                        struct slice bytes, size_t *used)
{
    *used = 0;
    if (bytes.length == 0)
        return ANSWER_MORE;
    struct run run = { .reader = reader,
                       .owner = owner,
                       .context = context,
                       .told = bytes.data,
                       .at = bytes.data,
                       .end = bytes.data + bytes.length };
    enum answer_progress progress = ANSWER_MORE;
    while (progress == ANSWER_MORE && run.at < run.end)
        progress = states[reader->state].step(&run);
    if (!tell(&run))
        progress = ANSWER_STOPPED;
    *used = (size_t)(run.at - bytes.data);
    return progress;
}

bool answer_reader_may_end(const struct answer_reader *reader)
{
    return reader->state == STATE_TO_THE_END;
}
