/* Keys replaced while the signer serves. All on the service's thread but `read_sources`, which has a thread of its own for
 * one reading: what that writes is looked at after it has been joined. */
#include "rotation.h"

#include "countersign/log.h"
#include "secret_parts.h"
#include "signer_parts.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { ROTATION_REPORT_MAX = 65536 };

bool rotation_open(struct rotation *rotation, struct signer *signer, struct error *error)
{
    *rotation = (struct rotation){ .signer = signer };
    buffer_init(&rotation->report, ROTATION_REPORT_MAX);
    rotation->done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rotation->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (rotation->done < 0 || rotation->stop < 0)
        return error_system(error, errno, "cannot make the descriptors for reading keys anew (eventfd)");
    return true;
}

static void raise_event(int event)
{
    const uint64_t one = 1;
    (void)!write(event, &one, sizeof(one)); /* fails where it is raised already */
}

/* --- the reading thread --- */

static void *read_sources(void *context)
{
    struct rotation *rotation = context;
    secret_wait_stops_at(rotation->stop);
    rotation->has_read = signer_read_anew(&rotation->fresh, rotation->signer, &rotation->report, &rotation->error);
    raise_event(rotation->done);
    return NULL;
}

/* --- the service's thread --- */

static void report_not_reloaded(struct slice why)
{
    static const struct log_value values[] = { { "event", "keys-not-reloaded", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_ERROR, values, "keys not reloaded, the old ones of all accounts stay in use: %.*s",
                    SLICE_ARGUMENTS(why));
}

static void report_failure(const struct rotation *rotation)
{
    struct slice rest = buffer_slice(&rotation->report), line;
    if (rest.length == 0)
        report_not_reloaded(slice_text(rotation->error.message));
    while (rest.length > 0 && slice_next_part(&rest, '\n', &line)) {
        if (line.length > 0)
            report_not_reloaded(line);
    }
}

/* People who have set the variable in their shell meanwhile wonder why nothing changes. */
static void report_variables(const struct config *config)
{
    static const struct log_value values[] = { { "event", "keys-in-variables", 0 }, { NULL, NULL, 0 } };
    for (size_t i = 0; i < config->account_count; i++) {
        const struct config_account *account = &config->accounts[i];
        bool key = secret_source_is_variable(account->api_key), secret = secret_source_is_variable(account->api_secret);
        if (key || secret)
            log_line_values(LOG_LEVEL_WARNING, values,
                            "account %s: %s from a variable, which is read at the start alone and stays as it is: name "
                            "another source (file:PATH, credential:NAME, command:LINE, keystore:NAME) for keys that "
                            "change, or restart",
                            account->name,
                            key && secret ? "its key and secret come"
                            : key         ? "its key comes"
                                          : "its secret comes");
    }
}

/* The service's signals are blocked, and so they are in this thread. It gets no name: that would be written into a file of
 * /proc, which a process that gave up writing to files cannot. */
static bool start_thread(struct rotation *rotation, struct error *error)
{
    int number = pthread_create(&rotation->thread, NULL, read_sources, rotation);
    if (number != 0)
        (void)error_system(error, number, "cannot start the thread that reads the sources"); /* false */
    return number == 0;
}

static void begin(struct rotation *rotation)
{
    static const struct log_value values[] = { { "event", "reloading-keys", 0 }, { NULL, NULL, 0 } };
    rotation->is_wanted = false;
    log_line_values(LOG_LEVEL_INFO, values, "SIGHUP: reading the accounts' keys anew");
    report_variables(rotation->signer->config);
    buffer_reset(&rotation->report);
    rotation->is_reading = start_thread(rotation, &rotation->error);
    if (!rotation->is_reading)
        report_not_reloaded(slice_text(rotation->error.message));
}

/* Waits for the thread's end: no longer than its last instructions, once `done` is readable or `stop` was raised. */
static void join(struct rotation *rotation)
{
    (void)pthread_join(rotation->thread, NULL); /* cannot fail for our own, joined once */
    rotation->is_reading = false;
}

static bool has_ended(const struct rotation *rotation)
{
    uint64_t count;
    return read(rotation->done, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

void rotation_want(struct rotation *rotation)
{
    rotation->is_wanted = true;
}

bool rotation_is_under_way(const struct rotation *rotation)
{
    return rotation->is_wanted || rotation->is_reading || rotation->fresh != NULL;
}

void rotation_go_on(struct rotation *rotation, struct signer_session *session)
{
    if (rotation->is_reading && has_ended(rotation)) {
        join(rotation);
        if (!rotation->has_read)
            report_failure(rotation);
    }
    if (rotation->is_reading || !session_is_at_rest(session))
        return;
    if (rotation->fresh != NULL) {
        signer_replace(rotation->signer, rotation->fresh);
        rotation->fresh = NULL;
        session_renew(session); /* and is at rest again once that has been told */
    } else if (rotation->is_wanted) {
        begin(rotation);
    }
}

void rotation_close(struct rotation *rotation)
{
    if (rotation->is_reading) {
        raise_event(rotation->stop);
        join(rotation);
    }
    signer_discard(rotation->fresh); /* NULL is fine */
    rotation->fresh = NULL;
    buffer_free(&rotation->report);
    const int descriptors[] = { rotation->done, rotation->stop };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]); /* nothing written can be lost here */
    }
}
