/* `countersign sign`: signs one request here and shows every step, or gives the command that sends it. Sends nothing. */
#include "sign.h"

#include "account.h"
#include "body_input.h"
#include "countersign/cli.h"
#include "countersign/clock.h"
#include "countersign/http_message.h"
#include "countersign/signer.h"
#include "sign_options.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIGN_OUTPUT_MAX = 96 << 20 }; /* bytes: a body in octal, and the rest */

/* --- the request --- */

static struct sign_request make_request(const struct sign_options *options, const char *account, struct slice body)
{
    bool has_body = options->body != NULL || options->body_file != NULL;
    bool from_file = options->body_file != NULL && strcmp(options->body_file, "-") != 0;
    struct sign_request request = {
        .account = account,
        .method = slice_text(options->method != NULL ? options->method : (has_body ? "POST" : "GET")),
        .target = slice_text(options->target),
        .body = body,
        .body_file = from_file ? options->body_file : NULL,
    };
    request.body_added = body.length == 0 && slice_equal_text(request.method, "POST");
    if (request.body_added) {
        request.body = SLICE_LITERAL("{}"); /* the exchange's documentation: a POST without parameters sends {} */
        request.body_file = NULL;
    }
    return request;
}

/* --- signing --- */

static bool sign_with_key(struct sign_result *result, const struct sign_request *request,
                          const struct scheme_window_key *key, struct error *error)
{
    struct slice query = http_target_query(request->target);
    struct scheme_hmac *hmac;
    if (!scheme_hmac_create(&hmac, error))
        return false;
    bool done = scheme_sign(result->signature, hmac, key, query, request->body, error) &&
                scheme_payload_sha256(result->payload_sha256, query, request->body, error);
    scheme_hmac_free(hmac);
    result->payload_length = query.length + request->body.length;
    return done;
}

static bool sign(struct sign_result *result, const struct sign_request *request, const struct signer *signer,
                 size_t account, int64_t expires_ms, struct error *error)
{
    struct scheme_window_key key;
    result->expires_ms = expires_ms;
    result->api_key = secret_slice(&signer->accounts[account].api_key);
    result->window = scheme_window(result->expires_ms);
    if (!signer_window_key(&key, signer, account, result->window, error))
        return false;
    bool done = sign_with_key(result, request, &key, error);
    explicit_bzero(&key, sizeof(key));
    return done;
}

static bool print_steps_beside(const struct sign_request *request, const struct sign_result *result,
                               struct error *error)
{
    struct buffer steps;
    buffer_init(&steps, SIGN_OUTPUT_MAX);
    sign_append_steps(&steps, request, result, false);
    (void)buffer_append_byte(&steps, '\n'); /* `failed` tells */
    bool done = steps.failed ? error_set(error, ERROR_MEMORY, "no memory for what is to be printed")
                             : terminal_write(STDERR_FILENO, buffer_slice(&steps), error);
    buffer_free(&steps);
    return done;
}

static bool print(const struct sign_options *options, const struct sign_request *request,
                  const struct sign_result *result, const struct config_upstream *upstream, struct error *error)
{
    struct buffer out;
    buffer_init(&out, SIGN_OUTPUT_MAX);
    if (options->curl)
        sign_append_curl(&out, request, result, upstream);
    else if (options->json)
        sign_append_json(&out, request, result, options->show_key);
    else
        sign_append_steps(&out, request, result, options->show_key);
    if (!options->curl && !options->json && !options->show_key)
        sign_append_hint(&out);
    /* a command alone on standard output can be piped; the steps are for whoever looks on */
    bool done = !options->curl || print_steps_beside(request, result, error);
    if (done)
        done = out.failed ? error_set(error, ERROR_MEMORY, "no memory for what is to be printed")
                          : terminal_write(STDOUT_FILENO, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

static bool run(const struct sign_options *options, const struct config *config, struct buffer *body,
                struct error *error)
{
    struct signer *signer = NULL;
    struct sign_result result;
    size_t account = 0;
    if (!cli_account_find(&account, options->account, config, error) ||
        !cli_body_read(body, options->body, options->body_file, error) ||
        !cli_signer_open(&signer, "sign", config, account, error))
        return false;
    struct sign_request request = make_request(options, config->accounts[account].name, buffer_slice(body));
    int64_t expires_ms = options->at != NULL ? options->at_ms : clock_wall_us() / 1000;
    bool done = sign(&result, &request, signer, account, expires_ms, error) &&
                print(options, &request, &result, cli_account_upstream(config, account), error);
    signer_close(signer);
    return done;
}

static int sign_and_print(const struct sign_options *options)
{
    struct config *config = NULL;
    struct error error;
    struct buffer body;
    int exit_code = 0;
    if (!cli_config_load(&config, &options->config, &exit_code))
        return exit_code;
    buffer_init(&body, 0); /* cli_body_read makes room */
    if (!run(options, config, &body, &error))
        exit_code = cli_failure("sign", &error);
    buffer_free(&body);
    config_free(config);
    return exit_code;
}

int cli_sign(int argc, char **argv)
{
    struct sign_options options;
    int exit_code = 2;
    if (sign_options_read(&options, argc, argv)) {
        exit_code = options.help ? 0 : sign_and_print(&options);
        if (options.help)
            (void)fputs(sign_help, stdout); /* its reader sees a failure */
    }
    cli_config_options_end(&options.config);
    return exit_code;
}
