/* The messages of a HAR entry. Private to this room. */
#ifndef COUNTERSIGN_COMPARE_IMPORT_HAR_H
#define COUNTERSIGN_COMPARE_IMPORT_HAR_H

#include "import_private.h"

/* Puts the request into the record's two views. `*left_out` is set where there is nothing to compare with: why. */
MUST_CHECK bool import_har_request(struct import *import, struct record *record, struct slice request,
                                   const char **left_out, struct error *error);

/* The same for the answer; nothing where status is 0 (none came): then error_message is what the file says of it. */
MUST_CHECK bool import_har_response(struct import *import, struct record *record, struct slice response,
                                    struct error *error);

#endif
