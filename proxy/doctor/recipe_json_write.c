/* A body's JSON written again: as serialisers of other languages would have, or as the text that a language makes of a map.
 * Numbers and strings stay as written unless a recipe is about them. Owns nothing; one thread. Recursion is as deep as
 * json_scan lets JSON be. */
#include "recipe_private.h"

#include <string.h>

struct style {
    const char *comma;
    const char *colon;
    unsigned indent; /* blanks a level; 0: all on one line */
};

static const struct style styles[] = {
    [SPACING_COMPACT] = { ",", ":", 0 },
    [SPACING_PYTHON] = { ", ", ": ", 0 },
    [SPACING_INDENT_2] = { ",", ": ", 2 },
    [SPACING_INDENT_4] = { ",", ": ", 4 },
};

struct writer {
    struct buffer *out;
    struct buffer scratch; /* a string's text */
    const struct recipe_choice *choice;
    const struct style *style;
    bool is_sorted;
};

static unsigned chosen(const struct writer *writer, enum recipe_dimension dimension)
{
    return writer->choice->value[dimension];
}

/* --- strings --- */

static void append_unit(struct buffer *out, uint32_t unit)
{
    buffer_append_format(out, "\\u%04x", (unsigned)unit);
}

static void append_code_point(struct buffer *out, uint32_t code_point)
{
    if (code_point < 0x10000) {
        append_unit(out, code_point);
        return;
    }
    append_unit(out, 0xD800 + ((code_point - 0x10000) >> 10));
    append_unit(out, 0xDC00 + ((code_point - 0x10000) & 0x3FF));
}

/* Takes the character that `rest` begins with; false where it is no UTF-8 (RFC 3629 §3). */
static bool take_character(struct slice *rest, uint32_t *code_point)
{
    unsigned char lead = (unsigned char)rest->data[0];
    size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || length > rest->length)
        return false;
    *code_point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)rest->data[i] & 0xC0) != 0x80)
            return false;
        *code_point = *code_point << 6 | ((unsigned char)rest->data[i] & 0x3F);
    }
    *rest = slice_from(*rest, length);
    return true;
}

static bool append_escape_letter(struct buffer *out, uint32_t code_point)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = code_point > 0 && code_point < 0x80 ? strchr(plain, (int)code_point) : NULL;
    if (found == NULL)
        return false;
    buffer_append_byte(out, '\\');
    buffer_append_byte(out, letters[found - plain]);
    return true;
}

bool recipe_json_append_string(struct buffer *out, struct slice text, bool ascii)
{
    size_t before = out->length;
    buffer_append_byte(out, '"');
    while (text.length > 0) {
        uint32_t code_point;
        struct slice character = text;
        if (!take_character(&text, &code_point)) {
            out->length = before;
            return false;
        }
        if (append_escape_letter(out, code_point))
            continue;
        if (code_point < 0x20 || (ascii && code_point > 0x7E)) /* Python escapes DEL as well */
            append_code_point(out, code_point);
        else
            buffer_append(out, character.data, character.length - text.length);
    }
    buffer_append_byte(out, '"');
    return true;
}

static void append_slashes(struct buffer *out, struct slice quoted)
{
    bool is_escaped = false;
    for (size_t i = 0; i < quoted.length; i++) {
        char byte = quoted.data[i];
        if (byte == '/' && !is_escaped)
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, byte);
        is_escaped = byte == '\\' && !is_escaped;
    }
}

/* The string's text, escapes resolved; false for what has none (a lone surrogate). */
static bool resolve(struct writer *writer, struct slice quoted)
{
    buffer_reset(&writer->scratch);
    return json_unescape(&writer->scratch, quoted);
}

static void append_json_string(struct writer *writer, struct slice quoted)
{
    unsigned escapes = chosen(writer, RECIPE_ESCAPES);
    if (escapes == ESCAPES_SLASHES)
        append_slashes(writer->out, quoted);
    else if (escapes == ESCAPES_AS_SENT || !resolve(writer, quoted) ||
             !recipe_json_append_string(writer->out, buffer_slice(&writer->scratch), escapes == ESCAPES_ASCII))
        buffer_append_slice(writer->out, quoted);
}

/* As Python's repr() of a str. */
static void append_python_string(struct writer *writer, struct slice quoted)
{
    if (!resolve(writer, quoted)) {
        buffer_append_slice(writer->out, quoted);
        return;
    }
    struct slice text = buffer_slice(&writer->scratch);
    bool has_single = slice_find(text, '\'') < text.length, has_double = slice_find(text, '"') < text.length;
    char quote = has_single && !has_double ? '"' : '\'';
    buffer_append_byte(writer->out, quote);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == (unsigned char)quote || byte == '\\')
            buffer_append_byte(writer->out, '\\');
        if (byte == '\n' || byte == '\r' || byte == '\t')
            buffer_append_text(writer->out, byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t");
        else if (byte < 0x20 || byte == 0x7F)
            buffer_append_format(writer->out, "\\x%02x", byte);
        else
            buffer_append_byte(writer->out, (char)byte);
    }
    buffer_append_byte(writer->out, quote);
}

static void append_bare_string(struct writer *writer, struct slice quoted)
{
    if (resolve(writer, quoted))
        buffer_append_slice(writer->out, buffer_slice(&writer->scratch));
    else
        buffer_append_slice(writer->out, quoted);
}

/* A value, or a name. */
static void append_string(struct writer *writer, struct slice quoted)
{
    unsigned syntax = chosen(writer, RECIPE_BODY);
    if (syntax == BODY_PYTHON_TEXT)
        append_python_string(writer, quoted);
    else if (syntax == BODY_JAVA_TEXT || syntax == BODY_FORM)
        append_bare_string(writer, quoted);
    else
        append_json_string(writer, quoted);
}

/* --- scalars --- */

static void append_number(struct writer *writer, const struct recipe_node *node)
{
    unsigned form = chosen(writer, RECIPE_NUMBERS);
    struct slice number = node->text;
    struct buffer quoted;
    if (form != NUMBERS_QUOTED) {
        bool is_printed_again = form >= NUMBERS_PYTHON && form <= NUMBERS_JAVA;
        buffer_append_slice(writer->out, is_printed_again ? node->printed[form - NUMBERS_PYTHON] : number);
        return;
    }
    buffer_init(&quoted, number.length + 2);
    buffer_append_byte(&quoted, '"');
    buffer_append_slice(&quoted, number);
    buffer_append_byte(&quoted, '"');
    append_string(writer, buffer_slice(&quoted));
    writer->out->failed = writer->out->failed || quoted.failed;
    buffer_free(&quoted);
}

static void append_scalar(struct writer *writer, const struct recipe_node *node)
{
    static const char *const python[] = { [JSON_TRUE] = "True", [JSON_FALSE] = "False", [JSON_NULL] = "None" };
    if (node->kind == JSON_NUMBER)
        append_number(writer, node);
    else if (node->kind != JSON_STRING && chosen(writer, RECIPE_BODY) == BODY_PYTHON_TEXT)
        buffer_append_text(writer->out, python[node->kind]);
    else if (node->kind != JSON_STRING)
        buffer_append_slice(writer->out, node->text);
    else if (chosen(writer, RECIPE_NUMBERS) == NUMBERS_BARE &&
             recipe_is_number(slice_of(node->text.data + 1, node->text.length - 2)))
        buffer_append(writer->out, node->text.data + 1, node->text.length - 2);
    else
        append_string(writer, node->text);
}

/* --- objects and arrays --- */

static const struct recipe_node *first_of(const struct writer *writer, const struct recipe_node *node)
{
    return writer->is_sorted && node->kind == JSON_OBJECT_BEGIN ? node->sorted_first : node->first;
}

static const struct recipe_node *behind(const struct writer *writer, const struct recipe_node *node)
{
    return writer->is_sorted && node->name.length > 0 ? node->sorted_next : node->next;
}

static void append_new_line(struct writer *writer, unsigned level)
{
    if (writer->style->indent == 0)
        return;
    buffer_append_byte(writer->out, '\n');
    for (unsigned i = 0; i < writer->style->indent * level; i++)
        buffer_append_byte(writer->out, ' ');
}

static void append_value(struct writer *writer, const struct recipe_node *node, unsigned level)
{
    bool is_object = node->kind == JSON_OBJECT_BEGIN;
    if (!is_object && node->kind != JSON_ARRAY_BEGIN) {
        append_scalar(writer, node);
        return;
    }
    buffer_append_byte(writer->out, is_object ? '{' : '[');
    for (const struct recipe_node *child = first_of(writer, node); child != NULL && !writer->out->failed;) {
        append_new_line(writer, level + 1);
        if (is_object) {
            append_string(writer, child->name);
            buffer_append_text(writer->out, writer->style->colon);
        }
        append_value(writer, child, level + 1);
        child = behind(writer, child);
        buffer_append_text(writer->out, child == NULL ? "" : writer->style->comma);
    }
    if (node->first != NULL)
        append_new_line(writer, level);
    buffer_append_byte(writer->out, is_object ? '}' : ']');
}

/* name=value&name=value; what is nested in it stays JSON. */
static void append_form(struct writer *writer, const struct recipe_node *object)
{
    const struct recipe_choice as_json = { .value = { [RECIPE_NUMBERS] = chosen(writer, RECIPE_NUMBERS) } };
    const struct recipe_choice *own = writer->choice;
    for (const struct recipe_node *child = first_of(writer, object); child != NULL;) {
        append_bare_string(writer, child->name);
        buffer_append_byte(writer->out, '=');
        writer->choice = child->kind == JSON_OBJECT_BEGIN || child->kind == JSON_ARRAY_BEGIN ? &as_json : own;
        append_value(writer, child, 0);
        writer->choice = own;
        child = behind(writer, child);
        buffer_append_text(writer->out, child == NULL ? "" : "&");
    }
}

void recipe_json_append(struct buffer *out, const struct recipe_json *json, const struct recipe_choice *choice)
{
    static const struct style python_text = { ", ", ": ", 0 }, java_text = { ", ", "=", 0 };
    unsigned spacing = choice->value[RECIPE_SPACING], syntax = choice->value[RECIPE_BODY];
    struct writer writer = {
        .out = out,
        .choice = choice,
        .style = syntax == BODY_PYTHON_TEXT ? &python_text
                 : syntax == BODY_JAVA_TEXT ? &java_text
                 : syntax == BODY_FORM      ? &styles[SPACING_COMPACT]
                                            : &styles[spacing == SPACING_AS_SENT ? json->spacing : spacing],
        .is_sorted = choice->value[RECIPE_ORDER] == ORDER_SORTED,
    };
    buffer_init(&writer.scratch, RECIPE_JSON_MAX);
    if (syntax == BODY_FORM && json->nodes[0].kind == JSON_OBJECT_BEGIN)
        append_form(&writer, &json->nodes[0]);
    else
        append_value(&writer, &json->nodes[0], 0);
    buffer_free(&writer.scratch);
}
