/* A curl command's options as a value, and their reader. Private to this room. */
#ifndef COUNTERSIGN_COMPARE_IMPORT_CURL_H
#define COUNTERSIGN_COMPARE_IMPORT_CURL_H

#include "import_private.h"
#include "import_shell.h"

/* What the command asks for. Slices are words of the shell. */
struct curl_command {
    struct slice url;
    struct slice method;                  /* -X; empty where not given */
    struct slice target;                  /* --request-target */
    struct slice agent;                   /* -A */
    struct slice referer;                 /* -e */
    struct slice user;                    /* -u */
    struct slice bearer;                  /* --oauth2-bearer */
    struct buffer cookies;                /* of all -b, joined as curl joins them */
    struct buffer data;                   /* of all -d and their like */
    struct slice fields[HTTP_FIELDS_MAX]; /* each -H as given */
    size_t field_count;
    bool has_agent;
    bool has_data;
    bool is_json;
    bool is_get;
    bool is_head;
    bool is_compressed;
    bool is_glob_off;
    bool is_path_as_is;
    bool is_http_1_0;
};

void curl_command_begin(struct curl_command *command);
void curl_command_end(struct curl_command *command);

/* Reads the words behind `curl`. */
MUST_CHECK bool curl_command_read(struct curl_command *command, const struct shell *shell);

/* One option being read. */
struct curl_reading {
    struct curl_command *command;
    const struct shell *shell;
    size_t next; /* the next word */
    const struct curl_option *option;
};

/* A row of curl's options. */
struct curl_option {
    char letter; /* NUL: none */
    const char *name;
    bool has_value;
    bool (*take)(struct curl_reading *reading, struct slice value); /* NULL: the request does not depend on it */
};

const struct curl_option *curl_option_find_long(struct slice name); /* NULL: there is none */
const struct curl_option *curl_option_find_short(char letter);

/* What to do where an export of this program has a body elsewhere than in the command. */
#define CURL_BODIES_KEPT "`log export` keeps such bodies with --format har or http"

/* An error that names the option at hand. Always false. */
bool curl_option_wrong(const struct curl_reading *reading, const char *what);

#endif
