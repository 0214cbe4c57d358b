/* A record as bytes: the payload of intent and outcome frames. Heads are redacted as they are written; a body that is the
 * same in several views is written once. Pure. */
#ifndef COUNTERSIGN_CAPTURE_RECORD_CODEC_H
#define COUNTERSIGN_CAPTURE_RECORD_CODEC_H

#include "frame.h"

#include "countersign/record.h"

/* What is to be written, measured. Borrows the record. */
struct record_image {
    const struct record *record;
    bool whole;                                    /* an outcome; else an intent: the client's request and the upstream
                                                         request's body */
    unsigned char body_sources[RECORD_VIEW_COUNT]; /* the first view with the same body */
    size_t length;                                 /* of the payload, in bytes */
};

struct record_image record_image_of(const struct record *record, bool whole);

/* Writes image->length bytes. */
void record_image_write(char *out, const struct record_image *image);

/* The most that a payload takes beside its heads, bodies, method and target. */
size_t record_image_overhead(void);

/* Reads a payload back, also one of this program's first version; the record's slices point into it. False where it is not
 * one. */
bool record_decode(struct record *record, struct slice payload);

/* The payload of a "replied" frame. */
enum { REPLIED_LENGTH = 17 };

struct replied {
    int64_t id;
    int64_t replied_us;
    bool delivered;
};

void replied_write(char *out, const struct replied *replied);
bool replied_decode(struct replied *replied, struct slice payload);

/* The payload of a "dropped" frame. */
enum { DROPPED_LENGTH = 24 };

void dropped_write(char *out, const struct dropped *dropped);
bool dropped_decode(struct dropped *dropped, struct slice payload);

/* Counts the exchanges of `more` to those of `dropped`. */
void dropped_add(struct dropped *dropped, const struct dropped *more);

/* The id that the payloads of all other frames begin with. */
bool payload_id(int64_t *id, struct slice payload);

#endif
