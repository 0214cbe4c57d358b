/* Any bytes as a configuration file: it is read or refused with a report, and what was read can be written and read back
 * to the same. A text after the first NUL is a run of settings, one a line, as --set would give them. */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPORT_MAX = 1 << 20, SETTINGS_MAX = 8 };

static char *const environment[] = { (char[]){ "HOME=/home/bot" }, NULL };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct config *load(struct slice text, const struct config_setting *settings, size_t count,
                           struct buffer *report)
{
    const struct config_sources sources = {
        .file = "fuzz.ini", .environment = environment, .settings = settings, .setting_count = count
    };
    struct config *config = NULL;
    struct error error = { .kind = ERROR_NONE };
    bool loaded = config_load_text(&config, &sources, text, report, &error);
    require(loaded == (config != NULL));
    require(loaded == (report->length == 0));
    require(loaded == (error.kind == ERROR_NONE));
    return config;
}

/* A listing holds each value unless no file could say it; then it is a comment, and the default may be another. */
static void read_back(const struct config *config)
{
    struct buffer first, second, report;
    buffer_init(&first, REPORT_MAX);
    buffer_init(&second, REPORT_MAX);
    buffer_init(&report, REPORT_MAX);
    config_describe(&first, config);
    if (strstr(buffer_text(&first), "\n# not from a file") == NULL) {
        struct config *again = load(buffer_slice(&first), NULL, 0, &report);
        require(again != NULL);
        config_describe(&second, again);
        require(slice_equal(buffer_slice(&first), buffer_slice(&second)));
        config_free(again);
    }
    buffer_free(&first);
    buffer_free(&second);
    buffer_free(&report);
}

/* "KEY=VALUE" lines, cut in place. */
static size_t read_settings(struct config_setting *settings, char *text)
{
    size_t count = 0;
    for (char *line = text; line != NULL && count < SETTINGS_MAX;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        char *equals = strchr(line, '=');
        if (equals != NULL) {
            *equals = '\0';
            settings[count++] = (struct config_setting){ .key = line, .value = equals + 1, .flag = "--set" };
        }
        line = end;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_setting settings[SETTINGS_MAX];
    struct buffer report;
    struct slice text = slice_of(data, size);
    size_t end = slice_find(text, '\0');
    struct slice rest = slice_from(text, end + 1);
    char *flags = strndup(rest.length == 0 ? "" : rest.data, rest.length);
    require(flags != NULL);
    size_t count = read_settings(settings, flags);
    buffer_init(&report, REPORT_MAX);
    struct config *config = load(slice_first(text, end), settings, count, &report);
    if (config != NULL)
        read_back(config);
    config_free(config);
    buffer_free(&report);
    free(flags);
    return 0;
}
