/* One exchange taken apart, once for all features. Pure; any thread. */
#include "why_private.h"

#include "countersign/compiler.h"
#include "countersign/scheme.h"

enum { CAME, LEFT, ANSWER };
enum { MS_PER_SECOND = 1000 };

static bool read_request(struct why_look *look, int side, struct http_fields *fields, struct slice head)
{
    struct slice method, target;
    *fields = (struct http_fields){ .items = look->items[side] };
    if (head.length > 0 && http_parse_request_head(&method, &target, fields, HTTP_FIELDS_MAX, head))
        return true;
    fields->count = 0;
    return false;
}

struct slice why_left_value(const struct why_look *look, const char *name)
{
    const struct http_field *field = http_field_find(look->left, name);
    return field == NULL ? slice_of(NULL, 0) : field->value;
}

static void read_answer(struct why_look *look)
{
    /* As it came: the Date of what the client got may be this proxy's own. */
    const struct record_message *answer = &look->record->views[RECORD_UPSTREAM_RESPONSE];
    struct http_fields fields = { .items = look->items[ANSWER] };
    int status;
    if (answer->head.length == 0 || !http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, answer->head))
        return;
    const struct http_field *date = http_field_find(fields, "Date");
    int64_t seconds;
    if (date != NULL && http_date_read(&seconds, date->value))
        look->answer_date_ms = seconds * MS_PER_SECOND;
}

/* Who signed does not matter here: this program, or in an observed or imported exchange the client. */
static void read_signature(struct why_look *look)
{
    uint64_t expires = 0;
    look->is_signed = look->record->is_signed || http_field_find(look->left, SCHEME_FIELD_SIGN) != NULL;
    look->expires_ms = look->record->expires_ms;
    if (look->expires_ms == 0 && slice_to_u64(why_left_value(look, SCHEME_FIELD_EXPIRES), &expires) &&
        expires <= INT64_MAX)
        look->expires_ms = (int64_t)expires;
}

void why_look_at(struct why_look *look, const struct record *record)
{
    const struct record_message *request = &record->views[RECORD_UPSTREAM_REQUEST];
    look->record = record;
    look->answer_date_ms = 0;
    look->has_came = read_request(look, CAME, &look->came, record->views[RECORD_CLIENT_REQUEST].head);
    look->has_left = read_request(look, LEFT, &look->left, request->head);
    look->path = http_target_path(record->target);
    look->query = http_target_query(record->target);
    look->endpoint_class = endpoint_classify(record->method, record->target);
    read_answer(look);
    read_signature(look);
    why_body_read(&look->body, request->body);
}
