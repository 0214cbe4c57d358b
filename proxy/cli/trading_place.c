/* Which state folder a stop of trading is for. It must be found also where the configuration is broken, as it may be broken
 * by what made somebody want to stop. One thread. */
#include "trading.h"

#include "countersign/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_MAX = 65536, KEPT_VARIABLES = 3 };

static bool take_folder(struct trading_place *place, const struct config *config)
{
    place->state_dir = strdup(config->proxy.state_dir);
    return place->state_dir != NULL;
}

static bool has_listener(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (strcmp(config->listeners[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Somebody in a hurry must not believe that something is stopped that is not. */
static int refuse_listener(const struct config *config, const char *command, const char *name)
{
    struct buffer names;
    buffer_init(&names, REPORT_MAX);
    for (size_t i = 0; i < config->listener_count; i++)
        (void)buffer_append_format(&names, "%s%s", i == 0 ? "" : ", ",
                                   config->listeners[i].name); /* what fits is shown */
    int exit_code = cli_usage_error(command, "there is no listener `%s`, so nothing was done; there is: %s", name,
                                    buffer_text(&names));
    buffer_free(&names);
    return exit_code;
}

/* The folder alone: from --state-dir or COUNTERSIGN_PROXY_STATE_DIR, else the default. */
static bool load_bare(struct trading_place *place, const struct cli_config_options *options)
{
    static const char *const names[KEPT_VARIABLES] = { "HOME", "XDG_STATE_HOME", "COUNTERSIGN_PROXY_STATE_DIR" };
    char *environment[KEPT_VARIABLES + 1] = { NULL };
    struct config_sources sources = { .file = "/dev/null", .environment = environment };
    struct config_setting folder;
    struct config *config = NULL;
    struct buffer report;
    struct error error;
    size_t count = 0;
    for (size_t i = 0; i < KEPT_VARIABLES; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && asprintf(&environment[count], "%s=%s", names[i], value) >= 0)
            count++;
    }
    place->is_guessed = getenv(names[KEPT_VARIABLES - 1]) == NULL;
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].flag, "--state-dir") != 0)
            continue;
        folder = options->settings[i];
        sources.settings = &folder;
        sources.setting_count = 1;
        place->is_guessed = false;
    }
    buffer_init(&report, REPORT_MAX);
    bool done = config_load(&config, &sources, &report, &error) && take_folder(place, config);
    config_free(config);
    buffer_free(&report);
    for (size_t i = 0; i < count; i++)
        free(environment[i]);
    return done;
}

static bool find_without(struct trading_place *place, const struct trading_options *options, const char *command,
                         bool may_guess)
{
    if (!load_bare(place, &options->config) || (place->is_guessed && !may_guess)) {
        (void)fprintf(stderr,
                      "countersign %s: nothing was done: without the configuration, name the state folder with "
                      "--state-dir\n",
                      command); /* standard error is all there is, as below */
        return false;
    }
    (void)fprintf(stderr,
                  place->is_guessed
                      ? "countersign %s: the configuration above cannot be read, so this is for the default state "
                        "folder; a proxy that records elsewhere does not heed it: name its folder with --state-dir\n"
                      : "countersign %s: the configuration above cannot be read; the state folder was named, and is "
                        "used\n",
                  command);
    return true;
}

bool trading_place_find(struct trading_place *place, const struct trading_options *options, const char *command,
                        bool may_guess, int *exit_code)
{
    struct config *config = NULL;
    *place = (struct trading_place){ .state_dir = NULL };
    bool loaded = cli_config_load(&config, &options->config, exit_code);
    bool done = loaded ? take_folder(place, config) : find_without(place, options, command, may_guess);
    if (done && loaded && options->listener != NULL && !has_listener(config, options->listener)) {
        *exit_code = refuse_listener(config, command, options->listener);
        done = false;
    }
    config_free(config);
    if (done) {
        place->is_at_work = running_is_at_work(place->state_dir);
    } else {
        free(place->state_dir);
        place->state_dir = NULL;
    }
    return done;
}
