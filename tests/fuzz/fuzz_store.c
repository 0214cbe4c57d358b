/* Any bytes as somebody's capture.db: opened, listed and read as `log` does it. Held: each exchange that is given out has its
 * texts within the bounds of what was read, and an outcome that has a name. */
#include "countersign/capture_reader.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VISITS_MAX = 20 };

static char path[] = "/tmp/fuzz-store-XXXXXX";
static int file = -1;
static volatile unsigned char sum; /* so that every byte is really read */

static void require(bool held)
{
    if (!held)
        abort();
}

static void remove_file(void)
{
    (void)unlink(path); /* what stays is in /tmp */
}

static void touch(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        sum = (unsigned char)(sum + (unsigned char)text.data[i]);
}

static bool visit(void *context, const struct record *record)
{
    size_t *left = context;
    require(record_outcome_name(record->outcome) != NULL);
    touch(record->method);
    touch(record->target);
    touch(record->error_message);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        touch(record->views[view].head);
        touch(record->views[view].body);
    }
    return --*left > 0;
}

static void read_store(struct capture_reader *reader)
{
    size_t left = VISITS_MAX;
    struct error error;
    struct record record;
    int64_t id;
    const struct capture_query query = { .limit = VISITS_MAX, .with_views = true };
    (void)!capture_reader_list(reader, &query, visit, &left, &error); /* a store that is none may say so at any time */
    if (!capture_reader_last_id(&id, reader, &error) || !capture_reader_get(&record, reader, id, &error))
        return;
    left = 2;
    (void)visit(&left, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture_reader *reader;
    struct error error;
    if (file < 0) {
        file = mkstemp(path);
        require(file >= 0 && atexit(remove_file) == 0);
    }
    require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    if (!capture_reader_open(&reader, path, &error))
        return 0;
    read_store(reader);
    capture_reader_close(reader);
    return 0;
}
