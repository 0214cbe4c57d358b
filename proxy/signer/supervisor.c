/* The supervisor: one thread, one poll loop over signals and its two children, until both have ended. */
#include "supervisor_parts.h"

#include "command_runner.h"
#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/resident.h"
#include "countersign/supervisor_link.h"
#include "keystore_private.h"
#include "process.h"
#include "sandbox_signer.h"
#include "secret_given.h"
#include "signer_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SUPERVISOR_FAILED = 3,            /* the program could not do its work */
    SUPERVISOR_PATIENCE_US = 3000000, /* for a proxy that was told to end at once */
    US_PER_MS = 1000,
    THEN_MAX = 160
};

/* --- signals --- */

static void say_hurry(struct supervisor *supervisor)
{
    const struct supervisor_message hurry = supervisor_message_of(SUPERVISOR_HURRY);
    const struct log_value values[] = { { "event", "hurrying", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_WARNING, values, "asked to end a second time: what is in flight is given up");
    (void)supervisor_link_send(supervisor->proxy.link, &hurry, -1); /* one that does not take it is killed */
    supervisor->kill_us = clock_monotonic_us() + SUPERVISOR_PATIENCE_US;
}

static void ask_to_end(struct supervisor *supervisor, int number)
{
    supervisor->asked_to_end++;
    if (supervisor->asked_to_end == 1) {
        supervisor->ended_by = number;
        notify_send(&supervisor->notify, "STOPPING=1\nSTATUS=finishing what is in flight\n");
        child_signal(&supervisor->proxy, SIGTERM);
    } else if (supervisor->asked_to_end == 2 && supervisor->proxy.pid != 0) {
        say_hurry(supervisor);
    }
}

static void reload(struct supervisor *supervisor)
{
    if (supervisor->asked_to_end > 0)
        return;
    notify_reloading(&supervisor->notify, clock_monotonic_us());
    child_signal(&supervisor->signer, SIGHUP); /* where there is none now, the next one reads everything anew */
}

static void take_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue; /* each child is looked after below */
        if (info.ssi_signo == SIGHUP && !terminals_have_gone(&supervisor->terminals))
            reload(supervisor);
        else
            ask_to_end(supervisor, (int)info.ssi_signo);
    }
}

/* --- the signer's end --- */

static void give_up(struct supervisor *supervisor)
{
    supervisor->has_given_up = true;
    ask_to_end(supervisor, SIGTERM);
}

static void plan_restart(struct supervisor *supervisor)
{
    char then[THEN_MAX];
    int64_t delay_us = 0, now_us = clock_monotonic_us();
    if (!restarts_note(&delay_us, &supervisor->restarts, now_us)) {
        child_report_end(&supervisor->signer, "it has been started again 5 times within a minute, which is enough; "
                                              "the proxy finishes what is in flight and ends");
        give_up(supervisor);
        return;
    }
    supervisor->restart_us = now_us + delay_us;
    (void)snprintf(then, sizeof(then), "starting another %s (%zu of %d times in a minute)", /* fits */
                   delay_us == 0 ? "at once" : "after a pause", supervisor->restarts.count, SUPERVISOR_RESTARTS_MAX);
    child_report_end(&supervisor->signer, then);
}

static void look_after_signer(struct supervisor *supervisor)
{
    if (!child_has_ended(&supervisor->signer))
        return;
    if (supervisor->proxy.pid == 0)
        return; /* it did not get as far as a proxy, or goes with it */
    if (supervisor->asked_to_end > 0)
        child_report_end(&supervisor->signer, "the proxy is ending anyway, and signs with the keys it holds");
    else
        plan_restart(supervisor);
}

static void restart(struct supervisor *supervisor)
{
    struct error error;
    supervisor->restart_us = 0;
    if (supervisor->asked_to_end > 0 || supervisor_start_signer(supervisor, &error))
        return;
    log_error("%s: the proxy finishes what is in flight and ends", error.message);
    give_up(supervisor);
}

/* --- what the children say --- */

static void tell_ready(struct supervisor *supervisor, const char *status)
{
    if (supervisor->is_ready && supervisor->asked_to_end == 0)
        notify_ready(&supervisor->notify, status);
}

static void take_message(struct supervisor *supervisor, enum supervisor_message_type type)
{
    switch (type) {
    case SUPERVISOR_OPENED:
        supervisor_hand_over_signer(supervisor);
        tell_ready(supervisor, "ready"); /* a reading that the last one did not come to the end of has thus been made */
        break;
    case SUPERVISOR_RELOADED:
        tell_ready(supervisor, "ready; keys were read anew");
        break;
    case SUPERVISOR_READY:
        supervisor->is_ready = true;
        tell_ready(supervisor, "ready");
        break;
    case SUPERVISOR_ALIVE:
        notify_send(&supervisor->notify, "WATCHDOG=1\n");
        break;
    default: /* what comes from this process alone */
        break;
    }
}

/* A child may say what is its own to say and nothing else. */
static void take_messages(struct supervisor *supervisor, struct child *child)
{
    bool is_signer = child == &supervisor->signer;
    struct supervisor_message message;
    int passed;
    enum supervisor_link_result result;
    while ((result = supervisor_link_receive(&message, &passed, child->link)) == SUPERVISOR_LINK_DONE) {
        bool is_signers = message.type == SUPERVISOR_OPENED || message.type == SUPERVISOR_RELOADED;
        if (passed >= 0)
            (void)close(passed); /* nobody sends any */
        if (is_signers == is_signer)
            take_message(supervisor, (enum supervisor_message_type)message.type);
    }
    if (result == SUPERVISOR_LINK_ENDED)
        child_close_link(child); /* its end, which SIGCHLD tells of */
}

/* --- the loop --- */

static int wait_ms(const struct supervisor *supervisor)
{
    const int64_t moments[] = { supervisor->restart_us, supervisor->kill_us };
    int64_t first = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++) {
        if (moments[i] != 0 && (first == 0 || moments[i] < first))
            first = moments[i];
    }
    if (first == 0)
        return -1;
    int64_t left_us = first - clock_monotonic_us();
    return left_us <= 0 ? 0 : (int)(left_us / US_PER_MS) + 1;
}

static void kill_proxy(struct supervisor *supervisor)
{
    supervisor->kill_us = 0;
    log_error("the proxy process does not end: it is killed; the next start carries over what it had recorded");
    child_signal(&supervisor->proxy, SIGKILL);
}

static bool turn(struct supervisor *supervisor, struct error *error)
{
    struct pollfd watched[] = { { .fd = supervisor->signals, .events = POLLIN },
                                { .fd = supervisor->signer.link, .events = POLLIN },
                                { .fd = supervisor->proxy.link, .events = POLLIN } };
    int64_t now_us;
    if (poll(watched, ARRAY_LENGTH(watched), wait_ms(supervisor)) < 0 && errno != EINTR)
        return error_system(error, errno, "the supervisor cannot wait for its processes");
    if (watched[1].revents != 0)
        take_messages(supervisor, &supervisor->signer);
    if (watched[2].revents != 0)
        take_messages(supervisor, &supervisor->proxy);
    if (watched[0].revents != 0)
        take_signals(supervisor);
    look_after_signer(supervisor);
    now_us = clock_monotonic_us();
    if (supervisor->restart_us != 0 && now_us >= supervisor->restart_us)
        restart(supervisor);
    if (supervisor->kill_us != 0 && now_us >= supervisor->kill_us)
        kill_proxy(supervisor);
    return true;
}

/* --- start and end --- */

static void signals_to_take(sigset_t *set)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
    (void)sigemptyset(set); /* set operations fail for numbers that are no signals only */
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        (void)sigaddset(set, numbers[i]);
}

/* What can be had once alone, and what must be started while no secret is in memory. */
static bool take_what_is_given(struct supervisor *supervisor, struct error *error)
{
    const struct config *config = supervisor->options->config;
    return process_fill_standard_descriptors(error) && signer_prepare_process(error) &&
           handed_take(&supervisor->sockets, error) && secret_given_take(config, error) &&
           signer_start_runner(config, error) &&
           keystore_open_for_accounts(&supervisor->keystore, config, 0, config->account_count, error);
}

static bool take_over_signals(struct supervisor *supervisor, struct error *error)
{
    sigset_t taken;
    signals_to_take(&taken);
    terminals_note(&supervisor->terminals);
    if (sigprocmask(SIG_BLOCK, &taken, &supervisor->before) != 0)
        return error_system(error, errno, "the supervisor cannot block signals");
    supervisor->signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
    return supervisor->signals >= 0 || error_system(error, errno, "the supervisor cannot take signals (signalfd)");
}

/* Waits for the first signer to say that its secrets are read. False without *error where it ended, and said why itself, or
 * where this was asked to end meanwhile. */
static bool wait_until_opened(struct supervisor *supervisor)
{
    struct supervisor_message message;
    int passed;
    struct pollfd watched[] = { { .fd = supervisor->signer.link, .events = POLLIN },
                                { .fd = supervisor->signals, .events = POLLIN } };
    while (supervisor->asked_to_end == 0) {
        (void)poll(watched, ARRAY_LENGTH(watched), -1); /* EINTR alone is possible: then again */
        if (watched[0].revents != 0)
            return supervisor_link_receive(&message, &passed, supervisor->signer.link) == SUPERVISOR_LINK_DONE;
        if (watched[1].revents != 0 && !child_has_ended(&supervisor->signer))
            take_signals(supervisor);
        else if (supervisor->signer.pid == 0)
            return false;
    }
    return false;
}

/* Brings the signer to its end, once there is no proxy. */
static void end_signer(struct supervisor *supervisor)
{
    child_close_link(&supervisor->signer); /* which asks it to end */
    if (!supervisor->is_ready)
        child_signal(&supervisor->signer, SIGKILL); /* it may still read a source that takes its time */
    child_wait(&supervisor->signer);
}

static int exit_code_without_proxy(struct supervisor *supervisor)
{
    bool was_alive = supervisor->signer.pid != 0 && supervisor->asked_to_end > 0;
    end_signer(supervisor);
    return was_alive ? 128 + supervisor->ended_by : child_exit_code(&supervisor->signer);
}

static int proxys_exit_code(const struct supervisor *supervisor)
{
    bool by_signal = WIFSIGNALED(supervisor->proxy.status);
    bool in_order = !by_signal && WEXITSTATUS(supervisor->proxy.status) == 0;
    if (by_signal || (supervisor->is_ready && !in_order)) /* one that could not start said so itself */
        child_report_end(&supervisor->proxy, "the signer goes with it; exit code 3");
    return by_signal || supervisor->has_given_up ? SUPERVISOR_FAILED : child_exit_code(&supervisor->proxy);
}

static bool run(int *exit_code, struct supervisor *supervisor, struct error *error)
{
    sandbox_use_libraries_once(); /* for all signers, which are forks of this process */
    if (!supervisor_start_signer(supervisor, error))
        return false;
    if (!wait_until_opened(supervisor)) {
        *exit_code = exit_code_without_proxy(supervisor);
        return true;
    }
    if (!supervisor_start_proxy(supervisor, error))
        return false;
    resident_let_go_of_files(); /* before memory is locked */
    sandbox_supervisor_enter(supervisor->options->config);
    while (!child_has_ended(&supervisor->proxy)) {
        if (!turn(supervisor, error))
            return false;
    }
    *exit_code = proxys_exit_code(supervisor);
    return true;
}

static void close_all(struct supervisor *supervisor)
{
    if (supervisor->proxy.pid != 0) {
        child_signal(&supervisor->proxy, SIGTERM); /* on an error path already */
        child_wait(&supervisor->proxy);
    }
    end_signer(supervisor);
    command_runner_end();
    keystore_close(supervisor->keystore);
    secret_given_end_all();
    handed_end(&supervisor->sockets);
    notify_close(&supervisor->notify);
    const int descriptors[] = { supervisor->signals, supervisor->proxys_end };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]); /* nothing was written */
    }
}

bool supervise(int *exit_code, const struct supervisor_options *options, struct error *error)
{
    struct supervisor supervisor = {
        .options = options,
        .signer = { .name = "signer", .process = -1, .link = -1 },
        .proxy = { .name = "proxy", .process = -1, .link = -1 },
        .notify = { .socket = -1 },
        .signals = -1,
        .proxys_end = -1,
    };
    notify_open(&supervisor.notify);
    bool done = take_what_is_given(&supervisor, error) && take_over_signals(&supervisor, error);
    done = done && run(exit_code, &supervisor, error);
    close_all(&supervisor);
    return done; /* the signals stay blocked: one that has come since would end the caller before it gives its exit code */
}
