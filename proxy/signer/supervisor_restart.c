/* When a signer that died is started again: at once the first time, for then every key that a request may need is held still;
 * then with pauses that double, for what made it die may pass. Pure. */
#include "supervisor_restart.h"

#include <string.h>

static const int64_t MINUTE_US = INT64_C(60000000), FIRST_PAUSE_US = INT64_C(250000);

static void forget_older(struct restarts *restarts, int64_t than_us)
{
    size_t old = 0;
    while (old < restarts->count && restarts->ends_us[old] <= than_us)
        old++;
    restarts->count -= old;
    memmove(restarts->ends_us, restarts->ends_us + old, restarts->count * sizeof(restarts->ends_us[0]));
}

bool restarts_note(int64_t *delay_us, struct restarts *restarts, int64_t now_us)
{
    forget_older(restarts, now_us - MINUTE_US);
    if (restarts->count == SUPERVISOR_RESTARTS_MAX)
        return false;
    *delay_us = restarts->count == 0 ? 0 : FIRST_PAUSE_US << (restarts->count - 1);
    restarts->ends_us[restarts->count++] = now_us;
    return true;
}
