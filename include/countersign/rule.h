/* One rule of a listener about what may pass: a verdict, methods, and a path glob. Pure; any thread.
 *
 * "METHODS GLOB": METHODS is `*` or a list ("GET,POST"), GLOB a path as the exchange's documentation writes it, with /api, in
 * which `*` is any text within a segment and a segment `**` any number of segments; case makes no difference. */
#ifndef COUNTERSIGN_RULE_H
#define COUNTERSIGN_RULE_H

#include "countersign/buffer.h"
#include "countersign/compiler.h"
#include "countersign/slice.h"

enum {
    RULE_PATH_MAX = 160, /* bytes of a glob: the longest documented path has 47 */
    RULE_TEXT_MAX = RULE_PATH_MAX + 48,
    RULE_PLACE_MAX = 128,
    RULES_MAX = 512 /* of one listener */
};

enum rule_verdict { RULE_ALLOW, RULE_DENY };

const char *rule_verdict_name(enum rule_verdict verdict); /* "allow", "deny" */

struct rule {
    enum rule_verdict verdict;
    unsigned methods;  /* as request_methods gives them */
    size_t path_begin; /* of the glob, which is the end of `text` */
    size_t path_length;
    bool names_funds;           /* an allow rule that lets funds be moved: see rule_parse */
    char text[RULE_TEXT_MAX];   /* "POST /api/trade/order/cancelAll", as written but for blanks */
    char place[RULE_PLACE_MAX]; /* "countersign.ini:12"; "" where nobody noted it */
};

/* A request's method for rules. */
struct request_methods {
    unsigned exact; /* for allow rules: the method itself, whose letters' case matters (RFC 9110 §9.1) */
    unsigned loose; /* for deny rules: whatever a router might take it for: in any case, HEAD also as GET */
};

struct request_methods request_methods(struct slice method);

/* Reads a rule; `rule->place` is left empty. False: `complaint` gets what is wrong and what to write instead. What cannot
 * match any path (endpoint_path.h), or none of the exchange's, is wrong, too.
 *
 * An allow rule names what moves funds, and only then lets it pass, where its last segment is written out, or is text with
 * "withdraw" or "transfer" in it: POST /api/v1/future/transfer*, and not POST /api/fi/v3/asset/d*. */
MUST_CHECK bool rule_parse(struct rule *rule, enum rule_verdict verdict, struct slice text, struct buffer *complaint);

struct slice rule_path(const struct rule *rule);

/* Whether it is about such a request; `path` is one reading (endpoint_path.h). */
bool rule_matches(const struct rule *rule, struct request_methods methods, struct slice path);

/* Whether `earlier` certainly leaves nothing of what `later` names for it to decide. */
bool rule_covers(const struct rule *earlier, const struct rule *later);

/* "deny POST /x" */
void rule_append(struct buffer *out, const struct rule *rule);

/* A parameter's and a header field's names that some routers put another path or method in their place for
 * (X-Original-URL, X-HTTP-Method-Override, ...): such a request can be read in two ways, whatever its path. */
bool rule_field_rewrites(struct slice name);

#endif
