/* The signer's service: one thread, one poll loop over the signals and the socket to the proxy process, until that
 * process ends. */
#include "countersign/signer.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "process.h"
#include "rotation.h"
#include "sandbox_signer.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STANDARD_DESCRIPTORS = STDERR_FILENO + 1 };

struct service {
    struct signer_session session;
    struct rotation rotation;
    int socket; /* -1 once the service has ended */
    int signals;
    pid_t child;
    int process;       /* the child, as pidfd_open(2) has it: kill(2) is given up */
    bool asked_to_end; /* SIGTERM was passed on: a terminal's Ctrl-C reaches both processes, and once is enough */
    bool reaped;
    bool configuration_wanted; /* SIGHUP came, and the file was not handed over since */
    int exit_code;
    bool had_terminal[STANDARD_DESCRIPTORS];
};

static void stop_answering(struct service *service)
{
    (void)close(service->socket); /* nothing written is lost: datagrams were taken whole */
    service->socket = -1;
    session_end(&service->session);
}

static void send_what_is_owed(struct service *service)
{
    enum wire_result result = WIRE_DONE;
    struct signer_wire_message message;
    while (result == WIRE_DONE && session_owes(&service->session)) {
        session_next(&message, &service->session);
        result = wire_send(service->socket, &message);
        if (result == WIRE_DONE)
            session_sent(&service->session);
    }
    OPENSSL_cleanse(&message, sizeof(message));
    if (result == WIRE_ENDED)
        stop_answering(service);
}

static void refuse_message(struct service *service)
{
    log_error("the proxy process sent the signer a message that it must not send: no more keys are given out; "
              "restart the proxy, and look for what took it over");
    stop_answering(service);
}

static void take_message(struct service *service)
{
    struct signer_wire_message message;
    switch (wire_receive(&message, service->socket)) {
    case WIRE_DONE:
        if (!session_take(&service->session, &message, clock_wall_us() / 1000))
            refuse_message(service);
        break;
    case WIRE_MALFORMED:
        refuse_message(service);
        break;
    case WIRE_ENDED:
        stop_answering(service);
        break;
    case WIRE_LATER:
        break;
    }
}

static void reap(struct service *service)
{
    int status;
    if (waitpid(service->child, &status, WNOHANG) != service->child)
        return; /* another child's end, or this one's was taken already */
    service->reaped = true;
    service->exit_code = process_exit_code(status);
}

static void pass_on(struct service *service, int number)
{
    if (!service->reaped)
        (void)pidfd_send_signal(service->process, number, NULL, 0); /* fails where it has just ended */
}

static void note_terminals(struct service *service)
{
    for (int fd = STDIN_FILENO; fd < STANDARD_DESCRIPTORS; fd++)
        service->had_terminal[fd] = isatty(fd) == 1;
}

/* Whether the terminal this was started at has gone: then SIGHUP is the hang-up that it was named for, and who left it
 * running without a terminal did not ask for that. */
static bool is_hung_up(const struct service *service)
{
    for (int fd = STDIN_FILENO; fd < STANDARD_DESCRIPTORS; fd++) {
        struct pollfd terminal = { .fd = fd };
        if (service->had_terminal[fd] && poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLHUP) != 0)
            return true;
    }
    return false;
}

static void ask_to_end(struct service *service)
{
    if (service->asked_to_end)
        return;
    service->asked_to_end = true;
    pass_on(service, SIGTERM);
}

/* Whether the proxy has been told a first generation whole. */
static bool knows_accounts(const struct signer_session *session)
{
    return session->generation > 1 || session->accounts_told == session->signer->config->account_count;
}

/* Opened by its name, for editors put another file in the old one's place. */
static void offer_configuration(struct service *service)
{
    static const struct log_value values[] = { { "event", "configuration-not-reloaded", 0 }, { NULL, NULL, 0 } };
    const char *file = service->session.signer->config->file;
    struct signer_wire_message message;
    if (!service->configuration_wanted || service->socket < 0 || !knows_accounts(&service->session))
        return;
    service->configuration_wanted = false;
    if (file == NULL)
        return;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        log_line_values(LOG_LEVEL_ERROR, values, "configuration not read again, the old one stays: cannot open %s: %s",
                        file, strerror(errno));
        return;
    }
    wire_begin(&message, SIGNER_WIRE_CONFIGURATION);
    if (wire_send_descriptor(service->socket, &message, fd) != WIRE_DONE)
        log_line_values(LOG_LEVEL_ERROR, values,
                        "configuration not read again, the old one stays: the proxy process takes no messages now; "
                        "send SIGHUP once more");
    (void)close(fd); /* the proxy has its own */
}

/* Keys and configuration are taken each by itself: what is wrong with the one keeps nobody from revoking a key. */
static void hang_up(struct service *service)
{
    service->configuration_wanted = true;
    rotation_want(&service->rotation);
}

static void take_signals(struct service *service)
{
    struct signalfd_siginfo info;
    while (read(service->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(service);
        else if (info.ssi_signo == SIGHUP && !is_hung_up(service))
            hang_up(service);
        else
            ask_to_end(service);
    }
}

/* Keys that are read anew are of use as long as a proxy takes them. */
static bool may_rotate(const struct service *service)
{
    return service->socket >= 0 && !service->asked_to_end;
}

static bool answer_until_it_ends(struct service *service, struct error *error)
{
    while (!service->reaped) {
        bool owes = service->socket >= 0 && session_owes(&service->session);
        struct pollfd watched[] = { { .fd = service->signals, .events = POLLIN },
                                    { .fd = service->socket, .events = owes ? POLLOUT : POLLIN },
                                    { .fd = may_rotate(service) ? service->rotation.done : -1, .events = POLLIN } };
        if (poll(watched, ARRAY_LENGTH(watched), -1) < 0 && errno != EINTR)
            return error_system(error, errno, "the signer cannot wait for the proxy process");
        if (watched[0].revents != 0)
            take_signals(service);
        if (watched[1].revents != 0 && !owes)
            take_message(service);
        if (service->socket >= 0)
            send_what_is_owed(service);
        offer_configuration(service);
        if (may_rotate(service))
            rotation_go_on(&service->rotation, &service->session); /* what it has to tell is owed from now on */
    }
    return true;
}

static void end_child(struct service *service)
{
    if (service->child <= 0 || service->reaped)
        return;
    pass_on(service, SIGTERM);
    (void)waitpid(service->child, NULL, 0); /* on an error path already */
}

/* SIGHUP is the signer's: it must not end a proxy that has not yet come to say so. */
static sigset_t proxy_mask(const sigset_t *before)
{
    sigset_t mask = *before;
    (void)sigaddset(&mask, SIGHUP); /* cannot fail */
    return mask;
}

static bool start(struct service *service, char *const arguments[], const sigset_t *taken, const sigset_t *before,
                  struct error *error)
{
    const sigset_t mask = proxy_mask(before);
    service->signals = signalfd(-1, taken, SFD_NONBLOCK | SFD_CLOEXEC);
    if (service->signals < 0)
        return error_system(error, errno, "the signer cannot take signals (signalfd)");
    if (!process_start(&service->child, &service->socket, "/proc/self/exe", arguments, service->session.signer->config,
                       &mask, error))
        return false;
    service->process = pidfd_open(service->child, 0);
    if (service->process < 0) {
        int number = errno;
        (void)kill(service->child, SIGTERM); /* not reaped: the number is still its own */
        return error_system(error, number, "the signer cannot watch the proxy process (pidfd_open)");
    }
    sandbox_signer_enter(service->session.signer);
    return true;
}

static void signals_to_take(sigset_t *set)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
    (void)sigemptyset(set); /* set operations fail for numbers that are no signals only */
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        (void)sigaddset(set, numbers[i]);
}

bool signer_serve(int *exit_code, struct signer *signer, char *const arguments[], struct error *error)
{
    struct service service = { .socket = -1, .signals = -1, .process = -1 };
    sigset_t taken, before;
    session_begin(&service.session, signer);
    signals_to_take(&taken);
    note_terminals(&service);
    if (!process_fill_standard_descriptors(error))
        return false;
    if (sigprocmask(SIG_BLOCK, &taken, &before) != 0)
        return error_system(error, errno, "the signer cannot block signals");
    bool done = rotation_open(&service.rotation, signer, error) && start(&service, arguments, &taken, &before, error) &&
                answer_until_it_ends(&service, error);
    rotation_close(&service.rotation);
    end_child(&service);
    if (service.socket >= 0)
        stop_answering(&service);
    const int others[] = { service.signals, service.process };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (others[i] >= 0)
            (void)close(others[i]); /* nothing was written */
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL); /* cannot fail with a mask that was in force */
    if (done)
        *exit_code = service.exit_code;
    return done;
}
