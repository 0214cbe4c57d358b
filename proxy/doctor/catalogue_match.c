/* How people name an entry: "1401", "code 1401", "1401 unauthorized", "HTTP 429", "not found". Pure; any thread. */
#include "countersign/catalogue.h"

#include "countersign/compiler.h"

enum { BEGINNING_MIN = 3 /* letters; shorter ones begin too many words */ };

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* What stands between words, and quotes around them; "order-not-found" is said as "order not found". */
static bool is_gap(char byte)
{
    char letter = lower(byte);
    bool is_ascii = ((unsigned char)byte & 0x80u) == 0;
    return is_ascii && !(letter >= 'a' && letter <= 'z') && !(letter >= '0' && letter <= '9');
}

/* Cuts the next word off; false where there is none. */
static bool next_word(struct slice *rest, struct slice *word)
{
    size_t begin = 0, end;
    while (begin < rest->length && is_gap(rest->data[begin]))
        begin++;
    for (end = begin; end < rest->length && !is_gap(rest->data[end]);)
        end++;
    *word = slice_first(slice_from(*rest, begin), end - begin);
    *rest = slice_from(*rest, end);
    return word->length > 0;
}

static bool begins_with(struct slice word, struct slice beginning)
{
    if (beginning.length > word.length)
        return false;
    for (size_t i = 0; i < beginning.length; i++) {
        if (lower(word.data[i]) != lower(beginning.data[i]))
            return false;
    }
    return true;
}

/* Takes the words of `words` off the text's beginning; false where the text begins with others. */
static bool take_words(struct slice *text, const char *words)
{
    struct slice rest = *text, wanted = slice_text(words), mine, theirs;
    while (next_word(&wanted, &theirs)) {
        if (!next_word(&rest, &mine) || mine.length != theirs.length || !begins_with(mine, theirs))
            return false;
    }
    *text = rest;
    return true;
}

static bool is_empty(struct slice text)
{
    struct slice word;
    return !next_word(&text, &word);
}

/* What may stand before a name; of two that begin alike the longer one first. */
static const char *const kind_words[CATALOGUE_KIND_COUNT][2] = {
    [CATALOGUE_CODE] = { "code", "api_error" },
    [CATALOGUE_STATUS] = { "http", "status" },
    [CATALOGUE_OWN] = { "Countersign-Error:", "countersign" },
};

static const char *bare_name(const struct catalogue_entry *entry)
{
    static const char prefix[] = "http-";
    bool has_prefix = entry->kind == CATALOGUE_STATUS;
    return has_prefix ? entry->name + sizeof(prefix) - 1 : entry->name;
}

static bool is_named(const struct catalogue_entry *entry, struct slice text)
{
    struct slice rest = text;
    if (entry->message != NULL && take_words(&rest, entry->message) && is_empty(rest))
        return true;
    rest = text;
    for (size_t i = 0; i < ARRAY_LENGTH(kind_words[0]); i++) {
        if (take_words(&rest, kind_words[entry->kind][i]))
            break;
    }
    if (!take_words(&rest, bare_name(entry)))
        return false;
    return is_empty(rest) || (entry->message != NULL && take_words(&rest, entry->message) && is_empty(rest));
}

/* "insuffic" stands for "insufficient"; a number stands for itself alone: 14 is not meant to be 1401. */
static bool may_be_beginning(struct slice word)
{
    return word.length >= BEGINNING_MIN && (word.data[0] < '0' || word.data[0] > '9');
}

static bool holds_word(const char *text, struct slice wanted)
{
    struct slice rest = slice_text(text), word;
    while (next_word(&rest, &word)) {
        if (begins_with(word, wanted) && (word.length == wanted.length || may_be_beginning(wanted)))
            return true;
    }
    return false;
}

static bool holds_all(const struct catalogue_entry *entry, struct slice text)
{
    struct slice word;
    bool is_any = false;
    while (next_word(&text, &word)) {
        if (!holds_word(entry->name, word) && !holds_word(entry->message, word) && !holds_word(entry->summary, word))
            return false;
        is_any = true;
    }
    return is_any;
}

enum catalogue_match catalogue_match(const struct catalogue_entry *entry, struct slice text)
{
    if (is_empty(text))
        return CATALOGUE_NO_MATCH;
    if (is_named(entry, text))
        return CATALOGUE_BY_NAME;
    return holds_all(entry, text) ? CATALOGUE_SOME_WORDS : CATALOGUE_NO_MATCH;
}

bool catalogue_cause_matches(const struct catalogue_cause *cause, struct slice text)
{
    struct slice word;
    bool is_any = false;
    while (next_word(&text, &word)) {
        if (!holds_word(cause->id, word) && !holds_word(cause->text, word) && !holds_word(cause->tell, word) &&
            !holds_word(cause->remedy, word))
            return false;
        is_any = true;
    }
    return is_any;
}
