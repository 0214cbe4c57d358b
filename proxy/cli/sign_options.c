/* The options of `countersign sign`: read, and checked before anything is opened. */
#include "sign_options.h"

#include "options.h"

#include "countersign/http_message.h"

enum { SIGN_TARGET_MAX = 65536 }; /* bytes */

#define SIGN_AT_MAX_MS INT64_C(253402300799999) /* the last millisecond of the year 9999 */

const char sign_help[] =
    "usage: countersign sign --target TARGET [OPTIONS]\n"
    "\n"
    "Signs one request with an account's secret and shows every step: payload, window, signature, header fields.\n"
    "Nothing is sent. Compare what a bot of yours computes, or send it yourself with --curl.\n"
    "\n"
    "      --account NAME    whose key (default: the only account)\n"
    "      --method METHOD   GET, POST, ... (default: POST with a body, else GET)\n"
    "      --target TARGET   path and query as sent: '/api/trade/order/active?symbol=BTCUSDT'\n"
    "      --body TEXT       the body, exactly these bytes\n"
    "      --body-file FILE  the body, exactly this file's bytes; - for standard input\n"
    "      --at MS           sign for this moment, in milliseconds since 1970 (default: now)\n"
    "      --curl            print a command that sends the request to the account's upstream; shows the API key\n"
    "      --json            print one JSON object\n"
    "      --show-key        show the API key whole, not masked\n" CLI_CONFIG_HELP
    "  -h, --help            this text\n";

/* A target that no request line can carry (RFC 9112 §3.2) would sign what is never sent. */
static bool check_target(struct slice target, struct error *error)
{
    if (!slice_starts_with(target, "/"))
        return error_set(error, ERROR_USAGE,
                         "--target must begin with \"/\", as in /api/spot/accountList: the path and "
                         "query, without the host");
    if (target.length > SIGN_TARGET_MAX)
        return error_set(error, ERROR_USAGE, "--target is longer than %d bytes", SIGN_TARGET_MAX);
    for (size_t i = 0; i < target.length; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (byte <= 0x20 || byte == 0x7f)
            return error_set(error, ERROR_USAGE,
                             "--target has a blank or control byte at position %zu: percent-encode "
                             "it as the client does (a blank is %%20)",
                             i + 1);
    }
    return true;
}

static bool read_moment(int64_t *ms, const char *text, struct error *error)
{
    uint64_t number;
    if (!slice_to_u64(slice_text(text), &number) || number > (uint64_t)SIGN_AT_MAX_MS)
        return error_set(error, ERROR_USAGE, "--at wants milliseconds since 1970, such as 1770742394290, not \"%.40s\"",
                         text);
    *ms = (int64_t)number;
    return true;
}

static bool check(struct sign_options *options, struct error *error)
{
    if (options->target == NULL)
        return error_set(error, ERROR_USAGE, "--target is missing: give the path and query to sign");
    if (options->body != NULL && options->body_file != NULL)
        return error_set(error, ERROR_USAGE, "--body and --body-file exclude each other");
    if (options->curl && options->json)
        return error_set(error, ERROR_USAGE, "--curl and --json exclude each other");
    if (options->method != NULL && !http_method_is_valid(slice_text(options->method)))
        return error_set(error, ERROR_USAGE, "--method is no HTTP method");
    if (options->at != NULL && !read_moment(&options->at_ms, options->at, error))
        return false;
    return check_target(slice_text(options->target), error);
}

bool sign_options_read(struct sign_options *options, int argc, char **argv)
{
    static const struct cli_option table[] = {
        CLI_OPTION(struct sign_options, "account", '\0', account),
        CLI_OPTION(struct sign_options, "method", '\0', method),
        CLI_OPTION(struct sign_options, "target", '\0', target),
        CLI_OPTION(struct sign_options, "body", '\0', body),
        CLI_OPTION(struct sign_options, "body-file", '\0', body_file),
        CLI_OPTION(struct sign_options, "at", '\0', at),
        CLI_OPTION(struct sign_options, "curl", '\0', curl),
        CLI_OPTION(struct sign_options, "json", '\0', json),
        CLI_OPTION(struct sign_options, "show-key", '\0', show_key),
        CLI_OPTION(struct sign_options, "help", 'h', help),
    };
    static const struct cli_syntax syntax = { "sign", table, ARRAY_LENGTH(table), 0 };
    struct cli_words words;
    struct error error;
    *options = (struct sign_options){ .help = false };
    if (!cli_options_read(&words, options, &options->config, &syntax, argc, argv))
        return false;
    if (!options->help && !check(options, &error)) {
        (void)cli_usage_error("sign", "%s", error.message); /* the caller returns 2 */
        return false;
    }
    return true;
}
