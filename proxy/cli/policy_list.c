/* `countersign policy list`: the endpoints that are known, and what the policies make of them. One thread. */
#include "policy_command.h"

#include "countersign/json_write.h"

/* What is not documented, as the guard has it (proxy/guard/endpoints.c). */
static const char rest[] =
    "\nAny other path is unknown; but it counts as funds where it says withdraw or transfer, or is below /api/fi,\n"
    "as trade where it changes something below /api/trade or /api/v2/trade or says leverage or margin, and as public\n"
    "where it is read below /api/v1/market. A documented order or withdrawal keeps its class with any method. A path "
    "that\n"
    "can be read in two ways (dot segments, encoded slashes, odd bytes) is doubtful.\n\n";

static void append_row(struct buffer *out, const struct api_endpoint *endpoint)
{
    (void)buffer_append_format(out, "%-7s %-5s %-38s %s\n", endpoint_class_name(endpoint->endpoint_class),
                               endpoint->method, endpoint->path,
                               endpoint->what); /* run() looks at `failed`, as below */
}

static void append_json_row(struct buffer *out, const struct api_endpoint *endpoint)
{
    (void)buffer_append_text(out, "{\"class\":");
    (void)json_append_string(out, slice_text(endpoint_class_name(endpoint->endpoint_class)));
    (void)json_append_member(out, "method", slice_text(endpoint->method));
    (void)json_append_member(out, "path", slice_text(endpoint->path));
    (void)json_append_member(out, "what", slice_text(endpoint->what));
    (void)buffer_append_text(out, "}\n");
}

static void append_policies(struct buffer *out)
{
    static const enum policy policies[] = { POLICY_READ_ONLY, POLICY_TRADE, POLICY_ALL };
    for (size_t i = 0; i < ARRAY_LENGTH(policies); i++) {
        (void)buffer_append_format(out, "policy %-10s lets pass:", policy_name(policies[i]));
        for (int c = ENDPOINT_PUBLIC; c <= ENDPOINT_DOUBTFUL; c++) {
            if (policy_allows(policies[i], (enum endpoint_class)c))
                (void)buffer_append_format(out, " %s", endpoint_class_name((enum endpoint_class)c));
        }
        (void)buffer_append_byte(out, '\n');
    }
}

int policy_list(struct buffer *out, const struct policy_options *options, struct error *error)
{
    const struct api_endpoint *endpoint = NULL;
    (void)error; /* nothing can fail but memory, which run() looks at */
    for (size_t i = 0; (endpoint = endpoint_known(i)) != NULL; i++) {
        if (options->json)
            append_json_row(out, endpoint);
        else
            append_row(out, endpoint);
    }
    if (options->json)
        return 0;
    (void)buffer_append_text(out, rest);
    append_policies(out);
    return 0;
}
