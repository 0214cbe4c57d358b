/* What an answer's Date says of the exchange's clock. The loop's thread. */
#include "upstream_internal.h"

/* A cache's answer, which has an Age, tells an old date (RFC 9111 §5.1); of two dates, neither is known to be the
 * exchange's. */
static bool read_date(int64_t *date_s, struct http_fields fields)
{
    const struct http_field *date = http_field_find(fields, "Date");
    return date != NULL && http_field_count(fields, "Date") == 1 && http_field_find(fields, "Age") == NULL &&
           http_date_read(date_s, date->value);
}

void date_take(const struct upstream_call *call)
{
    struct clock_watch *clock = call->upstream->options.clock;
    int64_t date_s;
    if (clock != NULL && call->response_head_is_whole && read_date(&date_s, call->result.response_fields))
        clock_watch_add(clock, date_s, call->begun_boot_us, call->head_boot_us);
}
