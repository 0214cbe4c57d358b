/* `countersign mock`: runs the mock exchange until SIGINT or SIGTERM. One thread. */
#include "common.h"
#include "mock_options.h"

#include "countersign/cli.h"
#include "countersign/endpoint.h"
#include "countersign/log.h"
#include "countersign/mock.h"
#include "countersign/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PEM_FILE_MAX = 64 * 1024 }; /* bytes */

/* What clients sign with. */
struct credentials {
    char api_key[SECRET_MAX + 1];
    char api_secret[SECRET_MAX + 1];
    bool made_up;
};

static bool read_credential(char *text, const char *source, const char *what, struct error *error)
{
    struct secret secret;
    if (!secret_read(&secret, source, false, what, error))
        return false;
    struct slice bytes = secret_slice(&secret); /* at most SECRET_MAX, no control bytes */
    memcpy(text, bytes.data, bytes.length);
    text[bytes.length] = '\0';
    secret_end(&secret);
    return true;
}

static bool get_credentials(struct credentials *credentials, const struct mock_command *command, struct error *error)
{
    bool has_variables = getenv(MOCK_KEY_VARIABLE) != NULL || getenv(MOCK_SECRET_VARIABLE) != NULL;
    credentials->made_up = command->api_key == NULL && !has_variables;
    if (credentials->made_up)
        return cli_made_up_key(credentials->api_key, error) && cli_made_up_key(credentials->api_secret, error);
    const char *key = command->api_key == NULL ? "env:" MOCK_KEY_VARIABLE : command->api_key;
    const char *secret = command->api_secret == NULL ? "env:" MOCK_SECRET_VARIABLE : command->api_secret;
    return read_credential(credentials->api_key, key, "api key of the mock exchange", error) &&
           read_credential(credentials->api_secret, secret, "api secret of the mock exchange", error);
}

static bool read_pem_file(struct buffer *pem, const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(error, errno, "could not open %s", path);
    char part[4096];
    ssize_t length;
    while ((length = read(fd, part, sizeof(part))) > 0)
        (void)buffer_append(pem, part, (size_t)length); /* pem->failed is looked at below */
    int number = errno;
    (void)close(fd); /* nothing was written */
    explicit_bzero(part, sizeof(part));
    if (length < 0)
        return error_system(error, number, "could not read %s", path);
    if (pem->failed)
        return error_set(error, ERROR_LIMIT, "%s has more than %d bytes, too much for a PEM file", path, PEM_FILE_MAX);
    return true;
}

static bool write_certificate(const char *path, struct slice pem, struct error *error)
{
    enum { READABLE_BY_ALL = 0644 }; /* it is public, and clients may be other users */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, READABLE_BY_ALL);
    if (fd < 0)
        return error_system(error, errno, "could not write the certificate to %s", path);
    ssize_t written = write(fd, pem.data, pem.length);
    int number = written < 0 ? errno : ENOSPC;
    if (written == (ssize_t)pem.length && fchmod(fd, READABLE_BY_ALL) != 0) {
        written = -1;
        number = errno;
    }
    if (close(fd) != 0 || written != (ssize_t)pem.length)
        return error_system(error, number, "could not write the certificate to %s", path);
    return true;
}

/* Certificate and key, empty without TLS. */
static bool get_certificate(struct buffer *certificate, struct buffer *key, const struct mock_command *command,
                            struct error *error)
{
    if (!command->tls)
        return true;
    bool done = command->certificate_file == NULL ? mock_certificate(certificate, key, error)
                                                  : read_pem_file(certificate, command->certificate_file, error) &&
                                                        read_pem_file(key, command->key_file, error);
    if (!done || command->write_certificate == NULL)
        return done;
    return write_certificate(command->write_certificate, buffer_slice(certificate), error);
}

static void print_credentials(const struct credentials *credentials)
{
    if (credentials->made_up) {
        (void)printf("  Key and secret were made up for this run and open nothing else. For clients that sign:\n"
                     "    export " MOCK_KEY_VARIABLE "=%s\n    export " MOCK_SECRET_VARIABLE "=%s\n",
                     credentials->api_key, credentials->api_secret);
        return;
    }
    char masked[SECRET_MAX + 1] = "";
    secret_mask(masked, slice_text(credentials->api_key));
    (void)printf("  It takes the API key %s.\n", masked);
}

/* Where it listens, in the order of --listen. */
struct addresses {
    char texts[MOCK_LISTEN_MAX][ENDPOINT_TEXT_MAX];
    size_t count;
};

static bool is_unix(const char *address)
{
    return strncmp(address, "unix:", 5) == 0;
}

/* A call that works without a key. */
static void print_example(const struct mock_command *command, const char *address)
{
    static const char path[] = "/api/v1/ticker/price";
    (void)printf("  Try: curl");
    if (command->write_certificate != NULL)
        (void)printf(" --cacert %s", command->write_certificate);
    else if (command->certificate_file != NULL)
        (void)printf(" --cacert %s", command->certificate_file);
    else if (command->tls)
        (void)printf(" --insecure"); /* nobody has the certificate */
    if (is_unix(address))
        (void)printf(" --unix-socket %s", address + 5);
    (void)printf(" %s://%s%s\n", command->tls ? "https" : "http", is_unix(address) ? "localhost" : address, path);
}

static void print_start(const struct mock_command *command, const struct credentials *credentials,
                        const struct addresses *addresses)
{
    bool is_silent = command->quiet || command->log_level < LOG_LEVEL_INFO;
    if (!is_silent)
        (void)printf("countersign mock: an exchange on this machine. It forgets its orders when it ends.\n");
    for (size_t i = 0; !is_silent && i < addresses->count; i++) {
        const char *scheme = command->tls ? "https://" : "http://";
        (void)printf("  It listens at %s%s.\n", is_unix(addresses->texts[i]) ? "" : scheme, addresses->texts[i]);
    }
    if (!is_silent || credentials->made_up) /* nobody else knows what was made up */
        print_credentials(credentials);
    if (!is_silent) {
        print_example(command, addresses->texts[0]);
        (void)printf("  Ctrl-C ends it.\n");
    }
    (void)fflush(stdout); /* where nobody reads it, nobody misses it */
}

/* Tells whoever started this program where it listens, one line each. */
static bool tell_ready(int fd, const struct addresses *addresses, struct error *error)
{
    struct buffer lines;
    if (fd < 0)
        return true;
    buffer_init(&lines, sizeof(addresses->texts) + MOCK_LISTEN_MAX);
    for (size_t i = 0; i < addresses->count; i++)
        (void)buffer_append_format(&lines, "%s\n", addresses->texts[i]); /* `failed` is looked at below */
    ssize_t written = lines.failed ? 0 : write(fd, lines.data, lines.length);
    int number = written < 0 ? errno : ENOMEM;
    bool done = !lines.failed && written == (ssize_t)lines.length;
    (void)close(fd); /* what was written to a pipe has arrived */
    buffer_free(&lines);
    return done || error_system(error, number, "could not write the address to --ready-fd %d", fd);
}

static void signal_arrived(struct loop_io *io, unsigned events)
{
    (void)events; /* it is watched for reading alone */
    loop_stop(io->context);
}

/* From here on SIGINT and SIGTERM are read from io->fd. */
static bool watch_signals(struct loop_io *io, struct loop *loop, struct error *error)
{
    sigset_t ending;
    (void)sigemptyset(&ending); /* these three cannot fail for valid signals */
    (void)sigaddset(&ending, SIGINT);
    (void)sigaddset(&ending, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &ending, NULL) != 0)
        return error_system(error, errno, "could not block SIGINT and SIGTERM");
    io->fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
    if (io->fd < 0)
        return error_system(error, errno, "could not open a signalfd");
    io->ready = signal_arrived;
    io->context = loop;
    return loop_io_watch(loop, io, LOOP_READ, error);
}

/* Listens at each address of the command. Those that are open stand in `fds`, the rest of them is -1. */
static bool listen_at_all(int *fds, struct addresses *addresses, const struct mock_command *command,
                          struct error *error)
{
    struct endpoint endpoint;
    for (size_t i = 0; i < command->listen_count; i++) {
        if (!endpoint_parse(&endpoint, command->listen[i], error) || !endpoint_listen(&fds[i], &endpoint, error))
            return false;
        (void)endpoint_format_local(addresses->texts[addresses->count++], fds[i]); /* gives the text back */
    }
    return true;
}

static bool open_mock(struct mock **mock, struct addresses *addresses, struct mock_options *options,
                      const struct mock_command *command, struct error *error)
{
    int fds[MOCK_LISTEN_MAX];
    for (size_t i = 0; i < MOCK_LISTEN_MAX; i++)
        fds[i] = -1;
    options->listen_fds = fds;
    options->listen_count = command->listen_count;
    bool listens = listen_at_all(fds, addresses, command, error);
    bool opened = listens && mock_open(mock, options, error);
    for (size_t i = 0; i < MOCK_LISTEN_MAX; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]); /* the mock did not take it over */
    }
    if (listens && !opened && command->certificate_file != NULL)
        return error_prefix(error, "with --certificate %s and --key %s", command->certificate_file, command->key_file);
    return opened;
}

/* Runs with everything at hand. */
static bool run_loop(const struct mock_command *command, const struct credentials *credentials,
                     struct mock_options *options, struct error *error)
{
    struct mock *mock = NULL;
    struct loop_io signals = { .fd = -1 };
    struct addresses addresses = { .count = 0 };
    bool done = false;
    if (!loop_create(&options->loop, error))
        return false;
    if (watch_signals(&signals, options->loop, error) && open_mock(&mock, &addresses, options, command, error)) {
        print_start(command, credentials, &addresses);
        done = tell_ready(command->ready_fd, &addresses, error) && loop_run(options->loop, error);
    }
    mock_close(mock);
    loop_io_remove(options->loop, &signals);
    if (signals.fd >= 0)
        (void)close(signals.fd); /* nothing was written */
    loop_free(options->loop);
    return done;
}

static bool run(const struct mock_command *command, struct error *error)
{
    struct buffer certificate, key;
    struct credentials credentials = { .made_up = false };
    buffer_init(&certificate, PEM_FILE_MAX);
    buffer_init(&key, PEM_FILE_MAX);
    bool done = get_credentials(&credentials, command, error) && get_certificate(&certificate, &key, command, error);
    if (done) {
        struct mock_options options = {
            .tls_certificate = command->tls ? buffer_text(&certificate) : NULL,
            .tls_key = command->tls ? buffer_text(&key) : NULL,
            .api_key = credentials.api_key,
            .api_secret = credentials.api_secret,
            .log_requests = !command->quiet,
            .rehearsal = &command->rehearsal,
        };
        done = run_loop(command, &credentials, &options, error);
    }
    explicit_bzero(&credentials, sizeof(credentials));
    buffer_free(&certificate);
    buffer_wipe(&key);
    return done;
}

int cli_mock(int argc, char **argv)
{
    struct mock_command command;
    struct error error = { .kind = ERROR_NONE };
    if (!mock_options_read(&command, argc, argv, &error))
        return cli_usage_error("mock", "%s", error.message);
    if (command.help) {
        (void)fputs(mock_help, stdout); /* where nobody reads it, nobody misses it */
        return 0;
    }
    log_configure(command.log_level, command.log_format);
    return run(&command, &error) ? 0 : cli_failure("mock", &error);
}
