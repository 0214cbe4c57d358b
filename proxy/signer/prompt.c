/* Secrets typed on the controlling terminal. Owns the terminal's settings while it asks, and puts them back before anything
 * else happens to this process: signals wait until then (signalfd(2)). One thread. */
#include "countersign/prompt.h"

#include "secret_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static const char no_terminal[] =
    "there is no terminal to ask on: give it by a descriptor (fd:NUMBER), or name another source (credential:NAME, "
    "file:PATH)";

/* While it asks. */
struct asking {
    int terminal;
    int signals;
    struct termios usual;
    sigset_t taken;
    sigset_t before;
};

static bool print(const struct asking *asking, const char *text)
{
    return write(asking->terminal, text, strlen(text)) == (ssize_t)strlen(text);
}

/* TCSAFLUSH drops what was typed before the question could be seen. Line editing stays the kernel's, and so does Ctrl-C. */
static bool begin(const struct asking *asking, const char *question, bool echo)
{
    struct termios quiet = asking->usual;
    quiet.c_lflag |= (tcflag_t)ICANON | ISIG;
    quiet.c_lflag &= ~(tcflag_t)(echo ? 0 : ECHO | ECHOE | ECHOK | ECHONL);
    if (echo)
        quiet.c_lflag |= (tcflag_t)ECHO;
    return tcsetattr(asking->terminal, TCSAFLUSH, &quiet) == 0 && print(asking, question);
}

static void put_back(const struct asking *asking)
{
    (void)tcsetattr(asking->terminal, TCSADRAIN, &asking->usual); /* a terminal that is gone has no settings */
}

/* Lets the signal take effect, with the terminal as it was: it ends this process, stops it for a while, or runs a handler. */
static void yield_to_signal(const struct asking *asking)
{
    struct signalfd_siginfo info;
    put_back(asking);
    (void)print(asking, "\n"); /* the shell's prompt begins a line */
    if (read(asking->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;                       /* none is pending after all */
    (void)raise((int)info.ssi_signo); /* blocked: takes effect with the next call, which cannot fail */
    (void)sigprocmask(SIG_SETMASK, &asking->before, NULL);
    (void)sigprocmask(SIG_BLOCK, &asking->taken, NULL);
}

enum answer { ANSWER_READ, ANSWER_AGAIN, ANSWER_FAILED };

/* Takes what the terminal gives: in line mode a whole line. */
static enum answer take(struct secret *secret, const struct asking *asking, struct error *error)
{
    ssize_t got = read(asking->terminal, secret->bytes, SECRET_MEMORY);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return ANSWER_AGAIN;
    if (got < 0) {
        (void)error_system(error, errno, "cannot read from the terminal"); /* false */
        return ANSWER_FAILED;
    }
    secret->length = (size_t)got;
    if (got > 0 && secret->bytes[got - 1] == '\n')
        secret->length--;
    if (secret->length > 0)
        return ANSWER_READ;
    (void)error_set(error, ERROR_INPUT, "nothing was typed"); /* likewise */
    return ANSWER_FAILED;
}

/* A signal, or an answer. */
static enum answer wait_for_answer(struct secret *secret, const struct asking *asking, const char *question, bool echo,
                                   struct error *error)
{
    struct pollfd watched[] = { { .fd = asking->signals, .events = POLLIN },
                                { .fd = asking->terminal, .events = POLLIN } };
    if (poll(watched, ARRAY_LENGTH(watched), -1) < 0 && errno != EINTR) {
        (void)error_system(error, errno, "cannot wait for the terminal"); /* false */
        return ANSWER_FAILED;
    }
    if (watched[0].revents != 0) {
        yield_to_signal(asking);
        if (begin(asking, question, echo))
            return ANSWER_AGAIN;
        (void)error_system(error, errno, "cannot ask on the terminal again"); /* likewise */
        return ANSWER_FAILED;
    }
    return watched[1].revents != 0 ? take(secret, asking, error) : ANSWER_AGAIN;
}

static bool ask(struct secret *secret, const struct asking *asking, const char *question, bool echo,
                struct error *error)
{
    if (!begin(asking, question, echo)) {
        put_back(asking);
        return error_system(error, errno, "cannot ask on the terminal");
    }
    enum answer answer = ANSWER_AGAIN;
    while (answer == ANSWER_AGAIN)
        answer = wait_for_answer(secret, asking, question, echo, error);
    put_back(asking);
    if (!echo || answer == ANSWER_FAILED)
        (void)print(asking, "\n"); /* the line's end was not echoed */
    return answer == ANSWER_READ;
}

static void signals_to_take(sigset_t *set)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
    (void)sigemptyset(set); /* set operations fail for numbers that are no signals only */
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        (void)sigaddset(set, numbers[i]);
}

/* With signals held back. */
static bool ask_on(int terminal, struct secret *secret, const char *question, bool echo, struct error *error)
{
    struct asking asking = { .terminal = terminal };
    if (tcgetattr(terminal, &asking.usual) != 0)
        return error_set(error, ERROR_CONFIG, "%s", no_terminal);
    signals_to_take(&asking.taken);
    if (sigprocmask(SIG_BLOCK, &asking.taken, &asking.before) != 0)
        return error_system(error, errno, "cannot hold signals back while asking");
    asking.signals = signalfd(-1, &asking.taken, SFD_CLOEXEC | SFD_NONBLOCK);
    bool done = asking.signals >= 0 ? ask(secret, &asking, question, echo, error)
                                    : error_system(error, errno, "cannot take signals while asking (signalfd)");
    if (asking.signals >= 0)
        (void)close(asking.signals);                      /* was only read */
    (void)sigprocmask(SIG_SETMASK, &asking.before, NULL); /* cannot fail with a mask that was in force */
    return done;
}

static bool check_length(const struct secret *secret, struct error *error)
{
    return secret->length <= SECRET_MAX ||
           error_set(error, ERROR_INPUT, "it is longer than %d bytes: this is no key, secret or passphrase",
                     SECRET_MAX);
}

bool prompt_secret(struct secret *secret, const char *question, bool echo, struct error *error)
{
    struct secret made;
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0)
        return error_set(error, ERROR_CONFIG, "%s", no_terminal);
    bool allocated = secret_allocate(&made, error);
    bool done = allocated && ask_on(terminal, &made, question, echo, error) && check_length(&made, error);
    (void)close(terminal); /* a terminal keeps nothing back */
    if (done)
        *secret = made;
    else if (allocated)
        secret_end(&made);
    return done;
}

/* --- descriptors --- */

/* One byte; *is_end where there is none left. */
static bool read_byte(char *byte, bool *is_end, int fd, struct error *error)
{
    for (;;) {
        ssize_t got = read(fd, byte, 1);
        *is_end = got == 0;
        if (got >= 0)
            return true;
        struct pollfd watched = { .fd = fd, .events = POLLIN };
        if (errno == EAGAIN && poll(&watched, 1, -1) >= 0)
            continue;
        if (errno != EINTR)
            return error_system(error, errno, "cannot read descriptor %d", fd);
    }
}

static bool read_line(struct secret *secret, int fd, struct error *error)
{
    bool is_end = false;
    while (secret->length < SECRET_MEMORY) {
        char *byte = secret->bytes + secret->length;
        if (!read_byte(byte, &is_end, fd, error))
            return false;
        if (is_end || *byte == '\n')
            break;
        secret->length++;
    }
    if (secret->length == 0)
        return error_set(error, ERROR_INPUT, "descriptor %d has no line left, or an empty one", fd);
    return check_length(secret, error);
}

bool descriptor_read_secret(struct secret *secret, int fd, struct error *error)
{
    struct secret made;
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0)
        return error_set(
            error, ERROR_CONFIG,
            "descriptor %d is not open: start this with %d<FILE or %d< <(COMMAND), or was it read already?", fd, fd,
            fd);
    if (fd > STDERR_FILENO && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0)
        return error_system(error, errno, "cannot keep descriptor %d from children", fd);
    if (!secret_allocate(&made, error))
        return false;
    if (!read_line(&made, fd, error)) {
        secret_end(&made);
        return false;
    }
    *secret = made;
    return true;
}

/* --- either --- */

static bool read_unchecked(struct secret *secret, const char *source, const char *question, bool echo,
                           struct error *error)
{
    uint64_t fd;
    if (source == NULL)
        return prompt_secret(secret, question, echo, error);
    if (!slice_to_u64(slice_text(source + strlen("fd:")), &fd) || fd > INT32_MAX || fd == STDOUT_FILENO ||
        fd == STDERR_FILENO)
        return error_set(error, ERROR_USAGE, "expected the number of an open descriptor (0, or 3 and above) after fd:");
    return descriptor_read_secret(secret, (int)fd, error);
}

bool secret_read_given(struct secret *secret, const char *source, const char *question, bool echo, const char *what,
                       struct error *error)
{
    struct secret made;
    if (source != NULL && !slice_starts_with(slice_text(source), "fd:"))
        return secret_read(secret, source, false, what, error);
    if (!read_unchecked(&made, source, question, echo, error))
        return error_prefix(error, "%s", what);
    if (!secret_check(&made, false, error)) {
        secret_end(&made);
        return error_prefix(error, "%s", what);
    }
    *secret = made;
    return true;
}
