/* What the outcomes mean that the record and Countersign-Outcome have. Constant data; pure; any thread. */
#include "countersign/catalogue.h"

#include "countersign/compiler.h"

static const char *const meanings[RECORD_OUTCOME_COUNT] = {
    [RECORD_IN_FLIGHT] = "It has not ended yet; in the log alone.",
    [RECORD_OK] = "An answer came, and its `code` is success.",
    [RECORD_API_ERROR] =
        "An answer came whose `code` is not success, whatever its HTTP status: `countersign explain CODE` "
        "says what the code means.",
    [RECORD_HTTP_ERROR] = "An answer came with HTTP status 300 or above, and without a `code` that says so.",
    [RECORD_REFUSED] = "This proxy refused it: by policy, by a limit, or for a malformed request. Nothing was sent.",
    [RECORD_NOT_SENT] = "It failed before any byte left (no name, no connection, TLS): it is safe to try again.",
    [RECORD_UNKNOWN] = "Bytes left, and no whole answer came, or one without a `code` that can be read (a captive "
                       "portal's page): look the order up before sending it again, with `countersign reconcile`.",
    [RECORD_DRY_RUN] = "It was signed and recorded by a listener in mode dry-run; nothing was sent.",
};

const char *catalogue_outcome_meaning(enum record_outcome outcome)
{
    return (size_t)outcome < ARRAY_LENGTH(meanings) ? meanings[outcome] : "";
}
