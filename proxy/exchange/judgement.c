/* What may pass: the listener's rules and policy over a request that is ready to be forwarded. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/endpoint_path.h"

enum refusal exchange_judge(struct exchange *exchange, char *detail, size_t detail_size)
{
    const struct exchange_listener *listener = exchange->listener;
    const struct upstream_request *sending = &exchange->sending;
    struct endpoint_path path;
    struct ruling ruling;
    endpoint_path_read(&path, sending->target);
    ruling_make(&ruling, &listener->rules, sending->method, &path, front_request_fields(exchange->request));
    exchange->endpoint_class = ruling.endpoint_class;
    if (listener->learned != NULL)
        learned_note(listener->learned, sending->method, &path, ruling.passes, exchange->record.received_us);
    if (ruling.passes)
        return REFUSAL_NONE;
    (void)ruling_write_refusal(detail, detail_size, &ruling, &listener->rules, listener->name, sending->method,
                               sending->target); /* returns its argument */
    return ruling_is_by_rule(&ruling, &listener->rules) ? REFUSAL_RULE : REFUSAL_POLICY;
}
