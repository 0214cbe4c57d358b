/* The INI file: the only user of inih, which here does one thing, splitting a line into key, value and comment. Lines are
 * cut, counted and looked at before inih gets them, because inih (r55)
 *   - takes what does not fit its buffer of ini_max_line bytes for a line of its own,
 *   - glues a line that begins with a blank to the key before it,
 *   - is silent on a section without keys, on what follows a header's "]", and cuts a section's name at 49 bytes,
 *   - tells its caller neither the line's number nor any line without "=" but the first.
 * Owns nothing; one thread. */
#include "file.h"

#include "nearest.h"
#include "value.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct config_draft *draft;
    struct slice rest;              /* of the text; data is NULL at its end */
    struct slice line;              /* the present one */
    size_t number;                  /* the present one's, from 1 */
    bool pair_awaited;              /* the line went to inih, and its key and value have not come back */
    bool header_seen;               /* some section began */
    struct config_section *section; /* NULL before the first header and below one that means nothing */
};

static struct config_place place_of(const struct reader *reader)
{
    return (struct config_place){ .origin = CONFIG_ORIGIN_FILE, .number = reader->number, .name = reader->draft->file };
}

static void complain(struct reader *reader, const char *text)
{
    const struct config_place place = place_of(reader);
    config_problem_add(&reader->draft->problems, &place, "%s", text);
}

/* A line without "=": nothing of it is shown but a key we know, since a secret may have been pasted on it. */
static void complain_no_pair(struct reader *reader)
{
    const struct config_place place = place_of(reader);
    struct config_nearest nearest;
    config_nearest_begin(&nearest, slice_first(reader->line, slice_find(reader->line, ' ')));
    for (size_t i = 0; reader->section != NULL && i < config_kinds[reader->section->kind].key_count; i++)
        config_nearest_offer(&nearest, config_kinds[reader->section->kind].keys[i].name);
    if (nearest.match[0] == '\0')
        config_problem_add(&reader->draft->problems, &place, "expected `key = value`");
    else
        config_problem_add(&reader->draft->problems, &place, "expected `key = value`; did you mean `%s = ...`?",
                           nearest.match);
}

static void settle_pair(struct reader *reader)
{
    if (reader->pair_awaited)
        complain_no_pair(reader);
    reader->pair_awaited = false;
}

static bool next_line(struct reader *reader)
{
    static const char mark[] = "\xef\xbb\xbf"; /* UTF-8's byte order mark */
    if (!slice_next_part(&reader->rest, '\n', &reader->line))
        return false;
    reader->number++;
    if (reader->number == 1 && slice_starts_with(reader->line, mark))
        reader->line = slice_from(reader->line, sizeof(mark) - 1);
    if (reader->line.length > 0 && reader->line.data[reader->line.length - 1] == '\r')
        reader->line.length--;
    return true;
}

static bool has_control_byte(struct slice line)
{
    for (size_t i = 0; i < line.length; i++) {
        unsigned char byte = (unsigned char)line.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return true;
    }
    return false;
}

static bool is_comment(struct slice text)
{
    return text.length > 0 && (text.data[0] == ';' || text.data[0] == '#');
}

/* "[KIND NAME]" with nothing but a comment behind it, into `kind` and `name`. */
static bool split_header(struct slice *kind, struct slice *name, struct slice line)
{
    size_t end = slice_find(line, ']');
    struct slice behind = slice_trim_blanks(slice_from(line, end + 1));
    struct slice inner = slice_trim_blanks(slice_first(slice_from(line, 1), end - 1));
    if (end == line.length || (behind.length > 0 && !is_comment(behind)))
        return false;
    size_t space = 0;
    while (space < inner.length && inner.data[space] != ' ' && inner.data[space] != '\t')
        space++;
    *kind = slice_first(inner, space);
    *name = slice_trim_blanks(slice_from(inner, space));
    return true;
}

static void begin_named_or_single(struct reader *reader, enum config_kind kind, struct slice name)
{
    const struct config_place place = place_of(reader);
    struct config_section *known = config_draft_find(reader->draft, kind, &name);
    char title[CONFIG_TITLE_MAX];
    if (known == NULL) {
        reader->section = config_draft_add(reader->draft, kind, name, &place);
        return;
    }
    config_problem_add(&reader->draft->problems, &place, "section %s is given twice, first at line %zu",
                       config_section_title(title, known), known->place.number);
    reader->section = known;
    memset(known->slots, 0, sizeof(known->slots)); /* so that its keys do not count as given twice, too */
}

/* An unknown kind that is near one we know is read as that one, so that its keys are checked as well. */
static void begin_section(struct reader *reader)
{
    const struct config_place place = place_of(reader);
    struct slice kind_name = slice_of(NULL, 0);
    struct slice name = slice_of(NULL, 0);
    reader->section = NULL;
    reader->header_seen = true;
    if (!split_header(&kind_name, &name, reader->line)) {
        complain(reader, "expected a section's header, [KIND] or [KIND NAME], and nothing behind it");
        return;
    }
    enum config_kind kind = config_kind_find(kind_name);
    if (kind == CONFIG_KIND_COUNT)
        kind = config_words_unknown_kind(&reader->draft->problems, &place, kind_name);
    if (kind == CONFIG_KIND_COUNT)
        return;
    const struct config_kind_row *row = &config_kinds[kind];
    if (row->named && !config_name_valid(name))
        config_problem_add(&reader->draft->problems, &place,
                           "[%s] needs a name of letters, digits, - and _, at most %d: [%s NAME]", row->name,
                           (int)CONFIG_NAME_MAX, row->name);
    else if (!row->named && name.length > 0)
        config_problem_add(&reader->draft->problems, &place, "[%s] takes no name", row->name);
    else
        begin_named_or_single(reader, kind, name);
}

/* True: the line is for inih. */
static bool take_line(struct reader *reader, size_t room)
{
    struct slice text = slice_trim_blanks(reader->line);
    if (has_control_byte(reader->line)) {
        complain(reader, "the line holds a control byte; the file must be plain text in UTF-8");
        return false;
    }
    if (text.length == 0 || is_comment(text))
        return false;
    if (text.data != reader->line.data) {
        complain(reader, "the line begins with a blank; a value ends with its line, and keys begin at the margin");
        return false;
    }
    if (text.data[0] == '[') {
        begin_section(reader);
        return false;
    }
    if (reader->line.length > room) {
        const struct config_place place = place_of(reader);
        config_problem_add(&reader->draft->problems, &place, "the line is longer than %zu bytes", room);
        return false;
    }
    return true;
}

/* inih's reader, in the manner of fgets: `size` bytes with the newline and the NUL. A line that is not for inih reaches
 * it as an empty one. */
static char *read_line(char *out, int size, void *context)
{
    struct reader *reader = context;
    settle_pair(reader);
    if (size < 3 || !next_line(reader))
        return NULL;
    size_t length = 0;
    if (take_line(reader, (size_t)size - 3)) {
        length = reader->line.length;
        memcpy(out, reader->line.data, length);
        reader->pair_awaited = true;
    }
    out[length] = '\n';
    out[length + 1] = '\0';
    return out;
}

static void set_key(struct reader *reader, size_t key, const char *value)
{
    const struct config_place place = place_of(reader);
    struct config_section *section = reader->section;
    const struct config_slot *slot = &section->slots[key];
    char title[CONFIG_TITLE_MAX];
    if (slot->given && config_kinds[section->kind].keys[key].type != CONFIG_TYPE_RULE)
        config_problem_add(&reader->draft->problems, &place, "%s %s: given twice, first at line %zu",
                           config_section_title(title, section), config_kinds[section->kind].keys[key].name,
                           slot->place.number);
    else
        config_draft_set(reader->draft, section, key, slice_text(value), &place);
}

/* inih's handler. Its own idea of the section is not used. */
static int take_pair(void *context, const char *ignored_section, const char *name, const char *value)
{
    (void)ignored_section;
    struct reader *reader = context;
    if (name[0] == '\0')
        return 1; /* stays awaited: an error like a line without "=" */
    reader->pair_awaited = false;
    const struct config_place place = place_of(reader);
    if (!reader->header_seen) {
        config_words_outside(&reader->draft->problems, &place, slice_text(name));
        return 1;
    }
    if (reader->section == NULL)
        return 1; /* its header was an error */
    size_t key = config_key_find(reader->section->kind, slice_text(name));
    if (key == config_kinds[reader->section->kind].key_count)
        config_words_unknown_key(&reader->draft->problems, &place, reader->section, slice_text(name));
    else
        set_key(reader, key, value);
    return 1;
}

void config_file_parse(struct config_draft *draft, struct slice text)
{
    struct reader reader = { .draft = draft, .rest = text.data == NULL ? slice_text("") : text };
    /* The line number it returns is of a line that settle_pair reports. */
    (void)ini_parse_stream(read_line, &reader, take_pair, &reader);
    settle_pair(&reader);
}

static bool read_whole(struct buffer *text, int fd)
{
    enum { STEP = 16384 };
    for (;;) {
        char *room = buffer_reserve(text, STEP);
        if (room == NULL) {
            errno = text->maximum - text->length < STEP ? EFBIG : ENOMEM;
            return false;
        }
        ssize_t got = read(fd, room, STEP);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        buffer_commit(text, (size_t)got);
    }
}

bool config_file_read(struct buffer *text, struct config_draft *draft, const char *path)
{
    const struct config_place place = { .origin = CONFIG_ORIGIN_FILE, .name = draft->file };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && read_whole(text, fd);
    if (!done)
        config_problem_add(&draft->problems, &place, "cannot read the configuration: %s", strerrordesc_np(errno));
    if (fd >= 0)
        (void)close(fd); /* was only read */
    return done;
}
