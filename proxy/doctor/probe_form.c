/* The form of a key or a secret: what it is made of, in counts, and what is odd about it. Its characters do not leave this
 * file, and no message tells one. Pure. */
#include "probe_private.h"

#include <string.h>

static bool is_in(char byte, const char *characters)
{
    return byte != '\0' && strchr(characters, byte) != NULL;
}

static size_t *count_for(struct probe_form *form, char byte)
{
    if (is_in(byte, "0123456789abcdef"))
        return &form->lower_hex;
    if (is_in(byte, "ABCDEF"))
        return &form->upper_hex;
    if (is_in(byte, "OolIiSs"))
        return &form->look_alike;
    if (is_in(byte, " \t\r\n"))
        return &form->blank;
    return (unsigned char)byte >= 0x80 ? &form->beyond_ascii : &form->other;
}

static bool has_quotes(struct slice text)
{
    return text.length >= 2 && is_in(text.data[0], "\"'`") && text.data[text.length - 1] == text.data[0];
}

void probe_form_measure(struct probe_form *form, struct slice text)
{
    *form = (struct probe_form){ .length = text.length, .is_quoted = has_quotes(text) };
    for (size_t i = 0; i < text.length; i++) {
        size_t *count = count_for(form, text.data[i]);
        (*count)++;
        if (count != &form->lower_hex && form->first_odd == 0)
            form->first_odd = i + 1;
    }
}

/* --- what is odd --- */

static bool is_quoted(const struct probe_form *form)
{
    return form->is_quoted;
}

static bool goes_beyond_ascii(const struct probe_form *form)
{
    return form->beyond_ascii > 0;
}

static bool has_blanks(const struct probe_form *form)
{
    return form->blank > 0;
}

/* All else is hex: so these were meant to be, too. */
static bool has_look_alikes(const struct probe_form *form)
{
    return form->look_alike > 0 && form->other == 0 && form->lower_hex + form->upper_hex > form->look_alike;
}

static bool has_another_length(const struct probe_form *form)
{
    return form->lower_hex == form->length && form->length != PROBE_KEY_LENGTH;
}

static bool is_upper_case(const struct probe_form *form)
{
    return form->upper_hex > 0 && form->other + form->look_alike == 0;
}

static bool is_no_hex(const struct probe_form *form)
{
    return form->other + form->look_alike > 0;
}

/* In the order in which they are worth saying: the first that is so is said. */
static const struct oddity {
    bool (*is_so)(const struct probe_form *form);
    enum probe_oddity oddity;
    const char *says;
    const char *todo;
} oddities[] = {
    { is_quoted, PROBE_FORM_SUSPICIOUS, "it stands in quotes, which count as part of it", "Take the quotes out." },
    { goes_beyond_ascii, PROBE_FORM_SUSPICIOUS, "it has characters beyond ASCII",
      "Copy it again from the exchange's page, as plain text." },
    { has_blanks, PROBE_FORM_SUSPICIOUS, "it has white space inside", "Copy it again, in one piece." },
    { has_look_alikes, PROBE_FORM_SUSPICIOUS,
      "it has letters that are taken for digits (O for 0, l or I for 1, S for 5), and hex everywhere else",
      "Copy it again by machine, not by eye." },
    { has_another_length, PROBE_FORM_SUSPICIOUS,
      "keys and secrets seen from the exchange have 32 characters: this one may be cut short, or pasted twice",
      "Copy it again, the whole of it." },
    { is_upper_case, PROBE_FORM_UNUSUAL,
      "it has upper-case letters; those seen from the exchange are lower-case, and case counts",
      "Compare it with what the exchange shows." },
    { is_no_hex, PROBE_FORM_UNUSUAL, "it is no hex; those seen from the exchange are 32 lower-case hex characters",
      "Compare it with what the exchange shows." },
};

static const struct oddity *oddity_of(const struct probe_form *form)
{
    for (size_t i = 0; i < ARRAY_LENGTH(oddities); i++) {
        if (oddities[i].is_so(form))
            return &oddities[i];
    }
    return NULL;
}

enum probe_oddity probe_form_oddity(const struct probe_form *form)
{
    const struct oddity *found = oddity_of(form);
    return found == NULL ? PROBE_FORM_USUAL : found->oddity;
}

void probe_form_explain(char *says, char *todo, const struct probe_form *form)
{
    const struct oddity *found = oddity_of(form);
    if (found == NULL)
        probe_text(says, "%zu characters, lower-case hex, as those seen from the exchange", form->length);
    else if (form->first_odd == 0)
        probe_text(says, "%zu characters: %s", form->length, found->says);
    else
        probe_text(says, "%zu characters: %s (first at position %zu)", form->length, found->says, form->first_odd);
    probe_text(todo, "%s", found == NULL ? "" : found->todo);
}
