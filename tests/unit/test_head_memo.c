/* Templates at hand: a head is found again where it is one of them with the values at hand in its holes, and nowhere else. What a
 * template gives is reckoned here by a plain walk over it. */
#include "capture/head_memo.h"

#include "countersign/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATE_TEXT  "Tue, 10 Feb 2026 16:53:14 GMT"
#define SIGN_TEXT  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_SIGN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"

enum { ROOM = 3 * HEAD_MEMO_BYTES, TEMPLATE_ID = 41 };

/* In the order of schema.h: target, signature, expires, date, length, id. */
static const char all_holes[] = "POST \1 HTTP/1.1\r\nX-CS-SIGN: \2\r\nX-CS-EXPIRES: \3\r\nDate: \4\r\n"
                                "Content-Length: \5\r\nCountersign-Exchange: \6\r\n\r\n";
static const char all_filled[] = "POST /a?b=c HTTP/1.1\r\nX-CS-SIGN: " SIGN_TEXT "\r\nX-CS-EXPIRES: 1770742394290\r\n"
                                 "Date: " DATE_TEXT "\r\nContent-Length: 71\r\nCountersign-Exchange: 17\r\n\r\n";

/* What a template is filled with. */
struct filling {
    struct head_values values;
    struct slice date;
};

static const struct filling usual = {
    .values = { .target = SLICE_OF_LITERAL("/a?b=c"),
                .signature = SLICE_OF_LITERAL(SIGN_TEXT),
                .expires_ms = 1770742394290,
                .date_s = 1770742394,
                .id = 17,
                .body_length = 71 },
    .date = SLICE_OF_LITERAL(DATE_TEXT),
};

#define BYTES_OF(array) slice_of(array, sizeof(array) - 1)

static int make(void **state)
{
    struct head_memo *memo = NULL;
    struct error error;
    bool made = head_memos_create(&memo, 1, &error);
    *state = memo;
    return made ? 0 : -1;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void fill_in(struct head_texts *texts, const struct filling *filling)
{
    struct head_values values = filling->values;
    values.date = filling->date;
    head_texts_take(texts, &values);
    head_texts_take_length(texts, filling->values.body_length);
}

/* The head stands in room of its own length, so that a sanitizer sees what is read behind it. */
static int64_t find(const struct head_memo *memo, struct slice head, const struct filling *filling)
{
    struct head_texts texts;
    char *exact = malloc(head.length + (head.length == 0));
    assert_non_null(exact);
    memcpy(exact, head.data, head.length);
    fill_in(&texts, filling);
    int64_t id = head_memo_find(memo, slice_of(exact, head.length), &texts);
    free(exact);
    return id;
}

static struct slice plus(struct slice template, const char *end)
{
    static char room[ROOM];
    memcpy(room, template.data, template.length);
    memcpy(room + template.length, end, strlen(end));
    return slice_of(room, template.length + strlen(end));
}

static void a_head_that_differs_in_its_values_alone_is_found_again(void **state)
{
    static const struct {
        struct filling filling;
        struct slice head;
    } others[] = {
        { { { SLICE_OF_LITERAL("/"), SLICE_OF_LITERAL(OTHER_SIGN), 1, 1, 1, 0, { NULL, 0 } },
            SLICE_OF_LITERAL(DATE_TEXT) },
          SLICE_OF_LITERAL("POST / HTTP/1.1\r\nX-CS-SIGN: " OTHER_SIGN "\r\nX-CS-EXPIRES: 1\r\nDate: " DATE_TEXT
                           "\r\nContent-Length: 0\r\nCountersign-Exchange: 1\r\n\r\n") },
        { { { SLICE_OF_LITERAL("/\xff\a"), SLICE_OF_LITERAL("x"), INT64_MAX, 1, INT64_MAX, SIZE_MAX, { NULL, 0 } },
            SLICE_OF_LITERAL("today") },
          SLICE_OF_LITERAL(
              "POST /\xff\a HTTP/1.1\r\nX-CS-SIGN: x\r\nX-CS-EXPIRES: 9223372036854775807\r\nDate: today\r\n"
              "Content-Length: 18446744073709551615\r\nCountersign-Exchange: 9223372036854775807\r\n\r\n") },
    };
    struct head_memo *memo = *state;
    assert_int_equal(find(memo, BYTES_OF(all_filled), &usual), 0);
    head_memo_keep(memo, BYTES_OF(all_holes), TEMPLATE_ID);
    assert_int_equal(find(memo, BYTES_OF(all_filled), &usual), TEMPLATE_ID);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_int_equal(find(memo, others[i].head, &others[i].filling), TEMPLATE_ID);
}

static void what_was_kept_is_the_memos_own(void **state)
{
    char template[sizeof(all_holes)];
    memcpy(template, all_holes, sizeof(template));
    head_memo_keep(*state, BYTES_OF(template), TEMPLATE_ID);
    memset(template, 'x', sizeof(template));
    assert_int_equal(find(*state, BYTES_OF(all_filled), &usual), TEMPLATE_ID);
}

/* --- what is another head --- */

static void one_byte_less_more_or_changed_is_another_head(void **state)
{
    char other[sizeof(all_filled) + 1];
    const size_t length = sizeof(all_filled) - 1;
    head_memo_keep(*state, BYTES_OF(all_holes), TEMPLATE_ID);
    for (size_t at = 0; at <= length; at++) {
        memcpy(other, all_filled, at);
        for (int byte = 0; byte < 256; byte++) {
            other[at] = (char)byte;
            memcpy(other + at + 1, all_filled + at, length - at);
            assert_int_equal(find(*state, slice_of(other, length + 1), &usual), 0);
            if (at == length || byte == (unsigned char)all_filled[at])
                continue;
            memcpy(other + at + 1, all_filled + at + 1, length - at - 1);
            assert_int_equal(find(*state, slice_of(other, length), &usual), 0);
        }
        if (at < length)
            memcpy(other + at, all_filled + at + 1, length - at - 1);
        if (at < length)
            assert_int_equal(find(*state, slice_of(other, length - 1), &usual), 0);
        assert_int_equal(find(*state, slice_of(all_filled, at), &usual), at == length ? TEMPLATE_ID : 0);
        if (at > 0)
            assert_int_equal(find(*state, slice_of(all_filled + at, length - at), &usual), 0);
    }
}

static void another_value_in_any_hole_gives_another_head(void **state)
{
    struct filling others[14];
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        others[i] = usual;
    others[0].values.target = SLICE_LITERAL("/a?b=d");
    others[1].values.target = SLICE_LITERAL("/a?b=");
    others[2].values.target = SLICE_LITERAL("/a?b=c ");
    others[3].values.signature = SLICE_LITERAL(OTHER_SIGN);
    others[4].values.signature = slice_of(SIGN_TEXT, 63);
    others[5].values.expires_ms++;
    others[6].values.expires_ms /= 10;
    others[7].date = SLICE_LITERAL("Tue, 10 Feb 2026 16:53:15 GMT");
    others[8].date = slice_of(DATE_TEXT, 28);
    others[9].values.body_length = 7;
    others[10].values.body_length = 711;
    others[11].values.id = 1;
    others[12].values.id = 171;
    others[13].values.id = 7;
    head_memo_keep(*state, BYTES_OF(all_holes), TEMPLATE_ID);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_int_equal(find(*state, BYTES_OF(all_filled), &others[i]), 0);
}

static void leave_out(struct filling *filling, size_t hole)
{
    struct head_values *values = &filling->values;
    if (hole == SCHEMA_HOLE_TARGET)
        values->target = slice_of(NULL, 0);
    else if (hole == SCHEMA_HOLE_SIGNATURE)
        values->signature = slice_of(NULL, 0);
    else if (hole == SCHEMA_HOLE_EXPIRES)
        values->expires_ms = 0;
    else if (hole == SCHEMA_HOLE_DATE)
        filling->date = slice_of(NULL, 0);
    else
        values->id = 0;
}

static void a_hole_without_a_value_gives_no_head(void **state)
{
    static const enum schema_hole may_be_absent[] = { SCHEMA_HOLE_TARGET, SCHEMA_HOLE_SIGNATURE, SCHEMA_HOLE_EXPIRES,
                                                      SCHEMA_HOLE_DATE, SCHEMA_HOLE_ID };
    for (size_t i = 0; i < ARRAY_LENGTH(may_be_absent); i++) {
        char template[] = "A: ?\r\n\r\n";
        struct filling filling = usual;
        template[3] = (char)may_be_absent[i];
        head_memo_forget(*state);
        head_memo_keep(*state, BYTES_OF(template), TEMPLATE_ID);
        leave_out(&filling, may_be_absent[i]);
        assert_int_equal(find(*state, SLICE_LITERAL("A: \r\n\r\n"), &filling), 0);
        assert_int_equal(find(*state, SLICE_LITERAL("A: 0\r\n\r\n"), &filling), 0);
        assert_int_equal(find(*state, BYTES_OF(template), &filling), 0);
        head_memo_keep(*state, BYTES_OF(all_holes), TEMPLATE_ID);
        assert_int_equal(find(*state, BYTES_OF(all_filled), &filling), 0);
        assert_int_equal(find(*state, BYTES_OF(all_filled), &usual), TEMPLATE_ID);
    }
}

/* The view shows an id below 0 with its sign. */
static void a_number_below_0_is_never_taken_for_another(void **state)
{
    struct filling filling = usual;
    filling.values.id = -17;
    filling.values.expires_ms = -17;
    head_memo_keep(*state, SLICE_LITERAL("\6\r\n"), 1);
    head_memo_keep(*state, SLICE_LITERAL("\3\r\n"), 2);
    assert_int_equal(find(*state, SLICE_LITERAL("17\r\n"), &usual), 1);
    assert_int_equal(find(*state, SLICE_LITERAL("17\r\n"), &filling), 0);
    assert_int_equal(find(*state, SLICE_LITERAL("18446744073709551599\r\n"), &filling), 0);
}

/* Such a head has no template, so none may be found for it: what the view would do with the byte is something else. */
static void a_value_that_holds_a_byte_of_a_hole_is_none(void **state)
{
    for (char hole = 1; hole < SCHEMA_HOLE_END; hole++) {
        char target[] = "/what/is/asked?", signature[] = SIGN_TEXT, head[128];
        struct filling filling = usual;
        for (size_t at = 0; at < sizeof(target) - 1; at++) {
            memcpy(target, "/what/is/asked?", sizeof(target));
            target[at] = hole;
            filling.values.target = BYTES_OF(target);
            head_memo_forget(*state);
            head_memo_keep(*state, SLICE_LITERAL("GET \1 HTTP/1.1\r\n\r\n"), TEMPLATE_ID);
            int length = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\n\r\n", target);
            assert_int_equal(find(*state, slice_of(head, (size_t)length), &filling), 0);
        }
        filling = usual;
        signature[hole * 9] = hole;
        filling.values.signature = BYTES_OF(signature);
        head_memo_keep(*state, SLICE_LITERAL("X-CS-SIGN: \2\r\n\r\n"), TEMPLATE_ID);
        int length = snprintf(head, sizeof(head), "X-CS-SIGN: %s\r\n\r\n", signature);
        assert_int_equal(find(*state, slice_of(head, (size_t)length), &filling), 0);
    }
}

static void a_head_that_is_the_template_itself_is_not_what_it_gives(void **state)
{
    head_memo_keep(*state, BYTES_OF(all_holes), TEMPLATE_ID);
    assert_int_equal(find(*state, BYTES_OF(all_holes), &usual), 0);
}

/* --- where the holes are --- */

static void holes_stand_anywhere_in_a_template(void **state)
{
    static const struct {
        struct slice template, head, others[3];
    } rows[] = {
        { SLICE_OF_LITERAL("\6 before"),
          SLICE_OF_LITERAL("17 before"),
          { SLICE_OF_LITERAL(" before"), SLICE_OF_LITERAL("1 before"), SLICE_OF_LITERAL("117 before") } },
        { SLICE_OF_LITERAL("behind \6"),
          SLICE_OF_LITERAL("behind 17"),
          { SLICE_OF_LITERAL("behind "), SLICE_OF_LITERAL("behind 1"), SLICE_OF_LITERAL("behind 177") } },
        { SLICE_OF_LITERAL("\6"),
          SLICE_OF_LITERAL("17"),
          { SLICE_OF_LITERAL(""), SLICE_OF_LITERAL("71"), SLICE_OF_LITERAL("17\n") } },
        { SLICE_OF_LITERAL("a\6\5b"),
          SLICE_OF_LITERAL("a1771b"),
          { SLICE_OF_LITERAL("a7117b"), SLICE_OF_LITERAL("a17b"), SLICE_OF_LITERAL("a71b") } },
        { SLICE_OF_LITERAL("\5\6"),
          SLICE_OF_LITERAL("7117"),
          { SLICE_OF_LITERAL("1771"), SLICE_OF_LITERAL("71 17"), SLICE_OF_LITERAL("711") } },
        { SLICE_OF_LITERAL("\6\6:\6"),
          SLICE_OF_LITERAL("1717:17"),
          { SLICE_OF_LITERAL("17:17"), SLICE_OF_LITERAL("1717:1"), SLICE_OF_LITERAL("1717:1717") } },
        { SLICE_OF_LITERAL("17\6 7"),
          SLICE_OF_LITERAL("1717 7"),
          { SLICE_OF_LITERAL("17 7"), SLICE_OF_LITERAL("17171 7"), SLICE_OF_LITERAL("1717 ") } },
        { SLICE_OF_LITERAL("no hole"),
          SLICE_OF_LITERAL("no hole"),
          { SLICE_OF_LITERAL("no hol"), SLICE_OF_LITERAL("no hole "), SLICE_OF_LITERAL("no holf") } },
        { SLICE_OF_LITERAL("\0\6\0\0\5\0"),
          SLICE_OF_LITERAL("\0"
                           "17\0\0"
                           "71\0"),
          { SLICE_OF_LITERAL("\0"
                             "17\0\0"
                             "71"),
            SLICE_OF_LITERAL("\0"
                             "17\0"
                             "71\0"),
            SLICE_OF_LITERAL("\0"
                             "17\0a71\0") } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        head_memo_forget(*state);
        head_memo_keep(*state, rows[i].template, (int64_t)i + 1);
        assert_int_equal(find(*state, rows[i].head, &usual), (int64_t)i + 1);
        for (size_t k = 0; k < ARRAY_LENGTH(rows[i].others); k++)
            assert_int_equal(find(*state, rows[i].others[k], &usual), 0);
    }
}

static void a_value_with_nul_is_compared_whole(void **state)
{
    struct filling filling = usual;
    filling.values.target = SLICE_LITERAL("/a\0b");
    head_memo_keep(*state, SLICE_LITERAL("GET \1 X\r\n"), TEMPLATE_ID);
    assert_int_equal(find(*state, SLICE_LITERAL("GET /a\0b X\r\n"), &filling), TEMPLATE_ID);
    assert_int_equal(find(*state, SLICE_LITERAL("GET /a\0c X\r\n"), &filling), 0);
    assert_int_equal(find(*state, SLICE_LITERAL("GET /a X\r\n"), &filling), 0);
}

static void each_heads_own_length_is_taken(void **state)
{
    struct head_texts texts;
    fill_in(&texts, &usual);
    head_memo_keep(*state, SLICE_LITERAL("L: \5\r\n\1 \2 \3 \4 \6"), TEMPLATE_ID);
    head_texts_take_length(&texts, 1234567890);
    static const char rest[] = "\r\n/a?b=c " SIGN_TEXT " 1770742394290 " DATE_TEXT " 17";
    assert_int_equal(head_memo_find(*state, plus(SLICE_LITERAL("L: 1234567890"), rest), &texts), TEMPLATE_ID);
    head_texts_take_length(&texts, 0);
    assert_int_equal(head_memo_find(*state, plus(SLICE_LITERAL("L: 1234567890"), rest), &texts), 0);
    assert_int_equal(head_memo_find(*state, plus(SLICE_LITERAL("L: 0"), rest), &texts), TEMPLATE_ID);
}

/* --- bounds --- */

static void a_template_longer_than_the_bound_is_not_kept(void **state)
{
    char template[HEAD_MEMO_BYTES + 1];
    memset(template, 'x', sizeof(template));
    head_memo_keep(*state, slice_of(template, HEAD_MEMO_BYTES), 1);
    head_memo_keep(*state, slice_of(template, HEAD_MEMO_BYTES + 1), 2);
    assert_int_equal(find(*state, slice_of(template, HEAD_MEMO_BYTES), &usual), 1);
    assert_int_equal(find(*state, slice_of(template, HEAD_MEMO_BYTES + 1), &usual), 0);
    template[HEAD_MEMO_BYTES - 1] = SCHEMA_HOLE_ID;
    head_memo_keep(*state, slice_of(template, HEAD_MEMO_BYTES), 3);
    struct slice head = plus(slice_of(template, HEAD_MEMO_BYTES - 1), "17");
    assert_int_equal(find(*state, head, &usual), 3);
    template[HEAD_MEMO_BYTES] = 'x';
    head_memo_keep(*state, slice_of(template, HEAD_MEMO_BYTES + 1), 4);
    assert_int_equal(find(*state, plus(head, "x"), &usual), 0);
    head_memo_forget(*state);
    head_memo_keep(*state, slice_of(template, HEAD_MEMO_BYTES + 1), 5);
    assert_int_equal(find(*state, head, &usual), 0); /* nor is its beginning */
}

static void a_template_of_too_many_pieces_is_not_kept(void **state)
{
    char template[2 * HEAD_MEMO_PIECES + 2], head[4 * HEAD_MEMO_PIECES + 4];
    for (size_t holes = 1; holes <= HEAD_MEMO_PIECES; holes++) {
        size_t t = 0, h = 0;
        for (size_t i = 0; i < holes; i++) {
            template[t++] = head[h++] = (char)('a' + i);
            template[t++] = SCHEMA_HOLE_ID;
            memcpy(head + h, "17", 2);
            h += 2;
        }
        template[t++] = head[h++] = '.';
        head_memo_forget(*state);
        head_memo_keep(*state, slice_of(template, t), (int64_t)holes);
        for (size_t length = 0; length < h; length++) /* nor is its beginning */
            assert_int_equal(find(*state, slice_of(head, length), &usual), 0);
        /* One piece more than there are holes. */
        assert_int_equal(find(*state, slice_of(head, h), &usual), holes < HEAD_MEMO_PIECES ? (int64_t)holes : 0);
    }
}

static struct slice numbered(char room[32], size_t number, bool filled)
{
    int length = snprintf(room, 32, "template %zu: %s\r\n", number, filled ? "17" : "\6");
    return slice_of(room, (size_t)length);
}

static void the_last_templates_are_kept_and_those_before_are_not_taken_for_them(void **state)
{
    char room[32];
    for (size_t last = 1; last <= 3 * HEAD_MEMO_ENTRIES; last++) {
        head_memo_keep(*state, numbered(room, last, false), (int64_t)last);
        for (size_t number = 1; number <= last + 1; number++) {
            bool is_kept = number <= last && number + HEAD_MEMO_ENTRIES > last;
            assert_int_equal(find(*state, numbered(room, number, true), &usual), is_kept ? (int64_t)number : 0);
        }
    }
}

static void what_is_forgotten_is_found_no_more_until_it_is_kept_again(void **state)
{
    char room[32];
    for (size_t number = 1; number <= HEAD_MEMO_ENTRIES; number++)
        head_memo_keep(*state, numbered(room, number, false), (int64_t)number);
    head_memo_forget(*state);
    for (size_t number = 1; number <= HEAD_MEMO_ENTRIES; number++)
        assert_int_equal(find(*state, numbered(room, number, true), &usual), 0);
    head_memo_keep(*state, numbered(room, 2, false), 99);
    assert_int_equal(find(*state, numbered(room, 2, true), &usual), 99);
    assert_int_equal(find(*state, numbered(room, 1, true), &usual), 0);
    head_memo_forget(*state);
    head_memo_forget(*state);
    assert_int_equal(find(*state, numbered(room, 2, true), &usual), 0);
}

static void memos_made_together_are_apart(void **state)
{
    (void)state;
    struct head_memo *memos = NULL;
    struct error error;
    assert_true(head_memos_create(&memos, 3, &error));
    head_memo_keep(&memos[1], BYTES_OF(all_holes), 1);
    assert_int_equal(find(&memos[0], BYTES_OF(all_filled), &usual), 0);
    assert_int_equal(find(&memos[1], BYTES_OF(all_filled), &usual), 1);
    assert_int_equal(find(&memos[2], BYTES_OF(all_filled), &usual), 0);
    head_memo_forget(&memos[0]);
    assert_int_equal(find(&memos[1], BYTES_OF(all_filled), &usual), 1);
    free(memos);
}

/* --- by chance --- */

/* A generator of its own, so that each run has the same numbers. */
static uint32_t draw(uint32_t below)
{
    static uint64_t seed = 20260210;
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % below;
}

/* Holes, and few other bytes, so that much is nearly the same. */
static size_t draw_template(char *room)
{
    static const char bytes[] = { 1, 2, 3, 4, 5, 6, '1', '1', '1', '2', 0, 7 };
    size_t length = draw(9);
    for (size_t i = 0; i < length; i++)
        room[i] = bytes[draw(sizeof(bytes))];
    return length;
}

static void draw_filling(struct filling *filling)
{
    static const struct slice texts[] = { { NULL, 0 },           SLICE_OF_LITERAL("1"),   SLICE_OF_LITERAL("11"),
                                          SLICE_OF_LITERAL("2"), SLICE_OF_LITERAL("1\0"), SLICE_OF_LITERAL("12") };
    static const int64_t numbers[] = { 0, 1, 2, 11, 12, 111 };
    *filling = (struct filling){ .values = { .target = texts[draw(ARRAY_LENGTH(texts))],
                                             .signature = texts[draw(ARRAY_LENGTH(texts))],
                                             .expires_ms = numbers[draw(ARRAY_LENGTH(numbers))],
                                             .id = numbers[draw(ARRAY_LENGTH(numbers))],
                                             .body_length = (size_t)numbers[draw(ARRAY_LENGTH(numbers))] },
                                 .date = texts[draw(ARRAY_LENGTH(texts))] };
}

/* False where a hole has no value. */
static bool expand(char *room, size_t *length, struct slice template, const struct filling *filling)
{
    char numbers[3][32];
    const struct head_values *values = &filling->values;
    (void)snprintf(numbers[0], sizeof(numbers[0]), "%lld", (long long)values->expires_ms);
    (void)snprintf(numbers[1], sizeof(numbers[1]), "%zu", values->body_length);
    (void)snprintf(numbers[2], sizeof(numbers[2]), "%lld", (long long)values->id);
    const struct slice of[] = {
        values->target, values->signature,      values->expires_ms == 0 ? slice_of(NULL, 0) : slice_text(numbers[0]),
        filling->date,  slice_text(numbers[1]), values->id == 0 ? slice_of(NULL, 0) : slice_text(numbers[2])
    };
    *length = 0;
    for (size_t i = 0; i < template.length; i++) {
        unsigned char byte = (unsigned char)template.data[i];
        struct slice part = byte >= 1 && byte <= 6 ? of[byte - 1] : slice_of(template.data + i, 1);
        if (part.length == 0)
            return false;
        memcpy(room + *length, part.data, part.length);
        *length += part.length;
    }
    return true;
}

static void what_is_found_is_what_a_kept_template_gives(void **state)
{
    enum { ROUNDS = 60000 };
    struct kept {
        char bytes[16];
        size_t length;
    } kept[HEAD_MEMO_ENTRIES] = { { .length = 0 } };
    size_t count = 0, found_count = 0, missed_count = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        char head[64], given[64];
        size_t length, given_length;
        struct filling filling;
        if (round % 16 == 0) {
            struct kept *place = &kept[count % HEAD_MEMO_ENTRIES];
            place->length = draw_template(place->bytes);
            head_memo_keep(*state, slice_of(place->bytes, place->length), (int64_t)(count % HEAD_MEMO_ENTRIES) + 1);
            count++;
        }
        draw_filling(&filling);
        const struct kept *from = &kept[draw(HEAD_MEMO_ENTRIES)];
        if (count < HEAD_MEMO_ENTRIES || !expand(head, &length, slice_of(from->bytes, from->length), &filling))
            continue;
        if (draw(2) == 0)
            draw_filling(&filling);
        if (draw(2) == 0 && length > 0)
            head[draw((uint32_t)length)] = "12"[draw(2)];
        int64_t found = find(*state, slice_of(head, length), &filling);
        bool is_given = false;
        for (size_t i = 0; i < HEAD_MEMO_ENTRIES; i++) {
            bool gives = expand(given, &given_length, slice_of(kept[i].bytes, kept[i].length), &filling) &&
                         given_length == length && memcmp(given, head, length) == 0;
            is_given = is_given || gives;
            if (found == (int64_t)i + 1)
                assert_true(gives);
        }
        assert_int_equal(found != 0, is_given);
        *(found != 0 ? &found_count : &missed_count) += 1;
    }
    assert_true(found_count > ROUNDS / 20);
    assert_true(missed_count > ROUNDS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_that_differs_in_its_values_alone_is_found_again, make, unmake),
        cmocka_unit_test_setup_teardown(what_was_kept_is_the_memos_own, make, unmake),
        cmocka_unit_test_setup_teardown(one_byte_less_more_or_changed_is_another_head, make, unmake),
        cmocka_unit_test_setup_teardown(another_value_in_any_hole_gives_another_head, make, unmake),
        cmocka_unit_test_setup_teardown(a_hole_without_a_value_gives_no_head, make, unmake),
        cmocka_unit_test_setup_teardown(a_number_below_0_is_never_taken_for_another, make, unmake),
        cmocka_unit_test_setup_teardown(a_value_that_holds_a_byte_of_a_hole_is_none, make, unmake),
        cmocka_unit_test_setup_teardown(a_head_that_is_the_template_itself_is_not_what_it_gives, make, unmake),
        cmocka_unit_test_setup_teardown(holes_stand_anywhere_in_a_template, make, unmake),
        cmocka_unit_test_setup_teardown(a_value_with_nul_is_compared_whole, make, unmake),
        cmocka_unit_test_setup_teardown(each_heads_own_length_is_taken, make, unmake),
        cmocka_unit_test_setup_teardown(a_template_longer_than_the_bound_is_not_kept, make, unmake),
        cmocka_unit_test_setup_teardown(a_template_of_too_many_pieces_is_not_kept, make, unmake),
        cmocka_unit_test_setup_teardown(the_last_templates_are_kept_and_those_before_are_not_taken_for_them, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_found_no_more_until_it_is_kept_again, make, unmake),
        cmocka_unit_test(memos_made_together_are_apart),
        cmocka_unit_test_setup_teardown(what_is_found_is_what_a_kept_template_gives, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
