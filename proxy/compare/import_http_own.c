/* This program's own `.http` export: messages with their lengths, so that every byte comes back. Pure; any thread.
 *
 * A message is a line `### countersign exchange ID VIEW HEAD+BODY`, then HEAD bytes, BODY bytes and a line end. The messages
 * of one exchange follow each other. Other lines that begin with `#`, and empty ones, are remarks. */
#include "import_private.h"

#include "countersign/compiler.h"

#include <stdio.h>

static const char marker[] = "### countersign exchange ";

/* The words of `log show --view`, which the export writes. */
static const char *const view_words[RECORD_VIEW_COUNT] = {
    [RECORD_CLIENT_REQUEST] = "client-request",
    [RECORD_UPSTREAM_REQUEST] = "upstream-request",
    [RECORD_UPSTREAM_RESPONSE] = "upstream-response",
    [RECORD_CLIENT_RESPONSE] = "client-response",
};

/* What a marker line says. */
struct title {
    int64_t id;
    size_t view;
    uint64_t head;
    uint64_t body;
};

bool import_is_own_http(struct slice bytes)
{
    struct slice line;
    while (import_next_line(&bytes, &line)) {
        if (slice_starts_with(line, marker))
            return true;
        if (line.length > 0 && line.data[0] != '#')
            return false;
    }
    return false;
}

static bool take_view(struct title *title, struct slice word)
{
    for (title->view = 0; title->view < ARRAY_LENGTH(view_words); title->view++) {
        if (slice_equal_text(word, view_words[title->view]))
            return true;
    }
    return false;
}

static bool parse_title(struct title *title, struct slice line)
{
    struct slice rest = slice_from(line, sizeof(marker) - 1), id, view, lengths;
    if (!slice_next_part(&rest, ' ', &id) || !slice_next_part(&rest, ' ', &view) ||
        !slice_next_part(&rest, ' ', &lengths) || rest.data != NULL)
        return false;
    size_t plus = slice_find(lengths, '+');
    return record_id_parse(&title->id, id) && take_view(title, view) &&
           slice_to_u64(slice_first(lengths, plus), &title->head) &&
           slice_to_u64(slice_from(lengths, plus + 1), &title->body);
}

/* Where the walk is. */
struct walk {
    struct slice bytes;
    struct slice rest;
    size_t title_at; /* offset of the title at hand */
    int64_t id;      /* of the exchange under way; 0: none */
};

static bool wrong(const struct walk *walk, struct error *error, const char *what)
{
    return error_set(error, ERROR_INPUT, "line %zu: %s", import_line_number(walk->bytes, walk->title_at), what);
}

static bool finish_last(struct import *import, const struct walk *walk, struct error *error)
{
    char what[64], id[RECORD_ID_TEXT_MAX];
    if (walk->id == 0)
        return true;
    (void)snprintf(what, sizeof(what), "exchange %s", record_id_text(id, walk->id)); /* fits */
    return import_finish(import, &import->records[import->count - 1], what, error);
}

static bool begin_exchange(struct import *import, struct walk *walk, int64_t id, struct error *error)
{
    if (id == walk->id)
        return true;
    if (!finish_last(import, walk, error) || import_add(import, error) == NULL)
        return false;
    walk->id = id;
    return true;
}

/* A view with the same bytes as an earlier one shares their memory, as it does where nothing changed on the way. */
static bool keep_part(struct import *import, struct slice *part, const struct slice *earlier, struct slice bytes,
                      struct error *error)
{
    if (earlier != NULL && slice_equal(*earlier, bytes)) {
        *part = *earlier;
        return true;
    }
    return import_keep(import, part, bytes, error);
}

static bool take_message(struct import *import, struct walk *walk, const struct title *title, struct error *error)
{
    struct record *record = &import->records[import->count - 1];
    struct record_message *message = &record->views[title->view];
    if (message->head.length > 0 || message->body.length > 0)
        return wrong(walk, error, "this exchange has this view already");
    if (title->head > IMPORT_HEAD_MAX)
        return wrong(walk, error, "the head is longer than one may be");
    if (title->head > walk->rest.length || title->body > walk->rest.length - title->head)
        return wrong(walk, error, "the file ends before the message that is announced here");
    if (!import_keep(import, &message->head, slice_first(walk->rest, title->head), error))
        return false;
    walk->rest = slice_from(walk->rest, title->head);
    const struct slice *earlier = title->view == 0 ? NULL : &record->views[title->view - 1].body;
    if (!keep_part(import, &message->body, earlier, slice_first(walk->rest, title->body), error))
        return false;
    walk->rest = slice_from(walk->rest, title->body);
    return true;
}

bool import_read_own_http(struct import *import, struct slice bytes, struct error *error)
{
    struct walk walk = { .bytes = bytes, .rest = bytes };
    struct slice line;
    struct title title;
    for (;;) {
        walk.title_at = bytes.length - walk.rest.length;
        if (!import_next_line(&walk.rest, &line))
            break;
        if (!slice_starts_with(line, marker)) {
            if (line.length > 0 && line.data[0] != '#')
                return wrong(&walk, error, "`### countersign exchange ...` was expected: the lengths above do not fit");
            continue;
        }
        if (!parse_title(&title, line))
            return wrong(&walk, error, "this is no `### countersign exchange ID VIEW HEAD+BODY`");
        if (!begin_exchange(import, &walk, title.id, error) || !take_message(import, &walk, &title, error))
            return false;
    }
    return finish_last(import, &walk, error);
}
