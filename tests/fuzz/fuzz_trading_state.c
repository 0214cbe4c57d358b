/* Any bytes as the page that says whether orders may be placed. Held: only a page that is whole lets orders pass, and what is
 * read is written again byte for byte. */
#include "countersign/trading_state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trading_page page = { .bytes = { 0 } }, again;
    struct trading_state state;
    char reason[640];
    memcpy(page.bytes, data, size < sizeof(page.bytes) ? size : sizeof(page.bytes));
    enum trading_page_kind kind = trading_page_read(&state, slice_of(page.bytes, sizeof(page.bytes)));
    bool begins_as_running = memcmp(page.bytes, trading_word_running, TRADING_WORD_SIZE) == 0;
    require(trading_page_runs(&page) == begins_as_running);
    require(trading_page_stops(reason, sizeof(reason), &page, "bot") ==
            (!begins_as_running && (kind != TRADING_STOPPED || trading_stop_for(&state, "bot") != NULL)));
    if (kind == TRADING_RUNS || kind == TRADING_STOPPED) {
        require(trading_page_write(&again, &state));
        require(memcmp(&again, &page, sizeof(page)) == 0);
    }
    return 0;
}
