/* Export as a Python script for requests, to the local proxy. One thread.
 *
 * The script sets what requests prepares by itself. Watched on requests 2.28 with urllib3 1.26: a prepared request's own URL
 * passes requests untouched, but urllib3 encodes what RFC 3986 has no room for; User-Agent, Accept-Encoding and Host are
 * added unless the value is urllib3's SKIP_HEADER; a body of bytes with a Content-Length is sent as it is. */
#include "export_private.h"

#include "countersign/compiler.h"

#include <string.h>

/* A literal in ASCII alone; "\xNN" is the byte, or in text the character of that number, which HTTP headers are sent as. */
static void append_literal(struct buffer *out, const char *quote, struct slice bytes)
{
    buffer_append_text(out, quote);
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte == '"' || byte == '\\')
            buffer_append_format(out, "\\%c", byte);
        else if (byte < 0x20 || byte >= 0x7f)
            buffer_append_format(out, "\\x%02x", byte);
        else
            buffer_append_byte(out, (char)byte);
    }
    buffer_append_byte(out, '"');
}

static void begin(const struct export *export, struct buffer *out)
{
    buffer_append_text(out, "#!/usr/bin/env python3\n");
    export_append_warning(out, export);
    buffer_append_text(out, "import requests\n"
                            "from requests.structures import CaseInsensitiveDict\n"
                            "from urllib3.util import SKIP_HEADER\n"
                            "\n"
                            "PROXY = ");
    struct slice to = slice_text(export->options.to);
    while (to.length > 0 && to.data[to.length - 1] == '/')
        to.length--;
    append_literal(out, "\"", to);
    buffer_append_text(out,
                       "\n\n"
                       "session = requests.Session()\n"
                       "session.trust_env = False  # no proxy and no password from the environment\n"
                       "\n"
                       "\n"
                       "def send(exchange, method, target, fields, body):\n"
                       "    \"\"\"Sends these very bytes: requests.post would encode the target and add fields.\"\"\"\n"
                       "    request = requests.PreparedRequest()\n"
                       "    request.method, request.url, request.body = method, PROXY + target, body\n"
                       "    request.headers = CaseInsensitiveDict()\n"
                       "    for name, value in fields:\n"
                       "        earlier = request.headers.get(name)\n"
                       "        request.headers[name] = value if earlier is None else earlier + \", \" + value\n"
                       "    for name in (\"User-Agent\", \"Accept-Encoding\"):\n"
                       "        request.headers.setdefault(name, SKIP_HEADER)\n"
                       "    if body is not None:\n"
                       "        request.headers[\"Content-Length\"] = str(len(body))\n"
                       "    request.hooks = requests.hooks.default_hooks()\n"
                       "    answer = session.send(request, allow_redirects=False)\n"
                       "    print(f\"exchange {exchange}: HTTP {answer.status_code}\")\n"
                       "    print(answer.text)\n");
}

/* An escape in capitals at `target`'s beginning. */
static bool is_escape(struct slice target)
{
    const struct slice digits = SLICE_LITERAL("0123456789ABCDEF");
    return target.length > 2 && target.data[0] == '%' && slice_find(digits, target.data[1]) < digits.length &&
           slice_find(digits, target.data[2]) < digits.length;
}

/* RFC 3986's characters of a path and a query, and escapes in capitals: urllib3 leaves these as they are. */
static bool is_kept_by_urllib3(struct slice target)
{
    static const char kept[] = "-._~!$&'()*+,;=:@/?";
    size_t question = slice_find(target, '?');
    if (slice_starts_with(target, "//") || question == target.length - 1)
        return false;
    for (size_t i = 0; i < target.length; i++) {
        char byte = target.data[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (!is_plain && !is_escape(slice_from(target, i)) && (byte == '\0' || strchr(kept, byte) == NULL))
            return false;
    }
    return true;
}

static void append_remarks(struct buffer *out, const struct export_message *message)
{
    if (!is_kept_by_urllib3(message->target))
        buffer_append_text(out,
                           "# urllib3 encodes this target anew on its way: for the very bytes take the format curl\n");
    export_append_left_out(out, message);
}

static void append_fields(struct buffer *out, const struct export_message *message)
{
    buffer_append_text(out, "    [\n");
    for (size_t i = 0; i < message->fields.count; i++) {
        const struct http_field *field = &message->fields.items[i];
        if (export_is_made_anew(field) || export_left_out(field) != NULL)
            continue;
        buffer_append_text(out, "        (");
        append_literal(out, "\"", field->name);
        buffer_append_text(out, ", ");
        append_literal(out, "\"", field->value);
        buffer_append_text(out, "),\n");
    }
    buffer_append_text(out, "    ],\n");
}

static void append_call(struct buffer *out, const struct record *record, const struct export_message *message)
{
    struct slice body = record->views[RECORD_CLIENT_REQUEST].body;
    bool has_body = body.length > 0 || http_field_count(message->fields, "Content-Length") > 0;
    char id[RECORD_ID_TEXT_MAX];
    buffer_append_format(out, "send(\n    \"%s\",\n    ", record_id_text(id, record->id));
    append_literal(out, "\"", message->method);
    buffer_append_text(out, ",\n    ");
    append_literal(out, "\"", message->target);
    buffer_append_text(out, ",\n");
    append_fields(out, message);
    buffer_append_text(out, "    ");
    if (has_body)
        append_literal(out, "b\"", body);
    else
        buffer_append_text(out, "None");
    buffer_append_text(out, ",\n)\n");
}

static bool append(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    struct export_message message;
    (void)error; /* the buffer remembers a failure */
    (void)export;
    export_read_request(&message, record->views[RECORD_CLIENT_REQUEST].head);
    buffer_append_text(out, "\n");
    export_append_remark(out, record);
    if (!message.is_read) {
        buffer_append_text(out, "# The client's request is none that requests can send: take the format http.\n");
        return true;
    }
    if (!slice_starts_with(message.target, "/")) { /* behind the address it could name another host: "@example.net" */
        buffer_append_text(out, "# The target is no path, so this is not sent: take the format curl.\n");
        return true;
    }
    append_remarks(out, &message);
    append_call(out, record, &message);
    return true;
}

static void end(const struct export *export, struct buffer *out)
{
    (void)export;
    (void)out;
}

const struct export_writer export_python = { "python", begin, append, end };
