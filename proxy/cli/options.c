/* Command lines read by a table. Owns nothing; one thread (getopt_long's state is the process's). */
#include "options.h"

#include <string.h>

enum {
    OPTION_BASE = 2000, /* above letters and the configuration's options */
    CONFIG_OPTIONS = 6,
    SHORTS_MAX = 2 * CLI_OPTIONS_MAX + 8
};

/* What getopt_long wants. */
struct arrays {
    struct option longs[CLI_OPTIONS_MAX + CONFIG_OPTIONS + 1];
    char shorts[SHORTS_MAX];
};

static void add_letter(struct arrays *arrays, const struct cli_option *option)
{
    size_t length = strlen(arrays->shorts);
    if (option->letter == '\0')
        return;
    arrays->shorts[length++] = option->letter;
    if (option->takes_value)
        arrays->shorts[length] = ':';
}

static void make_arrays(struct arrays *arrays, const struct cli_syntax *syntax, bool takes_config)
{
    static const struct option config_longs[] = { CLI_CONFIG_LONG_OPTIONS };
    _Static_assert(ARRAY_LENGTH(config_longs) == CONFIG_OPTIONS, "a place for each");
    memset(arrays, 0, sizeof(*arrays));
    arrays->shorts[0] = ':';
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct cli_option *option = &syntax->options[i];
        arrays->longs[i] = (struct option){ option->name, option->takes_value ? required_argument : no_argument, NULL,
                                            OPTION_BASE + (int)i };
        add_letter(arrays, option);
    }
    if (!takes_config)
        return;
    memcpy(&arrays->longs[syntax->option_count], config_longs, sizeof(config_longs));
    memcpy(arrays->shorts + strlen(arrays->shorts), CLI_CONFIG_SHORT_OPTIONS, sizeof(CLI_CONFIG_SHORT_OPTIONS));
}

/* The row of what getopt_long gave, NULL where it is the configuration's. */
static const struct cli_option *find_option(const struct cli_syntax *syntax, int given)
{
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct cli_option *option = &syntax->options[i];
        if (given == OPTION_BASE + (int)i || (option->letter != '\0' && given == option->letter))
            return option;
    }
    return NULL;
}

static void take(void *into, const struct cli_option *option, const char *value)
{
    char *member = (char *)into + option->offset;
    const bool yes = true;
    if (option->takes_value)
        memcpy(member, &value, sizeof(value));
    else
        memcpy(member, &yes, sizeof(yes));
}

bool cli_options_read(struct cli_words *words, void *into, struct cli_config_options *config,
                      const struct cli_syntax *syntax, int argc, char **argv)
{
    struct arrays arrays;
    int given;
    make_arrays(&arrays, syntax, config != NULL);
    optind = 0; /* glibc: begin anew */
    opterr = 0; /* messages are ours */
    while ((given = getopt_long(argc, argv, arrays.shorts, arrays.longs, NULL)) != -1) {
        const struct cli_option *option = find_option(syntax, given);
        if (given == '?' || given == ':')
            return cli_refuse_option(syntax->command, given, argv[optind - 1], arrays.shorts, arrays.longs) == 0;
        if (option != NULL)
            take(into, option, optarg);
        else if (!cli_config_option(config, given, optarg))
            return false;
    }
    *words = (struct cli_words){ argv + optind, (size_t)(argc - optind) };
    if (words->count > syntax->words_max)
        return cli_usage_error(syntax->command, "unexpected argument \"%s\"", words->items[syntax->words_max]) == 0;
    return true;
}
