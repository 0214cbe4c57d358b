/* The options of `countersign verify`: read, and checked before anything is opened. */
#include "verify_options.h"

#include "log_command.h"
#include "options.h"

#include "countersign/http_message.h"

#include <stdio.h>
#include <string.h>

const char verify_help[] =
    "usage: countersign verify [OPTIONS] EXCHANGE | FILE\n"
    "       countersign verify [OPTIONS] --target TARGET --expires MS --signature SIGN\n"
    "\n"
    "Says whether a request is signed right and, if not, what was signed instead, and how to put it right. Some "
    "hundred\n"
    "ways to go wrong are tried, alone and in pairs. The account's secret is read here, as `sign` does, and never "
    "shown.\n"
    "\n"
    "  verify last                 the latest exchange of the record: 17, last~2, last:1401, i3 name others\n"
    "  verify working.har          every exchange of a file: HAR, .http or curl commands; working.har#2: the second\n"
    "  verify --target '/api/trade/order/active?symbol=BTCUSDT' --expires 1770742394290 --signature b0e77819...\n"
    "\n"
    "Of a recorded exchange the client's own X-CS-* fields are judged where it sent some, else what left.\n"
    "\n"
    "      --account NAME    whose secret (default: the exchange's account, or the only one)\n"
    "      --view VIEW       client or upstream: which of an exchange's requests\n"
    "      --method METHOD   GET, POST, ... (default: POST with a body, else GET)\n"
    "      --target TARGET   path and query as sent, or the whole URL\n"
    "      --body TEXT       the body as sent, exactly these bytes\n"
    "      --body-file FILE  the body, exactly this file's bytes; - for standard input\n"
    "      --expires MS      X-CS-EXPIRES as sent\n"
    "      --signature SIGN  X-CS-SIGN as sent\n"
    "      --api-key KEY     X-CS-APIKEY as sent, to compare it with the account's\n"
    "      --format FORMAT   of a file: har, http, curl; without it, its first bytes tell\n"
    "      --store FILE      another store than the configuration's\n"
    "      --color WHEN      auto, always, never\n"
    "      --json            one JSON object for each request, one a line\n"
    "      --list            the recipes: what is tried, and how it is done right\n" CLI_CONFIG_HELP
    "  -h, --help            this text\n"
    "\n"
    "Ends with 0 where every signature is right, 1 where one is wrong, or right for another time, key or unit of "
    "time,\n"
    "2 where there is none to judge.\n";

static const struct cli_option table[] = {
    CLI_OPTION(struct verify_options, "account", '\0', account),
    CLI_OPTION(struct verify_options, "method", '\0', method),
    CLI_OPTION(struct verify_options, "target", '\0', target),
    CLI_OPTION(struct verify_options, "body", '\0', body),
    CLI_OPTION(struct verify_options, "body-file", '\0', body_file),
    CLI_OPTION(struct verify_options, "expires", '\0', expires),
    CLI_OPTION(struct verify_options, "signature", '\0', signature),
    CLI_OPTION(struct verify_options, "api-key", '\0', api_key),
    CLI_OPTION(struct verify_options, "format", '\0', format),
    CLI_OPTION(struct verify_options, "store", '\0', store),
    CLI_OPTION(struct verify_options, "view", '\0', view_word),
    CLI_OPTION(struct verify_options, "color", '\0', color_word),
    CLI_OPTION(struct verify_options, "json", '\0', json),
    CLI_OPTION(struct verify_options, "list", '\0', list),
    CLI_OPTION(struct verify_options, "help", 'h', help),
};

static bool has_fields(const struct verify_options *options)
{
    const char *const fields[] = { options->method,  options->target,    options->body,   options->body_file,
                                   options->expires, options->signature, options->api_key };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (fields[i] != NULL)
            return true;
    }
    return false;
}

static bool check_fields(const struct verify_options *options, struct error *error)
{
    if (options->target == NULL || options->expires == NULL || options->signature == NULL)
        return error_set(error, ERROR_USAGE,
                         "what is to be judged? Give an exchange (17, last), a file, or --target, --expires and "
                         "--signature (and --body where there was one)");
    if (options->body != NULL && options->body_file != NULL)
        return error_set(error, ERROR_USAGE, "--body and --body-file exclude each other");
    if (options->method != NULL && !http_method_is_valid(slice_text(options->method)))
        return error_set(error, ERROR_USAGE, "--method is no HTTP method");
    if (options->target[0] != '/' && strstr(options->target, "://") == NULL)
        return error_set(error, ERROR_USAGE, "--target must begin with \"/\", or be a URL: \"%.80s\" is neither",
                         options->target);
    return true;
}

static bool check(struct verify_options *options, struct error *error)
{
    const char *color = options->color_word;
    if (color != NULL && !terminal_color_parse(&options->color, color))
        return error_set(error, ERROR_USAGE, "--color takes auto, always or never, not `%.40s`", color);
    if (options->view_word != NULL &&
        (!log_view_parse(&options->view, options->view_word) ||
         (options->view != RECORD_CLIENT_REQUEST && options->view != RECORD_UPSTREAM_REQUEST)))
        return error_set(error, ERROR_USAGE, "--view takes client or upstream, not `%.40s`", options->view_word);
    if (options->word == NULL)
        return check_fields(options, error);
    if (has_fields(options))
        return error_set(error, ERROR_USAGE, "a request is given by its fields, or as `%.80s`: not both",
                         options->word);
    return true;
}

bool verify_options_read(struct verify_options *options, int argc, char **argv)
{
    static const struct cli_syntax syntax = { "verify", table, ARRAY_LENGTH(table), 1 };
    struct cli_words words;
    struct error error;
    *options = (struct verify_options){ .view = RECORD_VIEW_COUNT };
    if (!cli_options_read(&words, options, &options->config, &syntax, argc, argv))
        return false;
    options->word = words.count > 0 ? words.items[0] : NULL;
    if (!options->help && !options->list && !check(options, &error)) {
        (void)cli_usage_error("verify", "%s", error.message); /* the caller returns 2 */
        return false;
    }
    return true;
}
