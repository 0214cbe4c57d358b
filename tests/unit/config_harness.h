/* What the configuration's tests share: loading a text as the file "countersign.ini" and reading the report. */
#ifndef COUNTERSIGN_TESTS_CONFIG_HARNESS_H
#define COUNTERSIGN_TESTS_CONFIG_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HARNESS_REPORT_MAX = 256 * 1024 };

static char *const harness_environment[] = { (char[]){ "HOME=/home/bot" }, NULL };

/* What follows a listener's own lines where nothing else is of interest. */
#define HARNESS_LISTENER "[listener bot]\naccount = main\n"

/* Loads; the caller frees. NULL: refused, and `report`, of the caller's buffer, says why. */
static inline struct config *harness_load(const char *text, char *const *environment,
                                          const struct config_setting *settings, size_t setting_count,
                                          struct buffer *report)
{
    const struct config_sources sources = {
        .file = "countersign.ini", .environment = environment, .settings = settings, .setting_count = setting_count
    };
    struct config *config = (struct config *)(uintptr_t)1; /* must be overwritten */
    struct error error = { .kind = ERROR_NONE };
    buffer_init(report, HARNESS_REPORT_MAX);
    bool loaded = config_load_text(&config, &sources, slice_text(text), report, &error);
    assert_int_equal(loaded, config != NULL);
    assert_int_equal(error.kind, loaded ? ERROR_NONE : ERROR_CONFIG);
    return config;
}

static inline void harness_expect(const char *text, char *const *environment, const struct config_setting *settings,
                                  size_t setting_count, const char *expected_report)
{
    struct buffer report;
    struct config *config = harness_load(text, environment, settings, setting_count, &report);
    assert_string_equal(buffer_text(&report), expected_report);
    assert_int_equal(config == NULL, expected_report[0] != '\0');
    config_free(config);
    buffer_free(&report);
}

/* The text alone, as a file, must give exactly this report. */
static inline void refuses(const char *text, const char *expected_report)
{
    harness_expect(text, harness_environment, NULL, 0, expected_report);
}

/* The text alone must be good; the caller frees. */
static inline struct config *accepts(const char *text)
{
    struct buffer report;
    struct config *config = harness_load(text, harness_environment, NULL, 0, &report);
    assert_string_equal(buffer_text(&report), "");
    assert_non_null(config);
    buffer_free(&report);
    return config;
}

#endif
