/* Exchanges as people name them: a number, or the latest that fits. Owns nothing; one thread. */
#include "log_command.h"

#include <string.h>

/* "last", "last~3", "last:api_error", "last:1401~2" taken apart. */
struct last_word {
    struct slice what; /* behind the colon; empty where there is none */
    uint64_t skip;
};

static bool split_last(struct last_word *last, struct slice word)
{
    if (!slice_starts_with(word, "last"))
        return false;
    struct slice rest = slice_from(word, strlen("last"));
    size_t tilde = slice_find(rest, '~');
    *last = (struct last_word){ .skip = 0 };
    if (tilde < rest.length && !slice_to_u64(slice_from(rest, tilde + 1), &last->skip))
        return false;
    rest = slice_first(rest, tilde);
    if (rest.length == 0)
        return true;
    last->what = slice_from(rest, 1);
    return rest.data[0] == ':' && last->what.length > 0;
}

bool log_id_is_one(const char *word)
{
    int64_t id;
    struct last_word last;
    return record_id_parse(&id, slice_text(word)) || split_last(&last, slice_text(word));
}

/* An outcome's name, else an answer's code. */
static void narrow(struct capture_filter *filter, struct slice what)
{
    enum record_outcome outcome;
    if (what.length == 0)
        return;
    if (record_outcome_parse(&outcome, what))
        filter->outcomes = 1u << outcome;
    else
        filter->code = what;
}

bool log_id_resolve(int64_t *id, struct log_run *run, const char *word, struct error *error)
{
    struct last_word last;
    struct error why;
    if (record_id_parse(id, slice_text(word)))
        return !run->options->has_filter || run->options->filter.imported ||
               error_set(error, ERROR_USAGE,
                         "filters choose among the last ones: they go with `last`, not with the id %.64s", word);
    if (!split_last(&last, slice_text(word)))
        return error_set(
            error, ERROR_INPUT,
            "`%.64s` is no exchange: give an id (17, i3), `last`, `last~3`, `last:api_error` or `last:1401`", word);
    struct capture_filter filter = log_filter(run);
    narrow(&filter, last.what);
    if (capture_reader_find(id, run->reader, &filter, last.skip, &why))
        return true;
    if (why.kind == ERROR_INPUT && last.what.length == 0 && last.skip == 0 && !run->options->has_filter)
        return error_set(error, ERROR_INPUT, "no exchange is recorded yet in %s", run->store_path);
    const char *meant = filter.outcomes == 0 ? log_outcome_near(last.what) : NULL;
    if (why.kind == ERROR_INPUT && meant != NULL)
        return error_set(error, ERROR_INPUT, "%.64s: no exchange in %s has such a code; did you mean last:%s?", word,
                         run->store_path, meant);
    *error = why;
    return error_prefix(error, "%.64s", word);
}
