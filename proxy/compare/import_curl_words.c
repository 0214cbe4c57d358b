/* The words of a curl command taken as options and a URL, as curl takes them. Owns nothing beyond the command's buffers; one
 * thread. */
#include "import_curl.h"

#include <string.h>

static bool unknown(const struct curl_reading *reading, const char *dashes, struct slice name)
{
    char quote[IMPORT_QUOTE_MAX];
    return error_set(reading->shell->error, ERROR_INPUT,
                     "line %zu: curl's option `%s%s` is not known here: leave it out if the request does not depend "
                     "on it",
                     reading->shell->command_line, dashes, import_quote(quote, name));
}

static bool take_option(struct curl_reading *reading, const struct curl_option *option, struct slice value)
{
    reading->option = option;
    return option->take == NULL || option->take(reading, value);
}

static bool take_next_word(struct curl_reading *reading, const struct curl_option *option)
{
    reading->option = option;
    if (reading->next >= reading->shell->count)
        return curl_option_wrong(reading, "a value was expected behind it");
    return take_option(reading, option, shell_word(reading->shell, reading->next++));
}

static bool read_long(struct curl_reading *reading, struct slice name)
{
    const struct curl_option *option = curl_option_find_long(name);
    if (option == NULL && slice_starts_with(name, "no-")) { /* switches a flag off */
        option = curl_option_find_long(slice_from(name, 3));
        return (option != NULL && !option->has_value) || unknown(reading, "--", name);
    }
    if (option == NULL)
        return unknown(reading, "--", name);
    return option->has_value ? take_next_word(reading, option) : take_option(reading, option, slice_of(NULL, 0));
}

/* "-sSX POST", "-d{}": letters until one has a value, which is the rest of the word or the next one. */
static bool read_short(struct curl_reading *reading, struct slice letters)
{
    while (letters.length > 0) {
        const struct curl_option *option = curl_option_find_short(letters.data[0]);
        if (option == NULL)
            return unknown(reading, "-", slice_first(letters, 1));
        letters = slice_from(letters, 1);
        if (!option->has_value) {
            if (!take_option(reading, option, slice_of(NULL, 0)))
                return false;
            continue;
        }
        return letters.length > 0 ? take_option(reading, option, letters) : take_next_word(reading, option);
    }
    return true;
}

void curl_command_begin(struct curl_command *command)
{
    memset(command, 0, sizeof(*command));
    buffer_init(&command->cookies, SIZE_MAX / 2);
    buffer_init(&command->data, SIZE_MAX / 2);
}

void curl_command_end(struct curl_command *command)
{
    buffer_free(&command->cookies);
    buffer_free(&command->data);
}

bool curl_command_read(struct curl_command *command, const struct shell *shell)
{
    struct curl_reading reading = { .command = command, .shell = shell, .next = 1 };
    const struct curl_option *url = curl_option_find_long(SLICE_LITERAL("url"));
    while (reading.next < shell->count) {
        struct slice word = shell_word(shell, reading.next++);
        bool done = slice_starts_with(word, "--")                     ? read_long(&reading, slice_from(word, 2))
                    : slice_starts_with(word, "-") && word.length > 1 ? read_short(&reading, slice_from(word, 1))
                                                                      : take_option(&reading, url, word);
        if (!done)
            return false;
    }
    return true;
}
