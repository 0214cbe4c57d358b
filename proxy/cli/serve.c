/* `countersign serve`: becomes the supervisor, which starts the signer process and the proxy process; and `proxy-process`,
 * which is the latter. */
#include "serve.h"

#include "countersign/cli.h"
#include "countersign/log.h"
#include "countersign/service.h"
#include "countersign/signer.h"
#include "countersign/signer_wire.h"
#include "countersign/supervisor.h"
#include "countersign/supervisor_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { OPTION_DEMO = 1, ARGUMENTS_EXTRA = 2 + 2 * CLI_SETTINGS_MAX, REPORT_MAX = 65536 };

static const char help[] =
    "usage: countersign serve [OPTIONS]\n\n"
    "Runs the proxy: takes unsigned requests on localhost, signs them, forwards them to the exchange, and records "
    "every\n"
    "byte of both. Point a bot at the address it prints instead of https://api.coinstore.com. Ctrl-C ends it.\n\n"
    "The key and secret come from COINSTORE_API_KEY and COINSTORE_API_SECRET unless the configuration says "
    "otherwise.\n"
    "kill -HUP of its process reads the configuration and the keys anew; no request is lost.\n\n"
    "      --demo            no key needed: a mock exchange on this machine, and the proxy in front of "
    "it\n" CLI_CONFIG_HELP "  -h, --help            this text\n";

bool serve_options_read(struct serve_options *options, int argc, char **argv)
{
    static const char shorts[] = ":h" CLI_CONFIG_SHORT_OPTIONS;
    static const struct option longs[] = {
        { "demo", no_argument, NULL, OPTION_DEMO },
        { "help", no_argument, NULL, 'h' },
        CLI_CONFIG_LONG_OPTIONS,
        { NULL, 0, NULL, 0 },
    };
    *options = (struct serve_options){ .demo = false };
    int option;
    optind = 1;
    opterr = 0; /* messages are ours */
    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == OPTION_DEMO)
            options->demo = true;
        else if (option == 'h')
            options->help = true;
        else if (option == '?' || option == ':')
            return cli_refuse_option("serve", option, argv[optind - 1], shorts, longs) == 0;
        else if (!cli_config_option(&options->config, option, optarg))
            return false;
    }
    if (optind < argc) {
        (void)cli_usage_error("serve", "unexpected argument \"%s\"", argv[optind]); /* the caller returns 2 */
        return false;
    }
    return true;
}

struct proxy_arguments {
    char **items;                  /* NULL-terminated */
    char *owned[CLI_SETTINGS_MAX]; /* the items made here */
    size_t owned_count;
};

static void proxy_arguments_end(struct proxy_arguments *arguments)
{
    for (size_t i = 0; i < arguments->owned_count; i++)
        free(arguments->owned[i]);
    free(arguments->items);
}

/* The proxy process gets the same options as `serve`, and the demo's settings spelled out. */
static bool proxy_arguments_make(struct proxy_arguments *arguments, const struct serve_options *options, int argc,
                                 char **argv, size_t given_settings)
{
    static char program[] = "countersign", command[] = "proxy-process", set[] = "--set";
    size_t count = 0;
    arguments->items = calloc((size_t)argc + ARGUMENTS_EXTRA + 2, sizeof(char *));
    if (arguments->items == NULL)
        return false;
    arguments->items[count++] = program;
    arguments->items[count++] = command;
    for (int i = 1; i < argc; i++)
        arguments->items[count++] = argv[i];
    for (size_t i = given_settings; i < options->config.setting_count; i++) {
        const struct config_setting *setting = &options->config.settings[i];
        char *text = NULL;
        if (asprintf(&text, "%s=%s", setting->key, setting->value) < 0)
            return false;
        arguments->owned[arguments->owned_count++] = text;
        arguments->items[count++] = set;
        arguments->items[count++] = text;
    }
    return true;
}

/* In each signer process. */
static int sign(void *context, const struct signer_ends *ends)
{
    const struct config *config = context;
    struct signer *signer = NULL;
    struct error error;
    struct buffer report;
    int exit_code = 0;
    buffer_init(&report, REPORT_MAX);
    if (!signer_open(&signer, config, &report, &error))
        exit_code = cli_report_failure("serve", buffer_slice(&report), &error);
    else if (!signer_serve(signer, ends, &error))
        exit_code = cli_failure("serve", &error);
    signer_close(signer);
    buffer_free(&report);
    return exit_code;
}

static int serve(struct config *config, char **arguments)
{
    const struct supervisor_options options = {
        .config = config, .arguments = arguments, .sign = sign, .context = config
    };
    struct error error;
    int exit_code = 3;
    return supervise(&exit_code, &options, &error) ? exit_code : cli_failure("serve", &error);
}

/* Until it is served, a SIGHUP waits: it must not end a start-up that a service manager has just been told of. */
static void hold_hangup(void)
{
    sigset_t hangup;
    (void)sigemptyset(&hangup); /* none of these can fail with a valid signal number */
    (void)sigaddset(&hangup, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &hangup, NULL);
}

int cli_serve(int argc, char **argv)
{
    struct serve_options options;
    struct config *config = NULL;
    struct demo demo = { .mock = 0 };
    struct error error;
    int exit_code = 2;
    if (!serve_options_read(&options, argc, argv))
        return 2;
    if (options.help) {
        (void)fputs(help, stdout); /* its reader sees a failure */
        return 0;
    }
    size_t given_settings = options.config.setting_count;
    hold_hangup();
    if (options.demo && !demo_start(&demo, &options.config, &error)) {
        demo_stop(&demo);
        cli_config_options_end(&options.config);
        return cli_failure("serve --demo", &error);
    }
    if (cli_config_load(&config, &options.config, &exit_code)) {
        log_configure((enum log_level)config->proxy.log_level, (enum log_format)config->proxy.log_format);
        struct proxy_arguments arguments = { .items = NULL };
        bool made = proxy_arguments_make(&arguments, &options, argc, argv, given_settings);
        exit_code = made ? serve(config, arguments.items) : 3;
        proxy_arguments_end(&arguments);
    }
    if (options.demo)
        demo_stop(&demo);
    config_free(config);
    cli_config_options_end(&options.config);
    return exit_code;
}

/* --- the proxy process --- */

struct ready_context {
    const struct serve_options *options;
    const struct config *config;
};

static void ready(void *context, const char *const *addresses, size_t count)
{
    const struct ready_context *about = context;
    if (about->options->demo && count > 0)
        demo_print(addresses[0], about->config->proxy.state_dir);
}

int cli_proxy(int argc, char **argv)
{
    struct serve_options options;
    struct config *config = NULL;
    struct error error;
    int exit_code = 2;
    if (!serve_options_read(&options, argc, argv))
        return 2;
    if (options.demo)
        options.config.file = DEMO_CONFIG_FILE;
    if (!cli_config_load(&config, &options.config, &exit_code))
        return exit_code;
    log_configure((enum log_level)config->proxy.log_level, (enum log_format)config->proxy.log_format);
    (void)prctl(PR_SET_NAME, "countersign"); /* for ps and top, which would show "exe"; failing is harmless */
    struct ready_context context = { &options, config };
    const struct service_ends ends = { .signer = SIGNER_WIRE_FD, .supervisor = SUPERVISOR_LINK_FD };
    exit_code = service_run(config, &ends, ready, &context, &error) ? 0 : cli_failure("serve", &error);
    config_free(config);
    cli_config_options_end(&options.config);
    return exit_code;
}
