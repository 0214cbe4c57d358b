/* The signer's service: one thread, one poll loop over SIGHUP, the socket to the proxy process and the supervisor's link,
 * until that link ends. */
#include "countersign/signer.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/supervisor_link.h"
#include "rotation.h"
#include "sandbox_signer.h"
#include "session.h"
#include "terminal_end.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct service {
    struct signer_session session;
    struct rotation rotation;
    struct terminals terminals;
    int socket;     /* to the proxy process; -1 once that has closed it, or sent what it must not */
    int supervisor; /* its link */
    int signals;
    bool owes_reloaded;        /* the supervisor waits for the end of a reading */
    bool configuration_wanted; /* SIGHUP came, and the file was not handed over since */
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

static void tell_supervisor(const struct service *service, enum supervisor_message_type type)
{
    const struct supervisor_message message = supervisor_message_of(type);
    (void)supervisor_link_send(service->supervisor, &message, -1); /* one that has ended ends this process, too */
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
        if (terminals_have_gone(&service->terminals))
            continue; /* the terminal's, to all its processes: the supervisor ends them */
        hang_up(service);
        service->owes_reloaded = true;
    }
}

/* Keys that are read anew are of use as long as a proxy takes them. */
static bool may_rotate(const struct service *service)
{
    return service->socket >= 0;
}

static void rotate(struct service *service)
{
    if (may_rotate(service))
        rotation_go_on(&service->rotation, &service->session); /* what it has to tell is owed from now on */
    bool is_under_way = rotation_is_under_way(&service->rotation) || session_owes(&service->session);
    if (!service->owes_reloaded || (may_rotate(service) && is_under_way))
        return;
    service->owes_reloaded = false;
    tell_supervisor(service, SUPERVISOR_RELOADED);
}

static bool answer_until_it_ends(struct service *service, struct error *error)
{
    for (;;) {
        bool owes = service->socket >= 0 && session_owes(&service->session);
        struct pollfd watched[] = { { .fd = service->supervisor, .events = POLLIN },
                                    { .fd = service->signals, .events = POLLIN },
                                    { .fd = service->socket, .events = owes ? POLLOUT : POLLIN },
                                    { .fd = may_rotate(service) ? service->rotation.done : -1, .events = POLLIN } };
        if (poll(watched, ARRAY_LENGTH(watched), -1) < 0 && errno != EINTR)
            return error_system(error, errno, "the signer cannot wait for the proxy process");
        if (watched[0].revents != 0) /* it sends nothing: this is its end */
            return true;
        if (watched[1].revents != 0)
            take_signals(service);
        if (watched[2].revents != 0 && !owes)
            take_message(service);
        if (service->socket >= 0)
            send_what_is_owed(service);
        offer_configuration(service);
        rotate(service);
    }
}

static bool start(struct service *service, struct error *error)
{
    sigset_t hangup;
    (void)sigemptyset(&hangup); /* set operations fail for numbers that are no signals only */
    (void)sigaddset(&hangup, SIGHUP);
    terminals_note(&service->terminals);
    service->signals = signalfd(-1, &hangup, SFD_NONBLOCK | SFD_CLOEXEC); /* the supervisor had all blocked */
    if (service->signals < 0)
        return error_system(error, errno, "the signer cannot take signals (signalfd)");
    sandbox_signer_enter(service->session.signer);
    tell_supervisor(service, SUPERVISOR_OPENED);
    return true;
}

bool signer_serve(struct signer *signer, const struct signer_ends *ends, struct error *error)
{
    struct service service = { .socket = ends->proxy, .supervisor = ends->supervisor, .signals = -1 };
    session_begin(&service.session, signer);
    bool done = rotation_open(&service.rotation, signer, error) && start(&service, error) &&
                answer_until_it_ends(&service, error);
    rotation_close(&service.rotation);
    if (service.socket >= 0)
        stop_answering(&service);
    const int others[] = { service.signals, service.supervisor };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (others[i] >= 0)
            (void)close(others[i]); /* nothing was written that is not taken */
    }
    return done;
}
