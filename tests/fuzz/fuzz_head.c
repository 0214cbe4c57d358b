/* Any bytes as the head of an answer or a request, as a date, as a target, as an address. Held: what is read lies within the
 * input; written again it reads the same; a name has no colon and no value a line end. */
#include "countersign/endpoint.h"
#include "countersign/http_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 32 };

static void require(bool held)
{
    if (!held)
        abort();
}

static bool lies_in(struct slice part, struct slice whole)
{
    return part.length == 0 || (part.data >= whole.data && part.data + part.length <= whole.data + whole.length);
}

static void check_fields(struct http_fields fields, struct slice head)
{
    require(fields.count <= FIELDS_MAX);
    for (size_t i = 0; i < fields.count; i++) {
        struct http_field field = fields.items[i];
        require(lies_in(field.name, head) && lies_in(field.value, head));
        require(field.name.length > 0 && slice_find(field.name, ':') == field.name.length);
        require(slice_find(field.name, '\n') == field.name.length &&
                slice_find(field.value, '\n') == field.value.length);
        require(slice_equal(field.value, slice_trim_blanks(field.value)));
        (void)http_field_is_hop_by_hop(fields, field.name); /* reads every Connection field */
    }
}

static void write_and_read_again(struct http_fields fields, int status)
{
    struct http_field items[FIELDS_MAX];
    struct http_fields again = { .items = items };
    struct buffer head;
    int status_again = 0;
    buffer_init(&head, SIZE_MAX / 2);
    require(buffer_append_format(&head, "HTTP/1.1 %03d x\r\n", status));
    for (size_t i = 0; i < fields.count; i++)
        require(http_append_field(&head, fields.items[i].name, fields.items[i].value));
    require(buffer_append_text(&head, "\r\n"));
    require(http_parse_response_head(&status_again, &again, FIELDS_MAX, buffer_slice(&head)));
    require(status_again == status && again.count == fields.count);
    for (size_t i = 0; i < fields.count; i++)
        require(slice_equal(again.items[i].name, fields.items[i].name) &&
                slice_equal(again.items[i].value, fields.items[i].value));
    buffer_free(&head);
}

static void read_heads(struct slice text)
{
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = { .items = items };
    struct slice method, target;
    int status;
    if (http_parse_response_head(&status, &fields, FIELDS_MAX, text)) {
        require(status >= 0 && status <= 999);
        check_fields(fields, text);
        write_and_read_again(fields, status);
    }
    if (http_parse_request_head(&method, &target, &fields, FIELDS_MAX, text)) {
        require(lies_in(method, text) && lies_in(target, text));
        check_fields(fields, text);
    }
}

static void read_target(struct slice text)
{
    struct buffer decoded;
    struct slice path = http_target_path(text), query = http_target_query(text);
    require(path.length + query.length <= text.length && text.length - path.length - query.length <= 1);
    buffer_init(&decoded, SIZE_MAX / 2);
    require(http_append_percent_decoded(&decoded, text) && decoded.length <= text.length);
    buffer_free(&decoded);
    require(!http_method_is_valid(text) || text.length <= 32);
}

static void read_address(struct slice text)
{
    struct endpoint endpoint, again;
    struct error error;
    char written[ENDPOINT_TEXT_MAX];
    char *copy = strndup(text.length == 0 ? "" : text.data, text.length);
    require(copy != NULL);
    if (endpoint_parse(&endpoint, copy, &error)) {
        require(endpoint.length <= sizeof(endpoint.address));
        const struct sockaddr *address = (const struct sockaddr *)&endpoint.address;
        require(endpoint_format(written, address, endpoint.length) == written);
        bool is_unix = address->sa_family == AF_UNIX; /* its text may be cut */
        require(is_unix || (endpoint_parse(&again, written, &error) && again.length == endpoint.length &&
                            endpoint_is_local(&again) == endpoint_is_local(&endpoint)));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    int64_t seconds;
    read_heads(text);
    read_target(text);
    read_address(text);
    if (http_date_read(&seconds, text))
        require(size == strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    return 0;
}
