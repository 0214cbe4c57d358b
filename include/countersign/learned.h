/* What a listener's clients use: methods and paths, counted. Pure, of a fixed size; one thread at a time. */
#ifndef COUNTERSIGN_LEARNED_H
#define COUNTERSIGN_LEARNED_H

#include "countersign/buffer.h"
#include "countersign/compiler.h"
#include "countersign/endpoint_path.h"
#include "countersign/policy.h"
#include "countersign/rule.h"

enum {
    LEARNED_USES_MAX = 256,
    LEARNED_METHOD_MAX = 16, /* bytes; the methods that rules know are shorter */
    LEARNED_SLOTS = 1024,    /* a power of two, well above LEARNED_USES_MAX */
    LEARNED_TEXT_MAX = 1 << 20
};

/* One method at one path. */
struct learned_use {
    char method[LEARNED_METHOD_MAX + 1];
    char path[RULE_PATH_MAX +
              1];     /* one reading (endpoint_path.h); of a documented endpoint its path in policy.h, with its * */
    uint64_t passed;  /* requests that the rules and the policy let pass */
    uint64_t refused; /* and those that they did not */
    int64_t first_us; /* wall clock */
    int64_t last_us;
};

struct learned {
    struct learned_use uses[LEARNED_USES_MAX];
    size_t count;
    uint16_t slots[LEARNED_SLOTS]; /* where a use is by its hash: its index + 1; 0: free */
    uint64_t passed;               /* requests; one with several readings is several uses */
    uint64_t refused;
    uint64_t unreadable; /* requests whose path is in doubt, or is one that no rule can name */
    uint64_t left_out;   /* requests for which there was no room */
    int64_t first_us;
    int64_t last_us;
    bool has_changed; /* since its reader took that down */
    void (*changed)(
        void *context); /* called when `has_changed` becomes true by learned_note; NULL: nobody waits for it */
    void *context;
};

/* Counts one request that was judged. No allocation, no system call of its own. */
void learned_note(struct learned *learned, struct slice method, const struct endpoint_path *path, bool passes,
                  int64_t now_us);

/* The class of the use. */
enum endpoint_class learned_class(const struct learned_use *use);

/* The use of that method and path, made where there is none; NULL where there is no room. */
struct learned_use *learned_find(struct learned *learned, struct slice method, struct slice path);

/* Appends it as lines of text, each with the listener's name. */
void learned_append(struct buffer *out, const struct learned *learned, const char *listener);

/* Adds what the lines say of that listener; lines that are none are left out. */
void learned_add(struct learned *learned, struct slice text, const char *listener);

#endif
