/* The main thread's loop: one poll over signals, the supervisor's link and the workers' ends. */
#include "life.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { START_WAIT_MS = 5000, US_PER_MS = 1000 };

enum life_event { LIFE_GOES_ON, LIFE_ENDS };

/* --- begin and end --- */

static bool open_descriptors(struct life *life, struct error *error)
{
    static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
    sigset_t set;
    (void)sigemptyset(&set); /* none of these can fail with valid signal numbers */
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        (void)sigaddset(&set, numbers[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* before threads start, so that all of them inherit it */
    life->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    life->ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    life->warmed = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (life->signals < 0 || life->ended < 0 || life->warmed < 0)
        return error_system(error, errno,
                            "cannot make the descriptors for signals, and for the workers' begin and end");
    return true;
}

static bool take_start(struct life *life, struct inherited *inherited, struct error *error)
{
    for (;;) {
        struct supervisor_message message;
        int passed;
        if (supervisor_link_wait(&message, &passed, life->link, START_WAIT_MS) != SUPERVISOR_LINK_DONE)
            return error_set(error, ERROR_SYSTEM,
                             "descriptor %d does not say how to start: start this with `countersign serve`",
                             life->link);
        if (message.type == SUPERVISOR_SOCKET && passed >= 0) {
            if (!inherited_add(inherited, passed, message.name, error))
                return false;
            continue;
        }
        if (passed >= 0)
            (void)close(passed); /* of nobody */
        life->alive_every_us = message.value;
        return message.type == SUPERVISOR_START ||
               error_set(error, ERROR_SYSTEM, "the supervisor sent something else than what a start needs");
    }
}

bool life_begin(struct life *life, int link, struct inherited *inherited, struct error *error)
{
    *life = (struct life){ .link = link, .signals = -1, .ended = -1, .warmed = -1 };
    return open_descriptors(life, error) && take_start(life, inherited, error);
}

void life_end(struct life *life)
{
    const int descriptors[] = { life->link, life->signals, life->ended, life->warmed };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]); /* nothing written can be lost here */
    }
    free(life->asked);
}

/* --- what comes --- */

/* The process to signal is the one that was started, which people may not know is another one: who listens is this one. */
static void report_hangup(void)
{
    const struct log_value values[] = { { "event", "wrong-process", 0 },
                                        { "pid", NULL, getppid() },
                                        { NULL, NULL, 0 } };
    log_line_values(
        LOG_LEVEL_WARNING, values,
        "SIGHUP does nothing to this process, which has no keys: for keys and configuration to be read anew, send it "
        "to the one that was started: kill -HUP %ld",
        (long)getppid());
}

/* The signer passes the configuration's file on, and the signal comes with it. */
static void take_hangup(const struct life *life)
{
    int fd = signer_client_configuration(life->signer);
    if (fd < 0)
        report_hangup();
    else
        life->on_configuration(life->context, fd);
}

static enum life_event take_signals(const struct life *life, int *number)
{
    struct signalfd_siginfo info;
    enum life_event event = LIFE_GOES_ON;
    while (read(life->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            take_hangup(life);
            continue;
        }
        *number = (int)info.ssi_signo;
        event = LIFE_ENDS;
    }
    return event;
}

static enum life_event take_messages(struct life *life)
{
    struct supervisor_message message;
    enum supervisor_link_result result;
    int passed;
    while ((result = supervisor_link_receive(&message, &passed, life->link)) == SUPERVISOR_LINK_DONE) {
        if (message.type == SUPERVISOR_SIGNER && passed >= 0)
            signer_client_go_over(life->signer, passed);
        else if (passed >= 0)
            (void)close(passed); /* of nobody */
        if (message.type == SUPERVISOR_HURRY)
            life->is_hurried = true;
    }
    if (result != SUPERVISOR_LINK_ENDED)
        return life->is_hurried ? LIFE_ENDS : LIFE_GOES_ON;
    log_error("the supervisor, which is the process that was started, has ended: this one ends, too");
    (void)close(life->link); /* nothing waits in it */
    life->link = -1;
    return LIFE_ENDS;
}

/* --- whether the workers are alive --- */

/* Since the last look; and asks for the next one. Those that have ended count for alive: their end is seen to elsewhere. */
static bool all_have_turned(struct life *life)
{
    bool all = true;
    for (size_t i = 0; i < life->worker_count; i++) {
        struct pulse *pulse = worker_pulse(life->workers[i]);
        all = all && (pulse_came(pulse, life->asked[i]) || worker_has_ended(life->workers[i]));
        life->asked[i] = pulse_ask(pulse);
    }
    return all;
}

static void look_after_workers(struct life *life)
{
    int64_t now_us = clock_monotonic_us();
    if (life->alive_every_us == 0 || now_us < life->look_us)
        return;
    life->look_us = now_us + life->alive_every_us;
    const struct supervisor_message alive = supervisor_message_of(SUPERVISOR_ALIVE);
    if (all_have_turned(life) && life->link >= 0)
        (void)supervisor_link_send(life->link, &alive, -1); /* one that is missed is made good by the next */
}

static int wait_ms(const struct life *life)
{
    if (life->alive_every_us == 0)
        return -1;
    int64_t left_us = life->look_us - clock_monotonic_us();
    return left_us <= 0 ? 0 : (int)(left_us / US_PER_MS) + 1;
}

/* --- the loop --- */

static bool all_have_ended(const struct life *life)
{
    size_t ended = 0;
    while (ended < life->worker_count && worker_has_ended(life->workers[ended]))
        ended++;
    return ended == life->worker_count;
}

/* Waits for the next thing and takes it. *number is the signal's where one came. */
static enum life_event take_next(struct life *life, int *number, struct error *error)
{
    struct pollfd watched[] = { { .fd = life->signals, .events = POLLIN },
                                { .fd = life->link, .events = POLLIN },
                                { .fd = life->ended, .events = POLLIN } };
    enum life_event event = LIFE_GOES_ON;
    uint64_t count;
    if (poll(watched, ARRAY_LENGTH(watched), wait_ms(life)) < 0 && errno != EINTR) {
        (void)error_system(error, errno, "cannot wait for signals"); /* false */
        return LIFE_ENDS;
    }
    if (watched[0].revents != 0)
        event = take_signals(life, number);
    if (watched[1].revents != 0) {
        enum life_event told = take_messages(life);
        event = told == LIFE_GOES_ON ? event : told;
    }
    if (watched[2].revents != 0)
        (void)!read(life->ended, &count, sizeof(count)); /* the workers are looked at themselves */
    look_after_workers(life);
    return event;
}

void life_wait_until_warm(const struct life *life, size_t workers)
{
    struct pollfd watched[] = { { .fd = life->warmed, .events = POLLIN },
                                { .fd = life->signals, .events = POLLIN },
                                { .fd = life->link, .events = POLLIN },
                                { .fd = life->ended, .events = POLLIN } };
    int64_t deadline_us = clock_monotonic_us() + WORKER_WARM_US, left_us = WORKER_WARM_US;
    eventfd_t seen = 0;
    for (size_t warm = 0; warm < workers && left_us > 0; left_us = deadline_us - clock_monotonic_us()) {
        if (poll(watched, ARRAY_LENGTH(watched), (int)(left_us / US_PER_MS) + 1) < 0 && errno != EINTR)
            return; /* life_run meets it as well, and says so */
        if (watched[1].revents != 0 || watched[2].revents != 0 || watched[3].revents != 0)
            return;
        if (watched[0].revents != 0 && eventfd_read(life->warmed, &seen) == 0)
            warm += (size_t)seen;
    }
}

void life_tell_ready(const struct life *life)
{
    const struct supervisor_message ready = supervisor_message_of(SUPERVISOR_READY);
    (void)supervisor_link_send(life->link, &ready, -1); /* where it has ended, this is about to */
}

static bool any_has_ended(const struct life *life)
{
    for (size_t i = 0; i < life->worker_count; i++) {
        if (worker_has_ended(life->workers[i]))
            return true;
    }
    return false;
}

bool life_run(struct life *life, struct signer_client *signer, struct worker **workers, size_t worker_count,
              struct error *error)
{
    int number = SIGTERM;
    life->signer = signer;
    life->workers = workers;
    life->worker_count = worker_count;
    life->asked = calloc(worker_count, sizeof(*life->asked));
    if (life->asked == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for %zu workers", worker_count);
    error->kind = ERROR_NONE;
    while (take_next(life, &number, error) == LIFE_GOES_ON && !any_has_ended(life))
        continue;
    if (error->kind != ERROR_NONE)
        return false;
    const struct log_value values[] = { { "event", "stopping", 0 },
                                        { "signal", strsignal(number), 0 },
                                        { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_INFO, values, "stopping: finishing what is in flight (at most proxy.drain)");
    return true;
}

void life_drain(struct life *life)
{
    struct error error;
    int number = 0;
    for (size_t i = 0; i < life->worker_count; i++)
        worker_drain(life->workers[i]);
    while (!all_have_ended(life)) {
        for (size_t i = 0; life->is_hurried && i < life->worker_count; i++)
            worker_hurry(life->workers[i]);
        (void)take_next(life, &number, &error); /* whatever came: it ends already */
    }
}
