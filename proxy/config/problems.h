/* What is wrong, each with its place, collected and then written in order. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_PROBLEMS_H
#define COUNTERSIGN_CONFIG_PROBLEMS_H

#include "countersign/buffer.h"
#include "countersign/error.h"

enum { CONFIG_PROBLEMS_MAX = 256, CONFIG_PROBLEM_LENGTH_MAX = 8192 };

/* The order is the report's order. */
enum config_origin { CONFIG_ORIGIN_DEFAULT, CONFIG_ORIGIN_FILE, CONFIG_ORIGIN_ENVIRONMENT, CONFIG_ORIGIN_FLAG };

struct config_place {
    enum config_origin origin;
    size_t number;     /* the file's line (0: the file as a whole), or the variable's or flag's position */
    struct slice name; /* the file, the variable, or the flag as the user wrote it; lives as long as the sources */
};

struct config_problem {
    struct config_place place;
    size_t sequence; /* keeps the order of two at one place */
    char *text;
};

struct config_problems {
    struct config_problem items[CONFIG_PROBLEMS_MAX];
    size_t count;
    size_t total; /* with those that found no room */
};

void config_problem_add(struct config_problems *problems, const struct config_place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Appends "FILE:12: ", "environment NAME: ", ... */
void config_place_append(struct buffer *out, const struct config_place *place);

/* Appends one line for each, sorted by place. */
void config_problems_write(struct buffer *report, struct config_problems *problems);

void config_problems_end(struct config_problems *problems);

/* Appends "\"text\"", cut where it is long, with bytes that could steer a terminal shown as '?'. */
void config_quote(struct buffer *out, struct slice text);

#endif
