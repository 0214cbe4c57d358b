/* What is said of an option that getopt_long refused: with or without a value, short for several, near to another, unknown. */
#include "refused_option.h"

#include "countersign/buffer.h"
#include "countersign/config.h"
#include "countersign/slice.h"

#include <stdio.h>
#include <string.h>

enum {
    NAMES_MAX = 64,  /* long options that one may be near to */
    WORD_ROOM = 64,  /* bytes of what was written, its NUL included; what is cut is near to none */
    MEANT_MAX = 1024 /* bytes */
};

/* The name in "--name=VALUE". */
static struct slice long_name(const char *written)
{
    const char *name = written + strspn(written, "-");
    return slice_of(name, strcspn(name, "="));
}

static bool is_known(const struct option *options, struct slice name)
{
    while (options->name != NULL && !slice_equal_text(name, options->name))
        options++;
    return options->name != NULL;
}

/* Those that it is short for, as getopt_long takes abbreviations. */
static void append_longer(struct buffer *out, const struct option *options, struct slice name)
{
    for (; options->name != NULL; options++) {
        if (slice_equal(slice_first(slice_text(options->name), name.length), name))
            (void)buffer_append_format(out, "%s`--%s`", out->length > 0 ? " or " : "",
                                       options->name); /* cut, it helps */
    }
}

static void append_nearest(struct buffer *out, const struct option *options, struct slice name)
{
    const char *names[NAMES_MAX + 1], *meant;
    char word[WORD_ROOM];
    size_t count = 0;
    for (; count < NAMES_MAX && options[count].name != NULL; count++)
        names[count] = options[count].name;
    names[count] = NULL;
    (void)snprintf(word, sizeof(word), "%.*s", SLICE_ARGUMENTS(name)); /* cut where it is too long */
    meant = config_nearest_word(word, names);
    if (meant != NULL)
        (void)buffer_append_format(out, "`--%s`", meant); /* as above */
}

static bool describe_long(const struct option *options, struct slice name, struct error *error)
{
    struct buffer meant;
    if (is_known(options, name))
        return error_set(error, ERROR_USAGE, "`--%.*s` takes no value", SLICE_ARGUMENTS(name));
    buffer_init(&meant, MEANT_MAX);
    append_longer(&meant, options, name);
    if (meant.length == 0)
        append_nearest(&meant, options, name);
    (void)error_set(error, ERROR_USAGE, "`--%.*s` is not an option here%s%s%s", SLICE_ARGUMENTS(name),
                    meant.length > 0 ? "; did you mean " : "", buffer_text(&meant), meant.length > 0 ? "?" : "");
    buffer_free(&meant);
    return false;
}

/* Whether it was a short one: argv[optind - 1] is then what came before it where it stands among others ("-xy"). An option
 * that takes no value leaves its own value here, which is no character that a user writes, or one of the short options. */
static bool is_unknown_letter(const char *short_options)
{
    return optopt < 0 || (optopt > ' ' && optopt < 127 && strchr(short_options, optopt) == NULL);
}

bool refused_option_describe(int problem, const char *written, const char *short_options,
                             const struct option *long_options, struct error *error)
{
    if (problem == ':')
        return error_set(error, ERROR_USAGE, "%s takes a value", written);
    if (is_unknown_letter(short_options))
        return error_set(error, ERROR_USAGE, "`-%c` is not an option here", optopt);
    return describe_long(long_options, long_name(written), error);
}
