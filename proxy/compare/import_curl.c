/* curl command lines as the requests that curl would send. Pure; any thread.
 *
 * Fields come in curl's order: Host, Authorization, User-Agent, Accept, Accept-Encoding, Referer, Cookie, then those of -H
 * as given, then what a body needs. One of -H takes the place of curl's own. Source: curl 7.88, watched. */
#include "import_curl.h"

#include "countersign/compiler.h"

#include <stdio.h>
#include <string.h>

static bool wrong(const struct shell *shell, const char *what)
{
    return error_set(shell->error, ERROR_INPUT, "line %zu: %s", shell->command_line, what);
}

/* The -H of that name, or NULL: given in any of its forms ("Name: value", "Name;", "Name:"). */
static const struct slice *find_given(const struct curl_command *command, const char *name)
{
    for (size_t i = 0; i < command->field_count; i++) {
        struct slice field = command->fields[i];
        size_t colon = slice_find(field, ':'), end = colon < field.length ? colon : slice_find(field, ';');
        if (slice_equal_text_caseless(slice_first(field, end), name))
            return &command->fields[i];
    }
    return NULL;
}

/* A field with a value goes out as it was given; "Name;" is an empty one; "Name:" takes curl's own away. */
static void append_given(struct buffer *head, struct slice field)
{
    size_t colon = slice_find(field, ':'), semicolon = slice_find(field, ';');
    if (colon < field.length) {
        if (slice_trim_blanks(slice_from(field, colon + 1)).length == 0)
            return;
        buffer_append_slice(head, field);
    } else if (semicolon + 1 == field.length) {
        buffer_append_slice(head, slice_first(field, semicolon));
        buffer_append_byte(head, ':');
    } else {
        return; /* neither: curl sends nothing */
    }
    buffer_append_text(head, "\r\n");
}

/* One of curl's own, unless -H has one of that name. */
static void append_own(struct buffer *head, const struct curl_command *command, const char *name, struct slice value)
{
    if (find_given(command, name) == NULL)
        http_append_field(head, slice_text(name), value);
}

static void append_host(struct buffer *head, const struct slice *given, const struct import_url *url)
{
    if (given == NULL)
        http_append_field(head, SLICE_LITERAL("Host"), url->host);
    else
        append_given(head, *given);
}

/* As long as curl's would be and nothing of what was given: a password is in no record. */
static void append_authorization(struct buffer *head, const struct curl_command *command, struct slice user)
{
    size_t length = command->bearer.length;
    if ((user.length == 0 && length == 0) || find_given(command, "Authorization") != NULL)
        return;
    if (length == 0)
        length = (user.length + 2) / 3 * 4; /* Base64 */
    buffer_append_text(head, command->bearer.length > 0 ? "Authorization: Bearer " : "Authorization: Basic ");
    for (size_t i = 0; i < length; i++)
        buffer_append_byte(head, '*');
    buffer_append_text(head, "\r\n");
}

static void append_defaults(struct buffer *head, const struct curl_command *command)
{
    if (!command->has_agent || command->agent.length > 0)
        append_own(head, command, "User-Agent", command->has_agent ? command->agent : SLICE_LITERAL("curl"));
    if (!command->is_json)
        append_own(head, command, "Accept", SLICE_LITERAL("*/*"));
    if (command->is_compressed)
        append_own(head, command, "Accept-Encoding", SLICE_LITERAL("deflate, gzip, br"));
    if (command->referer.length > 0)
        append_own(head, command, "Referer", command->referer);
    if (command->cookies.length > 0)
        append_own(head, command, "Cookie", buffer_slice(&command->cookies));
}

static bool sends_body(const struct curl_command *command)
{
    return command->has_data && !command->is_get && !command->is_head;
}

/* What curl adds behind the given fields. */
static void append_body_fields(struct buffer *head, const struct curl_command *command)
{
    char length[24];
    if (command->is_json) {
        append_own(head, command, "Content-Type", SLICE_LITERAL("application/json"));
        append_own(head, command, "Accept", SLICE_LITERAL("application/json"));
    }
    if (!sends_body(command))
        return;
    (void)snprintf(length, sizeof(length), "%zu", command->data.length); /* fits */
    if (find_given(command, "Transfer-Encoding") == NULL)
        append_own(head, command, "Content-Length", slice_text(length));
    if (!command->is_json)
        append_own(head, command, "Content-Type", SLICE_LITERAL("application/x-www-form-urlencoded"));
}

static void append_fields(struct buffer *head, const struct curl_command *command, const struct import_url *url)
{
    const struct slice *host = find_given(command, "Host");
    append_host(head, host, url);
    append_authorization(head, command, command->user.length > 0 ? command->user : url->userinfo);
    append_defaults(head, command);
    for (size_t i = 0; i < command->field_count; i++) {
        if (&command->fields[i] != host)
            append_given(head, command->fields[i]);
    }
    append_body_fields(head, command);
    buffer_append_text(head, "\r\n");
}

static struct slice method_of(const struct curl_command *command)
{
    if (command->method.length > 0)
        return command->method;
    if (command->is_head)
        return SLICE_LITERAL("HEAD");
    return sends_body(command) ? SLICE_LITERAL("POST") : SLICE_LITERAL("GET");
}

static void append_target(struct buffer *head, const struct curl_command *command, const struct import_url *url)
{
    if (command->target.length > 0) {
        buffer_append_slice(head, command->target);
        return;
    }
    import_append_target(head, url->target);
    if (!command->is_get || command->data.length == 0)
        return;
    buffer_append_byte(head, slice_find(url->target, '?') < url->target.length ? '&' : '?');
    buffer_append_slice(head, buffer_slice(&command->data));
}

/* A path segment "." or "..", which curl resolves before it sends. */
static bool has_dot_segment(struct slice path)
{
    struct slice part;
    if (path.data == NULL)
        return false;
    while (slice_next_part(&path, '/', &part)) {
        if (slice_equal_text(part, ".") || slice_equal_text(part, ".."))
            return true;
    }
    return false;
}

static bool has_pattern(struct slice target)
{
    for (size_t i = 0; i < target.length; i++) {
        if (strchr("[]{}", target.data[i]) != NULL)
            return true;
    }
    return false;
}

static bool check_url(struct import_url *url, const struct curl_command *command, const struct shell *shell)
{
    if (command->url.length == 0)
        return wrong(shell, "the command has no URL");
    import_url_split(url, command->url);
    if (url->scheme.length == 0)
        url->scheme = SLICE_LITERAL("http"); /* curl's choice */
    if (!import_url_is_http(url))
        return wrong(shell, "its URL is not one of http or https with a host");
    if (!import_target_is_valid(url->target))
        return wrong(shell, "its URL has a blank or a control byte in it");
    if (!command->is_glob_off && has_pattern(url->target))
        return wrong(shell, "curl would read [ ] or { } in the URL as a pattern: percent-encode them, or add -g");
    if (!command->is_path_as_is && has_dot_segment(http_target_path(url->target)))
        return wrong(shell, "curl would resolve the dot segment in the URL's path: write the path as it is sent");
    return true;
}

/* "%2F" or "%2f". */
static bool has_encoded_letter(struct slice data)
{
    for (size_t i = 0; i + 2 < data.length; i++) {
        if (data.data[i] == '%' && (data.data[i + 1] > '9' || data.data[i + 2] > '9'))
            return true;
    }
    return false;
}

/* What -G puts into the URL must be there as it is sent. */
static bool check_query(const struct curl_command *command, const struct shell *shell)
{
    struct slice data = buffer_slice(&command->data);
    if (!command->is_get)
        return true;
    if (!import_target_is_valid(data))
        return wrong(shell, "the data that -G puts into the URL have a blank or a control byte in them");
    return !has_encoded_letter(data) ||
           wrong(shell, "versions of curl write %2F or %2f for what -G puts into the URL: put it there as it is sent");
}

static bool build(struct record_message *message, struct import *import, struct curl_command *command,
                  const struct shell *shell)
{
    struct import_url url = { .scheme = { NULL, 0 } };
    struct buffer head;
    if (!check_url(&url, command, shell) || !check_query(command, shell))
        return false;
    buffer_init(&head, SIZE_MAX / 2);
    buffer_append_slice(&head, method_of(command));
    buffer_append_byte(&head, ' ');
    append_target(&head, command, &url);
    buffer_append_text(&head, command->is_http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    append_fields(&head, command, &url);
    bool done = import_keep_buffer(import, &message->head, &head, shell->error);
    buffer_free(&head);
    if (done && sends_body(command))
        done = import_keep_buffer(import, &message->body, &command->data, shell->error);
    return done;
}

static bool is_curl(struct slice word)
{
    size_t length = word.length;
    return slice_equal_text(word, "curl") || slice_equal_text(word, "curl.exe") ||
           (length > 5 && slice_equal_text(slice_from(word, length - 5), "/curl"));
}

/* This program's own export says which exchange each answer is of, and goes to its folder where a body is in a file there. */
static bool pass_own_echo(const struct shell *shell)
{
    struct slice rest = slice_from(shell->text, shell->offset);
    while (slice_starts_with(rest, "\n"))
        rest = slice_from(rest, 1);
    return !slice_starts_with(rest, "CDPATH= cd ") ||
           wrong(shell, "the body is in a file of its own; " CURL_BODIES_KEPT);
}

static bool read_command(struct import *import, const struct shell *shell)
{
    if (slice_equal_text(shell_word(shell, 0), "echo") && shell->count == 2)
        return pass_own_echo(shell);
    char what[48];
    struct curl_command command;
    struct record_message message = { .head = { NULL, 0 } };
    if (slice_equal_text(shell_word(shell, 0), "printf")) /* as this program's own export has it */
        return wrong(shell, "the body is what printf makes; " CURL_BODIES_KEPT);
    if (!is_curl(shell_word(shell, 0)))
        return wrong(shell, "a command that is not curl");
    curl_command_begin(&command);
    bool done = curl_command_read(&command, shell) && build(&message, import, &command, shell);
    curl_command_end(&command);
    struct record *record = done ? import_add(import, shell->error) : NULL;
    if (record == NULL)
        return false;
    import_set_request(record, message);
    (void)snprintf(what, sizeof(what), "line %zu", shell->command_line); /* fits */
    return import_finish(import, record, what, shell->error);
}

bool import_read_curl(struct import *import, struct slice bytes, struct error *error)
{
    struct shell shell;
    bool is_end = false;
    shell_begin(&shell, bytes, error);
    bool done = shell_next_command(&shell, &is_end);
    while (done && !is_end)
        done = read_command(import, &shell) && shell_next_command(&shell, &is_end);
    shell_end(&shell);
    if (done && import->count == 0)
        return error_set(error, ERROR_INPUT, "there is no command in it");
    return done;
}
