/* A message head with its changing parts taken out (schema.h's holes): heads that differ in these alone are one template.
 * What the view `exchange` puts in again is exactly what was taken out. Pure. */
#ifndef COUNTERSIGN_CAPTURE_HEAD_TEMPLATE_H
#define COUNTERSIGN_CAPTURE_HEAD_TEMPLATE_H

#include "countersign/buffer.h"

struct head_values { /* what the row will hold */
    struct slice target;
    struct slice signature; /* empty where there is none */
    int64_t expires_ms;     /* 0: none */
    int64_t date_s;         /* seconds since 1970; 0: none */
    int64_t id;
    size_t body_length; /* of this head's body */
    struct slice date;  /* the text of date_s */
};

/* Appends the template. False (nothing appended) where the head holds a byte that stands for a hole: it must be kept as
 * it is. */
bool head_template_append(struct buffer *out, struct slice head, const struct head_values *values);

/* Whether the text holds no byte that stands for a hole. */
bool head_template_takes(struct slice text);

/* The Date field's time in seconds, 0 where there is none, or none in the form IMF-fixdate (RFC 9110 §5.6.7). `text`: what it was
 * read from, empty where 0. */
int64_t head_template_date(struct slice head, struct slice *text);

#endif
