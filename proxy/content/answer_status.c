/* The one table of codes and the HTTP statuses that fit them. Constant; pure; any thread. */
#include "countersign/answer_status.h"

#include "countersign/compiler.h"

enum { STATUS_OF_OTHER_CODES = 422 };

static const struct {
    const char *code;
    int status;
} statuses[] = {
    { "401", 401 },  /* signature-failed */
    { "1401", 401 }, /* unauthorized */
    { "3005", 401 }, /* signature error */
    { "3012", 403 }, /* trading restricted: this pair */
    { "3013", 403 }, /* this account */
    { "3014", 403 }, /* this sub-account */
    { "3015", 403 }, /* this sub-account on this pair */
    { "6001", 403 }, /* a sub-account may not take part in this business */
    { "3111", 409 }, /* duplicate-order */
    { "429", 429 },  /* too many visits */
};

int answer_status_of_code(struct slice code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
        if (slice_equal_text(code, statuses[i].code))
            return statuses[i].status;
    }
    return STATUS_OF_OTHER_CODES;
}
