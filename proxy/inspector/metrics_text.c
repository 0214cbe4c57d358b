/* Samples in Prometheus' text format, version 0.0.4. Pure. */
#include "inspector_internal.h"

#include <inttypes.h>

/* A label's value: backslash, quotation mark and line end are escaped; all else stands as it is. */
static void append_value(struct buffer *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            (void)buffer_append_text(out, "\\n"); /* who sends it looks at `failed`, here and below */
            continue;
        }
        if (*value == '\\' || *value == '"')
            (void)buffer_append_byte(out, '\\');
        (void)buffer_append_byte(out, *value);
    }
}

static void begin(struct buffer *out, const char *name, const struct metric_label *labels, size_t count)
{
    (void)buffer_append_text(out, name); /* as above, and below */
    for (size_t i = 0; i < count; i++) {
        (void)buffer_append_format(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        append_value(out, labels[i].value);
        (void)buffer_append_byte(out, '"');
    }
    if (count > 0)
        (void)buffer_append_byte(out, '}');
}

void metric_sample(struct buffer *out, const char *name, const struct metric_label *labels, size_t count,
                   uint64_t value)
{
    begin(out, name, labels, count);
    (void)buffer_append_format(out, " %" PRIu64 "\n", value); /* as above, and below */
}

void metric_seconds(struct buffer *out, const char *name, const struct metric_label *labels, size_t count, int64_t us)
{
    begin(out, name, labels, count);
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    (void)buffer_append_format(out, " %s%" PRIu64 ".%06" PRIu64 "\n", us < 0 ? "-" : "", size / 1000000,
                               size % 1000000);
}
