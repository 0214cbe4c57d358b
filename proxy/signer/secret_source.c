/* The sources of secrets, one row each: environment, files, systemd's credentials, commands. Signer process. */
#include "secret_parts.h"

#include "command_runner.h"
#include "secret_given.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static bool read_to_end(struct secret *secret, int fd, const char *name, struct error *error)
{
    size_t length = 0;
    while (length < SECRET_MEMORY) {
        ssize_t got = read(fd, secret->bytes + length, SECRET_MEMORY - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_system(error, errno, "cannot read %.300s", name);
        if (got == 0) {
            secret->length = length;
            return true;
        }
        length += (size_t)got;
    }
    return error_set(error, ERROR_CONFIG, "%.300s holds more than %d bytes: this is no key or secret", name,
                     SECRET_MAX);
}

/* Editors and commands end their last line; that newline is not part of the secret. */
static void drop_last_newline(struct secret *secret)
{
    if (secret->length > 0 && secret->bytes[secret->length - 1] == '\n')
        secret->length--;
}

static bool is_variable_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '=') == NULL;
}

static bool read_variable(struct secret *secret, const char *name, struct error *error)
{
    if (!is_variable_name(name))
        return error_set(error, ERROR_CONFIG, "no variable is named: write env:NAME");
    const char *value = getenv(name);
    const struct secret *given = secret_given_find(name);
    if (given != NULL) {
        memcpy(secret->bytes, given->bytes, given->length);
        secret->length = given->length;
        return true;
    }
    if (value == NULL)
        return error_set(error, ERROR_CONFIG,
                         "the environment variable %.100s is not set: export it, or name another "
                         "source (file:PATH, credential:NAME, command:LINE)",
                         name);
    size_t length = strnlen(value, SECRET_MAX + 1);
    if (length > SECRET_MAX)
        return error_set(error, ERROR_CONFIG, "it is longer than %d bytes: this is no key or secret", SECRET_MAX);
    memcpy(secret->bytes, value, length);
    secret->length = length;
    return true;
}

/* Opens without waiting for a writer, should the path name a pipe: only regular files are read. */
static bool open_regular_file(int *fd, struct stat *status, const char *path, struct error *error)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0)
        return error_set(error, ERROR_CONFIG, "cannot open %.300s: %s", path, strerror(errno));
    if (fstat(opened, status) != 0) {
        int number = errno;
        (void)close(opened); /* was only read */
        return error_system(error, number, "cannot look at %.300s", path);
    }
    if (!S_ISREG(status->st_mode)) {
        (void)close(opened);
        return error_set(error, ERROR_CONFIG, "%.300s is not a regular file: put the secret into one", path);
    }
    *fd = opened;
    return true;
}

static bool read_opened_file(struct secret *secret, int fd, const char *path, struct error *error)
{
    bool done = read_to_end(secret, fd, path, error);
    (void)close(fd); /* was only read */
    if (done)
        drop_last_newline(secret);
    return done;
}

static bool read_file(struct secret *secret, const char *path, struct error *error)
{
    struct stat status = { .st_mode = 0 };
    int fd = -1;
    if (path[0] == '\0')
        return error_set(error, ERROR_CONFIG, "no file is named: write file:PATH");
    if (!open_regular_file(&fd, &status, path, error))
        return false;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        (void)close(fd);
        return error_set(error, ERROR_CONFIG, "others than its owner may use it (mode %04o): chmod 600 %.300s",
                         status.st_mode & 07777U, path);
    }
    return read_opened_file(secret, fd, path, error);
}

/* systemd.exec(5), "Credentials". Their mode is not checked: the folder belongs to the service manager, which gives an
 * unprivileged service its right by an access list that shows as a right of the group. */
static bool read_credential(struct secret *secret, const char *name, struct error *error)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(error, ERROR_CONFIG,
                         "this is not a credential's name: write credential:NAME, as in the "
                         "unit's LoadCredential=NAME:PATH");
    if (folder == NULL)
        return error_set(error, ERROR_CONFIG,
                         "CREDENTIALS_DIRECTORY is not set: give the unit a LoadCredential=%.100s:"
                         "PATH, or name another source when systemd does not start this",
                         name);
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return error_set(error, ERROR_CONFIG, "the credential's path is longer than %d bytes", PATH_MAX);
    struct stat status;
    int fd = -1;
    return open_regular_file(&fd, &status, path, error) && read_opened_file(secret, fd, path, error);
}

static bool read_command(struct secret *secret, const char *line, struct error *error)
{
    if (line[0] == '\0')
        return error_set(error, ERROR_CONFIG, "no command is named: write command:LINE");
    bool done = command_runner_is_there() ? command_runner_read(secret, line, error)
                                          : secret_read_command(secret, line, SECRET_COMMAND_TIMEOUT_US, error);
    if (done)
        drop_last_newline(secret);
    return done;
}

static const struct source {
    const char *prefix;
    bool (*read)(struct secret *secret, const char *rest, struct error *error);
} sources[] = {
    { "env:", read_variable },
    { "file:", read_file },
    { "credential:", read_credential },
    { "command:", read_command },
};

static const struct source *find_source(const char *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++) {
        if (slice_starts_with(slice_text(text), sources[i].prefix))
            return &sources[i];
    }
    return NULL;
}

bool secret_source_is_known(const char *source)
{
    return find_source(source) != NULL;
}

bool secret_source_read(struct secret *secret, const char *source, struct error *error)
{
    const struct source *found = find_source(source);
    if (found == NULL)
        return error_set(error, ERROR_CONFIG,
                         "no source is named: write env:NAME, file:PATH, credential:NAME or "
                         "command:LINE, never the secret itself");
    return found->read(secret, source + strlen(found->prefix), error);
}

/* Overwrites the value where it stands in the environment's own memory: /proc/PID/environ shows that memory. */
static void wipe_variable(const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            OPENSSL_cleanse(*entry + length + 1, strlen(*entry + length + 1));
    }
}

bool secret_source_is_variable(const char *source)
{
    return slice_starts_with(slice_text(source), "env:");
}

void secret_source_forget(const char *source)
{
    const char *name = source + strlen("env:");
    if (!secret_source_is_variable(source) || !is_variable_name(name))
        return;
    secret_given_end(name);
    wipe_variable(name);
    (void)unsetenv(name); /* fails for names that are none only, which was ruled out */
}
