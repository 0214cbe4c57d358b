/* What is said of an option that getopt_long refused. */
#ifndef COUNTERSIGN_CLI_REFUSED_OPTION_H
#define COUNTERSIGN_CLI_REFUSED_OPTION_H

#include "countersign/error.h"

#include <getopt.h>

/* Sets `error`: what is wrong with the option, and which one may have been meant. What follows its "=" is left out, for it may
 * be a secret. `problem` is what getopt_long answered with opterr = 0, '?' or ':'; `written` is argv[optind - 1], the others
 * what it was given. Reads optopt: for a program's only thread. Always returns false. */
bool refused_option_describe(int problem, const char *written, const char *short_options,
                             const struct option *long_options, struct error *error);

#endif
