/* The values of the mock exchange's switches: a byte says which, the rest is the value. Held: what is taken lies within its
 * bounds, and what is not is refused with a reason. */
#include "countersign/mock.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static void require_bounds(const struct mock_rehearsal *rehearsal)
{
    require(rehearsal->allowed_count <= MOCK_ALLOWED_MAX && rehearsal->fault_count <= MOCK_FAULTS_MAX);
    require(rehearsal->latency_us >= 0 && rehearsal->jitter_us >= 0 && rehearsal->idle_timeout_us >= 0);
    require(rehearsal->rate_limit == 0 || rehearsal->rate_period_us > 0);
    for (size_t i = 0; i < rehearsal->fault_count; i++) {
        const struct mock_fault *fault = &rehearsal->faults[i];
        require(fault->share <= MOCK_SHARE_ALL && fault->status >= 200 && fault->status <= 599);
        require(fault->path.length > 0 && (fault->path.data[0] == '/' || fault->path.data[0] == '*'));
        require(fault->kind != MOCK_FAULT_FAIL || (fault->code[0] >= '1' && fault->code[0] <= '9'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[VALUE_MAX];
    struct mock_rehearsal rehearsal = MOCK_NO_REHEARSAL;
    struct error error = { .kind = ERROR_NONE };
    if (size == 0 || size > VALUE_MAX)
        return 0;
    memcpy(value, data + 1, size - 1);
    value[size - 1] = '\0';
    if (mock_rehearsal_set(&rehearsal, (enum mock_switch)(data[0] % MOCK_SWITCH_COUNT), value, &error))
        require_bounds(&rehearsal);
    else
        require(error.kind == ERROR_USAGE && error.message[0] != '\0');
    return 0;
}
