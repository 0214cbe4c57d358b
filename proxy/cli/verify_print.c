/* A judgement for people: the verdict first, then what was signed beside what was sent, and how to put it right. Owns
 * nothing; one thread. */
#include "verify.h"

#include "log_diff_page.h"

enum {
    LABEL = 11,        /* columns */
    SHOWN = 160,       /* bytes of a payload on its line */
    SHOWN_BEFORE = 40, /* of these before the first difference */
    SHOWN_TARGET = 1024
};

struct page {
    struct buffer *out;
    const struct terminal *terminal;
};

static void append_label(const struct page *page, const char *label)
{
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "%-*s", LABEL, label);
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
}

static void append_line(const struct page *page, const char *label, const char *text)
{
    append_label(page, label);
    buffer_append_format(page->out, "%s\n", text);
}

static void append_verdict(const struct page *page, const struct verify_case *judged)
{
    static const enum terminal_style styles[] = {
        [RECIPE_RIGHT] = TERMINAL_GREEN,   [RECIPE_FOUND] = TERMINAL_RED,        [RECIPE_NONE] = TERMINAL_RED,
        [RECIPE_NO_KEY] = TERMINAL_YELLOW, [RECIPE_NO_FIELDS] = TERMINAL_YELLOW, [RECIPE_NO_WINDOW] = TERMINAL_YELLOW,
    };
    bool is_useless = judged->finding.verdict == RECIPE_RIGHT && !verify_is_usable(judged);
    enum terminal_style style = is_useless ? TERMINAL_YELLOW : styles[judged->finding.verdict];
    terminal_style_begin(page->out, page->terminal, style);
    verify_append_sentence(page->out, judged);
    terminal_style_end(page->out, page->terminal, style);
    buffer_append_byte(page->out, '\n');
}

static void append_request(const struct page *page, const struct verify_case *judged)
{
    struct slice target = judged->request.target;
    append_label(page, "request");
    terminal_append_escaped(page->out, judged->request.method, TERMINAL_ONE_LINE);
    buffer_append_byte(page->out, ' ');
    terminal_append_escaped(page->out, slice_first(target, SHOWN_TARGET), TERMINAL_ONE_LINE);
    buffer_append_text(page->out, target.length > SHOWN_TARGET ? " ..." : "");
    if (judged->name != NULL) {
        buffer_append_text(page->out, "  (");
        terminal_append_escaped(page->out, slice_text(judged->name), TERMINAL_ONE_LINE);
        buffer_append_format(page->out, "%s%s)", judged->view == NULL ? "" : " ",
                             judged->view == NULL ? "" : judged->view);
    }
    buffer_append_byte(page->out, '\n');
    append_line(page, "account", judged->account);
}

/* Some bytes around the offset. */
static void append_excerpt(const struct page *page, const char *label, struct slice payload, size_t offset)
{
    size_t begin = payload.length <= SHOWN || offset < SHOWN_BEFORE ? 0 : offset - SHOWN_BEFORE;
    struct slice shown = slice_first(slice_from(payload, begin), SHOWN);
    append_label(page, label);
    buffer_append_format(page->out, "%zu byte%s%s", payload.length, payload.length == 1 ? "" : "s",
                         payload.length == 0 ? ""
                         : begin == 0        ? "  "
                                             : "  ... ");
    terminal_append_escaped(page->out, shown, TERMINAL_ONE_LINE);
    buffer_append_text(page->out, begin + shown.length < payload.length ? " ...\n" : "\n");
}

static void append_payloads(const struct page *page, const struct verify_case *judged)
{
    struct buffer sent;
    struct slice was_signed = buffer_slice(&judged->finding.payload);
    buffer_init(&sent, VERIFY_OUTPUT_MAX);
    verify_append_payload(&sent, judged);
    size_t offset = verify_first_difference(was_signed, buffer_slice(&sent));
    bool is_same = slice_equal(was_signed, buffer_slice(&sent));
    if (is_same) {
        append_excerpt(page, "payload", was_signed, 0);
    } else {
        append_excerpt(page, "signed", was_signed, offset);
        append_excerpt(page, "sent", buffer_slice(&sent), offset);
        append_label(page, "");
        buffer_append_format(page->out, "they differ from byte %zu on; A was signed, B was sent:\n", offset);
        const struct diff_finding finding = { .values = { was_signed, buffer_slice(&sent) }, .offset = offset };
        log_diff_append_window(page->out, page->terminal, &finding);
    }
    page->out->failed = page->out->failed || sent.failed;
    buffer_free(&sent);
}

static void append_window(const struct page *page, const struct verify_case *judged)
{
    const char *was_signed = judged->finding.window;
    char right[RECIPE_WINDOW_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, sizeof(right));
    buffer_append_format(&text, "%llu", (unsigned long long)judged->window);
    append_label(page, "window");
    buffer_append_format(page->out, "%s = floor(%.*s / %d)", buffer_text(&text),
                         SLICE_ARGUMENTS(judged->request.expires), SCHEME_WINDOW_MS);
    if (was_signed[0] == '\0')
        buffer_append_text(page->out, "; none was signed");
    else if (!slice_equal_text(buffer_slice(&text), was_signed))
        buffer_append_format(page->out, "; signed was %s", was_signed);
    buffer_append_byte(page->out, '\n');
    buffer_free(&text);
}

static void append_fix(const struct page *page, const struct recipe_fix *fix)
{
    append_line(page, "python", fix->python);
    append_line(page, "javascript", fix->javascript);
    append_line(page, "java", fix->java);
}

static void append_finding(const struct page *page, const struct verify_case *judged)
{
    const struct recipe_finding *finding = &judged->finding;
    for (size_t i = 0; i < finding->recipe_count; i++)
        append_line(page, i == 0 ? "recipe" : "", finding->recipes[i]->name);
    append_payloads(page, judged);
    append_window(page, judged);
    buffer_append_text(page->out, "\nDone right:\n");
    append_fix(page, finding->recipes[0]->fix);
    if (finding->recipe_count > 1 && finding->recipes[1]->fix != finding->recipes[0]->fix)
        append_fix(page, finding->recipes[1]->fix);
}

static void append_warning(void *context, const char *warning)
{
    const struct page *page = context;
    terminal_style_begin(page->out, page->terminal, TERMINAL_YELLOW);
    buffer_append_format(page->out, "%-*s%s\n", LABEL, "warning", warning);
    terminal_style_end(page->out, page->terminal, TERMINAL_YELLOW);
}

void verify_append_text(struct buffer *out, const struct terminal *terminal, const struct verify_case *judged)
{
    struct page page = { .out = out, .terminal = terminal };
    append_verdict(&page, judged);
    append_request(&page, judged);
    verify_each_warning(judged, append_warning, &page);
    if (judged->finding.verdict == RECIPE_FOUND)
        append_finding(&page, judged);
    buffer_append_byte(out, '\n');
}
