/* Two bodies: by their JSON values, decoded where they are encoded, and by their bytes as they were. One thread. */
#include "diff_private.h"

#include "countersign/content.h"

#include <string.h>

size_t diff_first_difference(struct slice a, struct slice b)
{
    enum { BLOCK = 4096 }; /* memcmp is fast, but does not say where */
    size_t length = a.length < b.length ? a.length : b.length, i = 0;
    while (length - i >= BLOCK && memcmp(a.data + i, b.data + i, BLOCK) == 0)
        i += BLOCK;
    while (i < length && a.data[i] == b.data[i])
        i++;
    return i;
}

struct bodies {
    struct diff_run *run;
    enum diff_section section;
    struct slice raw[2];
    struct slice text[2]; /* decoded, where that can be done */
    bool is_encoded;      /* one of them has a content coding */
    bool is_unread;       /* one of them has one that could not be decoded */
};

static struct slice coding_of(const struct diff_message *message)
{
    const struct http_field *field = message->is_read ? http_field_find(message->fields, "Content-Encoding") : NULL;
    return field != NULL ? field->value : SLICE_LITERAL("");
}

static void decode(struct bodies *bodies, size_t side, struct slice coding)
{
    static const char *const troubles[] = {
        [CONTENT_UNKNOWN] = "a content coding that is not read here: compared by its bytes alone",
        [CONTENT_BROKEN] =
            "a body that is not what its Content-Encoding says, or cut short: compared by its bytes alone",
        [CONTENT_TOO_LARGE] = "a body that decodes to more than 8 MiB: compared by its bytes alone",
    };
    struct buffer decoded;
    buffer_init(&decoded, DIFF_JSON_MAX);
    bodies->text[side] = bodies->raw[side];
    enum content_result result = content_decode(&decoded, coding, bodies->raw[side]);
    bodies->is_encoded = bodies->is_encoded || result != CONTENT_IDENTITY;
    if (result == CONTENT_DECODED) {
        bodies->text[side] = diff_keep_buffer(bodies->run, &decoded);
    } else if (result != CONTENT_IDENTITY) {
        bodies->is_unread = true;
        diff_add_limit(bodies->run, bodies->section, DIFF_PART_BODY, troubles[result]);
    }
    buffer_free(&decoded);
}

static void add_bytes(const struct bodies *bodies, enum diff_weight weight, const char *note)
{
    const struct slice *raw = bodies->raw;
    diff_add(bodies->run, &(struct diff_finding){ .section = bodies->section,
                                                  .part = DIFF_PART_BODY,
                                                  .change = DIFF_BYTES,
                                                  .weight = weight,
                                                  .subject = SLICE_LITERAL("body"),
                                                  .has = { true, true },
                                                  .values = { raw[0], raw[1] },
                                                  .numbers = { (int64_t)raw[0].length, (int64_t)raw[1].length },
                                                  .offset = diff_first_difference(raw[0], raw[1]),
                                                  .note = note });
}

static void add_one_sided(const struct bodies *bodies, size_t side)
{
    struct diff_finding finding = { .section = bodies->section,
                                    .part = DIFF_PART_BODY,
                                    .change = side == 0 ? DIFF_MISSING : DIFF_ADDED,
                                    .subject = SLICE_LITERAL("body") };
    finding.has[side] = true;
    finding.values[side] = bodies->raw[side];
    finding.numbers[side] = (int64_t)bodies->raw[side].length;
    diff_add(bodies->run, &finding);
}

/* Other bytes: by which values, and is there more to it than these? */
static void compare_content(const struct bodies *bodies)
{
    size_t found = 0;
    if (bodies->is_encoded && slice_equal(bodies->text[0], bodies->text[1])) {
        add_bytes(bodies, DIFF_COSMETIC, "the same once decoded");
        return;
    }
    bool is_json =
        !bodies->is_unread && diff_compare_json(bodies->run, bodies->section, bodies->text, &found) && found > 0;
    if (is_json)
        add_bytes(bodies, DIFF_INFO, bodies->is_encoded ? "as they were sent, encoded" : NULL);
    else
        add_bytes(bodies, DIFF_REAL, NULL);
}

void diff_compare_bodies(struct diff_run *run, enum diff_section section, const struct diff_message messages[2])
{
    struct bodies bodies = { .run = run,
                             .section = section,
                             .raw = { messages[0].bytes->body, messages[1].bytes->body } };
    if (slice_equal(bodies.raw[0], bodies.raw[1]))
        return;
    if (bodies.raw[0].length == 0 || bodies.raw[1].length == 0) {
        add_one_sided(&bodies, bodies.raw[0].length > 0 ? 0 : 1);
        return;
    }
    for (size_t side = 0; side < 2; side++)
        decode(&bodies, side, coding_of(&messages[side]));
    compare_content(&bodies);
}
