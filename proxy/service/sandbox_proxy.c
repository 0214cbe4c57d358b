/* The proxy process's sandbox: which files and ports are left, by the configuration; sandbox_calls.c has the system calls.
 * The main thread, before all others. */
#include "sandbox_proxy.h"

#include "sandbox_calls.h"

#include "countersign/compiler.h"
#include "countersign/slice.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HTTPS_PORT = 443, HTTP_PORT = 80, DNS_PORT = 53 };

/* What name services, OpenSSL and the C library read at any time: names, authorities, zones, plug-ins. No home folders, and
 * not /proc but what is this process's own: other processes' environments hold secrets. */
static const struct sandbox_path system_paths[] = {
    { "/etc", SANDBOX_READ },
    { "/usr", SANDBOX_READ },
    { "/lib", SANDBOX_READ },
    { "/lib32", SANDBOX_READ },
    { "/lib64", SANDBOX_READ },
    { "/nix/store", SANDBOX_READ }, /* where these systems keep what others have in /usr */
    { "/gnu/store", SANDBOX_READ },
    { "/run/systemd/resolve", SANDBOX_READ }, /* where /etc/resolv.conf may lead; likewise the next three */
    { "/run/resolvconf", SANDBOX_READ },
    { "/run/NetworkManager", SANDBOX_READ },
    { "/run/connman", SANDBOX_READ },
    { "/var/lib/sss/mc", SANDBOX_READ }, /* a name service's cache */
    { "/proc/self", SANDBOX_READ },
    { "/proc/sys", SANDBOX_READ },
    { "/sys/devices/system/cpu", SANDBOX_READ },
    { "/dev/null", SANDBOX_USE },
    { "/dev/random", SANDBOX_READ },
    { "/dev/urandom", SANDBOX_READ },
#ifdef COUNTERSIGN_SANITIZED
    { "/", SANDBOX_READ }, /* a sanitizer's report names source lines */
#endif
};

struct reach {
    struct sandbox_path *paths;
    char **owned; /* the folders of the upstreams' authorities; NULL where there is none */
    uint16_t *ports;
    size_t path_count, port_count;
};

static void reach_free(struct reach *reach, size_t upstreams)
{
    for (size_t i = 0; reach->owned != NULL && i < upstreams; i++)
        free(reach->owned[i]);
    free(reach->owned);
    free(reach->paths);
    free(reach->ports);
}

static bool reach_allocate(struct reach *reach, size_t upstreams)
{
    reach->paths = calloc(ARRAY_LENGTH(system_paths) + upstreams + 1, sizeof(*reach->paths));
    reach->owned = calloc(upstreams + 1, sizeof(*reach->owned));
    reach->ports = calloc(2 * upstreams + 1, sizeof(*reach->ports));
    return reach->paths != NULL && reach->owned != NULL && reach->ports != NULL;
}

/* The port behind "scheme://host:port", which was checked before; the scheme's own where none is given. */
static uint16_t port_of(const char *url)
{
    const char *host = strstr(url, "://"), *colon = strrchr(url, ':'), *bracket = strrchr(url, ']');
    bool has_port = host != NULL && colon > host && (bracket == NULL || colon > bracket);
    if (has_port)
        return (uint16_t)strtoul(colon + 1, NULL, 10);
    return slice_starts_with(slice_text(url), "https:") ? HTTPS_PORT : HTTP_PORT;
}

/* The folder of a file of authorities, which may be replaced by a newer one while this runs. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash == path ? strdup(path) : strndup(path, (size_t)(slash - path));
}

static void add_upstream(struct reach *reach, const struct config_upstream *upstream, size_t index)
{
    reach->ports[reach->port_count++] = port_of(upstream->proxy[0] != '\0' ? upstream->proxy : upstream->url);
    if (upstream->ca_file[0] == '\0')
        return;
    reach->owned[index] = folder_of(upstream->ca_file);
    if (reach->owned[index] != NULL) /* else it is read at start and when a connection needs it: that one says so */
        reach->paths[reach->path_count++] = (struct sandbox_path){ reach->owned[index], SANDBOX_READ_FILES };
}

static bool reach_make(struct reach *reach, const struct config *config)
{
    *reach = (struct reach){ .paths = NULL };
    if (!reach_allocate(reach, config->upstream_count))
        return false;
    memcpy(reach->paths, system_paths, sizeof(system_paths));
    reach->path_count = ARRAY_LENGTH(system_paths);
    reach->paths[reach->path_count++] = (struct sandbox_path){ config->proxy.state_dir, SANDBOX_KEEP };
    reach->ports[reach->port_count++] = DNS_PORT; /* answers that are too long for a datagram */
    for (size_t i = 0; i < config->upstream_count; i++)
        add_upstream(reach, &config->upstreams[i], i);
    return true;
}

/* --- secrets that lie within reach all the same --- */

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (folder[length - 1] == '/' || path[length] == '/');
}

static void warn_of(const struct sandbox *sandbox, const struct reach *reach, const char *source)
{
    char path[PATH_MAX], folder[PATH_MAX];
    if (!slice_starts_with(slice_text(source), "file:") || realpath(source + strlen("file:"), path) == NULL)
        return;
    for (size_t i = 0; i < reach->path_count; i++) {
        if (realpath(reach->paths[i].path, folder) == NULL || !is_below(path, folder))
            continue;
        char text[2 * PATH_MAX + 64];
        (void)snprintf(text, sizeof(text), "it may read %s and so the secret's file %s", folder, path); /* fits */
        sandbox_warn(sandbox, text, 0, "keep that file in a folder that holds nothing else the proxy needs");
        return;
    }
}

static void warn_of_secrets_in_reach(const struct sandbox *sandbox, const struct reach *reach,
                                     const struct config *config)
{
#ifdef COUNTERSIGN_SANITIZED
    if (true) /* all is in reach there */
        return;
#endif
    for (size_t i = 0; i < config->account_count; i++)
        warn_of(sandbox, reach, config->accounts[i].api_secret);
}

/* --- the steps --- */

static void limit(struct sandbox *sandbox, const struct config *config)
{
    struct reach made;
    if (reach_make(&made, config)) {
        const struct sandbox_reach reach = { .paths = made.paths,
                                             .path_count = made.path_count,
                                             .ports = made.ports,
                                             .port_count = made.port_count,
                                             .own_signals_only = true };
        warn_of_secrets_in_reach(sandbox, &made, config);
        sandbox_limit_reach(sandbox, &reach);
    } else {
        sandbox_warn(sandbox, "its files and ports are not limited", ENOMEM, "give this machine more memory");
    }
    reach_free(&made, config->upstream_count);
    sandbox_limit_calls(sandbox, sandbox_proxy_calls());
}

void sandbox_proxy_enter(const struct config *config)
{
    struct sandbox sandbox;
    sandbox_begin(&sandbox, "proxy");
    tzset(); /* the time zone is read once */
    /* SQLite's passing files, in the one folder that can be written. It works in memory where this fails. */
    (void)setenv("SQLITE_TMPDIR", config->proxy.state_dir, 1);
    if (config->proxy.sandbox != 0)
        limit(&sandbox, config);
    else
        sandbox_warn(&sandbox, "sandbox = off in the configuration", 0, "take that out once it runs with sandbox = on");
    sandbox_report(&sandbox, "reads the system's folders, writes the state folder alone");
}
