/* The options of `countersign sign`: read, and checked before anything is opened. */
#include "sign_options.h"

#include "countersign/http_message.h"

enum { SIGN_TARGET_MAX = 65536 }; /* bytes */

#define SIGN_AT_MAX_MS INT64_C(253402300799999) /* the last millisecond of the year 9999 */

enum sign_option {
    OPTION_ACCOUNT = 1,
    OPTION_METHOD,
    OPTION_TARGET,
    OPTION_BODY,
    OPTION_BODY_FILE,
    OPTION_AT,
    OPTION_CURL,
    OPTION_JSON,
    OPTION_SHOW_KEY,
    OPTION_HELP
};

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
    "      --help            this text\n";

static const char **text_option(struct sign_options *options, int option)
{
    switch (option) {
    case OPTION_ACCOUNT:
        return &options->account;
    case OPTION_METHOD:
        return &options->method;
    case OPTION_TARGET:
        return &options->target;
    case OPTION_BODY:
        return &options->body;
    case OPTION_BODY_FILE:
        return &options->body_file;
    case OPTION_AT:
        return &options->at;
    default:
        return NULL;
    }
}

static bool *switch_option(struct sign_options *options, int option)
{
    switch (option) {
    case OPTION_CURL:
        return &options->curl;
    case OPTION_JSON:
        return &options->json;
    case OPTION_SHOW_KEY:
        return &options->show_key;
    case OPTION_HELP:
        return &options->help;
    default:
        return NULL;
    }
}

/* False after a line was printed. */
static bool collect(struct sign_options *options, int argc, char **argv)
{
    static const char shorts[] = ":" CLI_CONFIG_SHORT_OPTIONS;
    static const struct option longs[] = {
        { "account", required_argument, NULL, OPTION_ACCOUNT },
        { "method", required_argument, NULL, OPTION_METHOD },
        { "target", required_argument, NULL, OPTION_TARGET },
        { "body", required_argument, NULL, OPTION_BODY },
        { "body-file", required_argument, NULL, OPTION_BODY_FILE },
        { "at", required_argument, NULL, OPTION_AT },
        { "curl", no_argument, NULL, OPTION_CURL },
        { "json", no_argument, NULL, OPTION_JSON },
        { "show-key", no_argument, NULL, OPTION_SHOW_KEY },
        { "help", no_argument, NULL, OPTION_HELP },
        CLI_CONFIG_LONG_OPTIONS,
        { NULL, 0, NULL, 0 },
    };
    int option;
    optind = 1;
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == '?' || option == ':')
            return cli_refuse_option("sign", option, argv[optind - 1], shorts) == 0;
        const char **text = text_option(options, option);
        bool *flag = switch_option(options, option);
        if (text != NULL)
            *text = optarg;
        else if (flag != NULL)
            *flag = true;
        else if (!cli_config_option(&options->config, option, optarg))
            return false;
    }
    if (optind < argc)
        (void)cli_usage_error("sign", "unexpected argument \"%s\"", argv[optind]); /* the caller returns 2 */
    return optind >= argc;
}

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
    struct error error;
    *options = (struct sign_options){ .help = false };
    if (!collect(options, argc, argv))
        return false;
    if (!options->help && !check(options, &error)) {
        (void)cli_usage_error("sign", "%s", error.message); /* the caller returns 2 */
        return false;
    }
    return true;
}
