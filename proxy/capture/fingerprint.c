/* SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its 128-bit form), over whole words. */
#include "fingerprint.h"

#include "little_endian.h"

#include "countersign/compiler.h"

#include <errno.h>
#include <sys/random.h>

enum { WORD = 8, ROUNDS = 2, LAST_ROUNDS = 4, LONG_FORM = 0xEE, LONG_FORM_SECOND = 0xDD };

struct state {
    uint64_t a, b, c, d;
};

static uint64_t rotated(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void mix(struct state *s, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotated(s->b, 13) ^ s->a;
        s->d = rotated(s->d, 16) ^ s->c;
        s->a = rotated(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotated(s->b, 17) ^ s->c;
        s->d = rotated(s->d, 21) ^ s->a;
        s->c = rotated(s->c, 32);
    }
}

static inline void take_word(struct state *s, uint64_t word)
{
    s->d ^= word;
    mix(s, ROUNDS);
    s->a ^= word;
}

static struct state load(const struct fingerprinter *fingerprinter)
{
    const uint64_t *words = fingerprinter->state;
    return (struct state){ words[0], words[1], words[2], words[3] };
}

static void keep(struct fingerprinter *fingerprinter, const struct state *s)
{
    fingerprinter->state[0] = s->a;
    fingerprinter->state[1] = s->b;
    fingerprinter->state[2] = s->c;
    fingerprinter->state[3] = s->d;
}

bool fingerprinter_init(struct fingerprinter *fingerprinter, struct error *error)
{
    unsigned char key[FINGERPRINT_KEY_LENGTH];
    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
        return error_system(error, errno, "cannot get %zu random bytes", sizeof(key));
    fingerprinter_init_with(fingerprinter, key);
    return true;
}

void fingerprinter_init_with(struct fingerprinter *fingerprinter, const unsigned char key[FINGERPRINT_KEY_LENGTH])
{
    const char *bytes = (const char *)key;
    *fingerprinter = (struct fingerprinter){ .key = { get_u64(bytes), get_u64(bytes + WORD) } };
}

void fingerprint_begin(struct fingerprinter *fingerprinter)
{
    /* The algorithm's own: "somepseudorandomlygeneratedbytes". */
    static const uint64_t constants[] = { 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261,
                                          0x7465646279746573 };
    for (size_t i = 0; i < ARRAY_LENGTH(constants); i++)
        fingerprinter->state[i] = constants[i] ^ fingerprinter->key[i % 2];
    fingerprinter->state[1] ^= LONG_FORM;
    fingerprinter->count = 0;
}

void fingerprint_add_number(struct fingerprinter *fingerprinter, uint64_t number)
{
    struct state s = load(fingerprinter);
    take_word(&s, number);
    keep(fingerprinter, &s);
    fingerprinter->count++;
}

void fingerprint_add(struct fingerprinter *fingerprinter, struct slice text)
{
    struct state s = load(fingerprinter);
    size_t whole = text.length / WORD;
    char rest[WORD] = { 0 };
    take_word(&s, text.length);
    for (size_t i = 0; i < whole; i++)
        take_word(&s, get_u64(text.data + i * WORD));
    fingerprinter->count += 1 + whole;
    if (text.length % WORD != 0) {
        memcpy(rest, text.data + whole * WORD, text.length % WORD);
        take_word(&s, get_u64(rest));
        fingerprinter->count++;
    }
    keep(fingerprinter, &s);
}

/* The last word has no bytes left to hold, and the length of all in its highest byte. */
struct fingerprint fingerprint_end(struct fingerprinter *fingerprinter)
{
    struct fingerprint made;
    struct state s = load(fingerprinter);
    take_word(&s, fingerprinter->count * WORD << 56);
    s.c ^= LONG_FORM;
    mix(&s, LAST_ROUNDS);
    made.words[0] = s.a ^ s.b ^ s.c ^ s.d;
    s.b ^= LONG_FORM_SECOND;
    mix(&s, LAST_ROUNDS);
    made.words[1] = s.a ^ s.b ^ s.c ^ s.d;
    return made;
}

struct fingerprint fingerprint_of(struct fingerprinter *fingerprinter, uint64_t kind, struct slice text)
{
    fingerprint_begin(fingerprinter);
    fingerprint_add_number(fingerprinter, kind);
    fingerprint_add(fingerprinter, text);
    return fingerprint_end(fingerprinter);
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}
