/* Starting the supervisor's two children. A signer is a fork of the supervisor: it goes on with its configuration, the values
 * of variables and the keystore's key. The proxy is a program of its own. Supervisor, and the first steps of a signer. */
#include "supervisor_parts.h"

#include "command_runner.h"
#include "countersign/log.h"
#include "countersign/supervisor_link.h"
#include "keystore_private.h"
#include "process.h"
#include "secret_given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIGNER_FAILED = 3 }; /* the program could not do its work */

static bool make_pair(int ends[2], const char *what, struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
        return true;
    ends[0] = ends[1] = -1;
    return error_system(error, errno, "cannot make the socket %s", what);
}

static void close_both(const int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            (void)close(ends[i]); /* never used */
    }
}

/* --- in the signer --- */

/* For people who look at processes: a fork shows its parent's command line. In place, so no longer than what was there. */
static void take_a_name(void)
{
    static const char name[] = "countersign-signer";
    size_t room = strlen(program_invocation_name);
    (void)prctl(PR_SET_NAME, "signer"); /* failing is harmless */
    if (room >= strlen(name))
        memset(mempcpy(program_invocation_name, name, strlen(name)), '\0', room - strlen(name));
}

static void leave_behind(struct supervisor *supervisor)
{
    const int descriptors[] = { supervisor->signals, supervisor->notify.socket, supervisor->proxy.link,
                                supervisor->proxy.process, supervisor->signer.link };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++) {
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]); /* the supervisor has its own; as below */
    }
    handed_end(&supervisor->sockets);
    secret_given_hand_to_children(false);
    keystore_hand_to_children(false);
    command_runner_take_over();
}

static _Noreturn void become_signer(struct supervisor *supervisor, const int to_proxy[2], const int link[2],
                                    pid_t parent)
{
    const struct signer_ends ends = { .proxy = to_proxy[0], .supervisor = link[1] };
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        _exit(SIGNER_FAILED); /* the supervisor died before it could be noticed */
    (void)close(to_proxy[1]); /* as in leave_behind */
    (void)close(link[0]);
    leave_behind(supervisor);
    take_a_name();
    exit(supervisor->options->sign(supervisor->options->context, &ends));
}

/* --- in the supervisor --- */

static pid_t fork_with_secrets(void)
{
    (void)fflush(NULL); /* what is buffered is to be written once; failing, it is written later */
    secret_given_hand_to_children(true);
    keystore_hand_to_children(true);
    pid_t forked = fork();
    int number = errno;
    if (forked != 0) {
        secret_given_hand_to_children(false);
        keystore_hand_to_children(false);
    }
    errno = number;
    return forked;
}

bool supervisor_start_signer(struct supervisor *supervisor, struct error *error)
{
    int to_proxy[2] = { -1, -1 }, link[2] = { -1, -1 };
    pid_t parent = getpid();
    if (!make_pair(to_proxy, "between signer and proxy", error) || !make_pair(link, "to the signer process", error)) {
        close_both(to_proxy);
        return false;
    }
    pid_t forked = fork_with_secrets();
    int number = errno;
    if (forked == 0)
        become_signer(supervisor, to_proxy, link, parent);
    (void)close(to_proxy[0]); /* the child has its own; likewise the next */
    (void)close(link[1]);
    if (forked < 0) {
        (void)close(to_proxy[1]); /* never used; likewise the next */
        (void)close(link[0]);
        return error_system(error, number, "cannot start the signer process (fork)");
    }
    if (supervisor->proxys_end >= 0)
        (void)close(supervisor->proxys_end); /* to a signer that has not lived to be used */
    supervisor->proxys_end = to_proxy[1];
    return child_begin(&supervisor->signer, forked, link[0], error);
}

/* SIGHUP is the signer's, and passed on by the supervisor: it must not end a proxy that has not yet come to say so. */
static sigset_t proxy_mask(const sigset_t *before)
{
    sigset_t mask = *before;
    (void)sigaddset(&mask, SIGHUP); /* cannot fail */
    return mask;
}

static bool send_start(const struct supervisor *supervisor, int link, struct error *error)
{
    struct supervisor_message message = supervisor_message_of(SUPERVISOR_START);
    message.value = supervisor->notify.watchdog_us / 4; /* WATCHDOG=1 then comes twice as often as is asked for */
    return supervisor_link_send(link, &message, -1) == SUPERVISOR_LINK_DONE ||
           error_set(error, ERROR_SYSTEM, "the proxy process takes no messages");
}

/* What it needs to begin waits in the link before it is there: one that ends early is then told by its end alone. */
bool supervisor_start_proxy(struct supervisor *supervisor, struct error *error)
{
    const sigset_t mask = proxy_mask(&supervisor->before);
    int link[2];
    pid_t forked;
    if (!make_pair(link, "to the proxy process", error))
        return false;
    const struct process_ends ends = { .signer = supervisor->proxys_end, .supervisor = link[1] };
    bool started = handed_pass_on(&supervisor->sockets, link[0], error) && send_start(supervisor, link[0], error) &&
                   process_start(&forked, &ends, "/proc/self/exe", supervisor->options->arguments,
                                 supervisor->options->config, &mask, error);
    (void)close(link[1]); /* the child has its own, or there is none */
    (void)close(supervisor->proxys_end);
    supervisor->proxys_end = -1;
    if (!started) {
        (void)close(link[0]); /* never used */
        return false;
    }
    handed_end(&supervisor->sockets);
    return child_begin(&supervisor->proxy, forked, link[0], error);
}

void supervisor_hand_over_signer(struct supervisor *supervisor)
{
    const struct supervisor_message message = supervisor_message_of(SUPERVISOR_SIGNER);
    if (supervisor->proxys_end < 0 || supervisor->proxy.pid == 0)
        return;
    if (supervisor_link_send(supervisor->proxy.link, &message, supervisor->proxys_end) != SUPERVISOR_LINK_DONE)
        log_error("the proxy process did not take the socket to another signer: its keys end in less than a minute");
    (void)close(supervisor->proxys_end); /* what was sent is a copy */
    supervisor->proxys_end = -1;
}
