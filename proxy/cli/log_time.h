/* Times and durations as people write them. Private to this room. Pure but for the local time zone. */
#ifndef COUNTERSIGN_CLI_LOG_TIME_H
#define COUNTERSIGN_CLI_LOG_TIME_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

#define LOG_TIME_FORMS                                                                                                 \
    "a time (10m, 2h, \"3d ago\"; now, today, yesterday; 10:30; 2026-11-24; \"2026-11-24 10:30:15.250\"; RFC 3339; "   \
    "@1770742394)"
#define LOG_DURATION_FORMS "a duration (250ms, 1.5s, 2m)"

/* µs since 1970. Days and clock times are local; RFC 3339's zone holds where there is one. */
MUST_CHECK bool log_time_parse(int64_t *wall_us, struct slice text, int64_t now_us);

/* µs: a number (with a fraction, perhaps) and us, ms, s, m, h, d. */
MUST_CHECK bool log_duration_parse(int64_t *us, struct slice text);

#endif
