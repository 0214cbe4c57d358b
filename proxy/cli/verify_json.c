/* A judgement for scripts, and the table of recipes. Owns nothing; one thread. */
#include "verify.h"

#include "countersign/base64.h"
#include "countersign/json_write.h"

static void append_fix(struct buffer *out, const struct recipe_fix *fix)
{
    buffer_append_text(out, ",\"fix\":{\"python\":");
    json_append_string(out, slice_text(fix->python));
    json_append_member(out, "javascript", slice_text(fix->javascript));
    json_append_member(out, "java", slice_text(fix->java));
    buffer_append_byte(out, '}');
}

static void append_recipe(struct buffer *out, const struct recipe *recipe)
{
    buffer_append_text(out, "{\"name\":");
    json_append_string(out, slice_text(recipe->name));
    json_append_member(out, "dimension", slice_text(recipe_dimension_name(recipe->dimension)));
    json_append_member(out, "meaning", slice_text(recipe->meaning));
    append_fix(out, recipe->fix);
    buffer_append_format(out, ",\"pairs\":%s}", recipe->is_alone ? "false" : "true");
}

/* Bytes as text where they are UTF-8, else as base64. */
static void append_bytes(struct buffer *out, struct slice bytes)
{
    bool is_text = json_is_utf8(bytes);
    buffer_append_format(out, "\"length\":%zu", bytes.length);
    if (is_text) {
        json_append_member(out, "payload", bytes);
    } else {
        buffer_append_text(out, ",\"payloadBase64\":\"");
        base64_append(out, bytes);
        buffer_append_byte(out, '"');
    }
}

static void append_payloads(struct buffer *out, const struct verify_case *judged)
{
    struct buffer sent;
    const struct recipe_finding *finding = &judged->finding;
    struct slice was_signed = buffer_slice(&finding->payload);
    buffer_init(&sent, VERIFY_OUTPUT_MAX);
    verify_append_payload(&sent, judged);
    buffer_append_text(out, ",\"sent\":{");
    append_bytes(out, buffer_slice(&sent));
    if (finding->verdict <= RECIPE_NONE)
        buffer_append_format(out, ",\"window\":\"%llu\"", (unsigned long long)judged->window);
    buffer_append_byte(out, '}');
    if (finding->verdict == RECIPE_FOUND) {
        buffer_append_text(out, ",\"signed\":{");
        append_bytes(out, was_signed);
        if (finding->window[0] != '\0')
            json_append_member(out, "window", slice_text(finding->window));
        buffer_append_byte(out, '}');
        if (!slice_equal(was_signed, buffer_slice(&sent)))
            buffer_append_format(out, ",\"firstDifference\":%zu",
                                 verify_first_difference(was_signed, buffer_slice(&sent)));
    }
    out->failed = out->failed || sent.failed;
    buffer_free(&sent);
}

struct list {
    struct buffer *out;
    size_t count;
};

static void append_warning(void *context, const char *warning)
{
    struct list *list = context;
    buffer_append_text(list->out, list->count++ == 0 ? "" : ",");
    json_append_string(list->out, slice_text(warning));
}

static void append_sentence(struct buffer *out, const struct verify_case *judged)
{
    struct buffer sentence;
    buffer_init(&sentence, VERIFY_OUTPUT_MAX);
    verify_append_sentence(&sentence, judged);
    json_append_member(out, "sentence", buffer_slice(&sentence));
    out->failed = out->failed || sentence.failed;
    buffer_free(&sentence);
}

static void append_object(struct buffer *out, const struct verify_case *judged)
{
    const struct recipe_finding *finding = &judged->finding;
    struct list warnings = { .out = out };
    buffer_append_format(out, "{\"verdict\":\"%s\"", verify_verdict_name(finding->verdict));
    append_sentence(out, judged);
    if (judged->name != NULL)
        json_append_member(out, "name", slice_text(judged->name));
    json_append_member(out, "account", slice_text(judged->account));
    if (judged->other_account != NULL)
        json_append_member(out, "otherAccount", slice_text(judged->other_account));
    json_append_member(out, "method", judged->request.method);
    json_append_member(out, "target", judged->request.target);
    json_append_member(out, "expires", judged->request.expires);
    json_append_member(out, "signature", judged->request.signature);
    buffer_append_text(out, ",\"recipes\":[");
    for (size_t i = 0; i < finding->recipe_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        append_recipe(out, finding->recipes[i]);
    }
    buffer_append_format(out, "],\"tried\":%zu,\"limited\":%s", finding->tried, finding->is_limited ? "true" : "false");
    append_payloads(out, judged);
    buffer_append_text(out, ",\"warnings\":[");
    verify_each_warning(judged, append_warning, &warnings);
    buffer_append_text(out, "]}\n");
}

void verify_append_json(struct buffer *out, const struct verify_case *judged)
{
    struct buffer object;
    buffer_init(&object, VERIFY_OUTPUT_MAX);
    append_object(&object, judged);
    terminal_append_json(out, buffer_slice(&object));
    out->failed = out->failed || object.failed;
    buffer_free(&object);
}

static void append_row(struct buffer *out, const struct terminal *terminal, const struct recipe *recipe)
{
    terminal_style_begin(out, terminal, TERMINAL_BOLD);
    buffer_append_format(out, "%s", recipe->name);
    terminal_style_end(out, terminal, TERMINAL_BOLD);
    buffer_append_format(out, "\n  %s\n  python      %s\n  javascript  %s\n  java        %s\n", recipe->meaning,
                         recipe->fix->python, recipe->fix->javascript, recipe->fix->java);
}

void verify_append_list(struct buffer *out, const struct terminal *terminal, bool json)
{
    for (size_t i = 0; i < recipe_count(); i++) {
        if (json) {
            append_recipe(out, recipe_at(i));
            buffer_append_byte(out, '\n');
        } else {
            append_row(out, terminal, recipe_at(i));
        }
    }
}
