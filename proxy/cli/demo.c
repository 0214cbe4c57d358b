/* `serve --demo`: a mock exchange over TLS as a child process, a made-up key, and what to paste. */
#include "serve.h"

#include "countersign/mock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEM_MAX = 16384, READY_FD = 3 };

static bool set_made_up(const char *variable, struct error *error)
{
    char text[CLI_MADE_UP_KEY_SIZE];
    if (!cli_made_up_key(text, error))
        return false;
    if (setenv(variable, text, 1) != 0)
        return error_system(error, errno, "cannot set %s", variable);
    return true;
}

static bool write_file(const char *path, struct slice content, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_system(error, errno, "cannot write %s", path);
    ssize_t written = write(fd, content.data, content.length);
    int number = written < 0 ? errno : EIO;
    if (close(fd) != 0 || written != (ssize_t)content.length)
        return error_system(error, number, "cannot write %s", path);
    return true;
}

static bool make_folder(char *path, struct error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700);
        *slash = '/';
        if (made != 0 && errno != EEXIST)
            return error_system(error, errno, "cannot make the folder %s", path);
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_system(error, errno, "cannot make the folder %s", path);
    return true;
}

/* The demo's record is apart from a real one: STATE_HOME/countersign/demo, unless --state-dir says otherwise. */
static bool choose_state_dir(struct demo *demo, const struct cli_config_options *options, struct error *error)
{
    const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
    int length = -1;
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].key, "proxy.state_dir") == 0)
            length = snprintf(demo->state_dir, sizeof(demo->state_dir), "%s", options->settings[i].value);
    }
    if (length < 0 && state != NULL && state[0] == '/')
        length = snprintf(demo->state_dir, sizeof(demo->state_dir), "%s/countersign/demo", state);
    else if (length < 0)
        length = snprintf(demo->state_dir, sizeof(demo->state_dir), "%s/.local/state/countersign/demo",
                          home != NULL && home[0] == '/' ? home : "/tmp");
    if (length <= 0 || (size_t)length >= sizeof(demo->state_dir))
        return error_set(error, ERROR_USAGE, "the state folder's path is empty or too long");
    return make_folder(demo->state_dir, error);
}

/* The certificate is made anew each time; its key never leaves the demo's folder (0700). */
static bool make_certificate(struct demo *demo, char *key_file, size_t key_file_size, struct error *error)
{
    struct buffer certificate, key;
    buffer_init(&certificate, PEM_MAX);
    buffer_init(&key, PEM_MAX);
    (void)snprintf(demo->ca_file, sizeof(demo->ca_file), "%s/mock.pem", demo->state_dir); /* sized for it */
    (void)snprintf(key_file, key_file_size, "%s/mock.key", demo->state_dir);              /* likewise */
    bool made = mock_certificate(&certificate, &key, error) &&
                write_file(demo->ca_file, buffer_slice(&certificate), error) &&
                write_file(key_file, buffer_slice(&key), error);
    buffer_free(&certificate);
    buffer_wipe(&key);
    return made;
}

static _Noreturn void become_mock(const struct demo *demo, const char *key_file, int ready_fd)
{
    char fd_text[] = "3";
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* without it the mock outlives a killed demo, which is a nuisance only */
    (void)setpgid(0, 0);                    /* Ctrl-C is for the proxy; the mock ends after it */
    bool kept = ready_fd == READY_FD ? fcntl(READY_FD, F_SETFD, 0) == 0 : dup2(ready_fd, READY_FD) >= 0;
    if (!kept)
        _exit(3);
    execl("/proc/self/exe", "countersign", "mock", "--listen", "127.0.0.1:0", "--tls", "--log-level", "warning",
          "--certificate", demo->ca_file, "--key", key_file, "--ready-fd", fd_text, (char *)NULL);
    _exit(3);
}

/* The mock writes its address as one line once it listens. */
static bool read_address(struct demo *demo, int fd, struct error *error)
{
    char address[128] = "";
    size_t length = 0;
    ssize_t got;
    while (length < sizeof(address) - 1 && (got = read(fd, address + length, sizeof(address) - 1 - length)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        length += (size_t)got;
    }
    address[length] = '\0';
    address[strcspn(address, "\n")] = '\0';
    if (address[0] == '\0')
        return error_set(error, ERROR_SYSTEM, "the mock exchange did not start; try `countersign mock` to see why");
    (void)snprintf(demo->url, sizeof(demo->url), "https://%s", address); /* sized for it */
    return true;
}

/* This process becomes the signer, which gives kill(2) up: what it may still signal, it has a descriptor of. */
static bool watch_mock(struct demo *demo, struct error *error)
{
    demo->mock_process = pidfd_open(demo->mock, 0);
    if (demo->mock_process >= 0)
        return true;
    int number = errno;
    (void)kill(demo->mock, SIGTERM); /* not waited for yet: the number is still its own */
    return error_system(error, number, "cannot watch the mock exchange (pidfd_open)");
}

static bool start_mock(struct demo *demo, const char *key_file, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_system(error, errno, "cannot open a pipe to the mock exchange");
    demo->mock = fork();
    if (demo->mock == 0)
        become_mock(demo, key_file, ends[1]);
    int number = errno;
    (void)close(ends[1]); /* the mock's end */
    bool started = demo->mock > 0 ? watch_mock(demo, error) && read_address(demo, ends[0], error)
                                  : error_system(error, number, "cannot start the mock exchange");
    (void)close(ends[0]); /* read to its end */
    return started;
}

static bool add_setting(struct cli_config_options *options, const char *key, const char *value, struct error *error)
{
    if (options->setting_count == CLI_SETTINGS_MAX)
        return error_set(error, ERROR_USAGE, "too many settings on the command line for the demo to add its own");
    options->settings[options->setting_count++] = (struct config_setting){ key, value, "--demo" };
    return true;
}

bool demo_start(struct demo *demo, struct cli_config_options *options, struct error *error)
{
    char key_file[600];
    if (options->file != NULL)
        return error_set(error, ERROR_USAGE, "the demo has its own configuration: give either --demo or a file");
    options->file = DEMO_CONFIG_FILE;
    if (!choose_state_dir(demo, options, error) || !make_certificate(demo, key_file, sizeof(key_file), error) ||
        !set_made_up("COINSTORE_API_KEY", error) || !set_made_up("COINSTORE_API_SECRET", error) ||
        !start_mock(demo, key_file, error))
        return false;
    /* flags override variables: no COUNTERSIGN_ACCOUNT_* of the user's plays a part either */
    return add_setting(options, "account.api_key", "env:COINSTORE_API_KEY", error) &&
           add_setting(options, "account.api_secret", "env:COINSTORE_API_SECRET", error) &&
           add_setting(options, "proxy.state_dir", demo->state_dir, error) &&
           add_setting(options, "upstream.url", demo->url, error) &&
           add_setting(options, "upstream.ca_file", demo->ca_file, error);
}

void demo_stop(const struct demo *demo)
{
    if (demo->mock <= 0)
        return;
    (void)pidfd_send_signal(demo->mock_process, SIGTERM, NULL, 0); /* it may have ended already; as the next */
    (void)waitpid(demo->mock, NULL, 0);
    (void)close(demo->mock_process); /* nothing was written */
}

/* This program's path as a person would type it: relative where it lies below the working folder. */
static const char *own_path(char *path, size_t size)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0)
        return "countersign";
    path[length] = '\0';
    size_t prefix = getcwd(folder, sizeof(folder)) == NULL ? 0 : strlen(folder);
    if (prefix > 1 && strncmp(path, folder, prefix) == 0 && path[prefix] == '/') {
        path[prefix - 1] = '.';
        return path + prefix - 1;
    }
    return path;
}

void demo_print(const char *address, const char *state_dir)
{
    char path[PATH_MAX];
    const char *program = own_path(path, sizeof(path));
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    const char *option = is_unix ? "--unix-socket '" : "", *socket_path = is_unix ? address + 5 : "";
    const char *host = is_unix ? "localhost" : address;
    (void)printf("\n" /* a demo whose screen cannot be written has nobody in front of it */
                 "countersign demo: a mock exchange on this machine, and the proxy in front of it with a made-up key.\n"
                 "Nothing leaves this machine.\n\n"
                 "The proxy listens at %s%s. Ask it for a balance (no key, no signature):\n\n"
                 "  curl -s -X POST %s%s%s'http://%s/api/spot/accountList'\n\n"
                 "See what was signed, sent and answered:\n\n"
                 "  %s log --state-dir '%s'\n"
                 "  %s log show last --state-dir '%s'\n\n"
                 "Ctrl-C ends it.\n\n",
                 is_unix ? "" : "http://", address, option, socket_path, is_unix ? "' " : "", host, program, state_dir,
                 program, state_dir);
    (void)fflush(stdout); /* likewise */
}
