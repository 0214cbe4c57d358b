/* Descriptors: how many this configuration can come to use, and that the process may have them. A flood of clients must not
 * take those that the record and the connections to the exchange need. Before the workers' threads, and on them. */
#include "descriptors.h"

#include "countersign/front.h"
#include "countersign/log.h"
#include "countersign/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    OWN_DESCRIPTORS = 64, /* standard streams, the store with its files, the ring, the signer's link, watches */
    OWN_PER_WORKER = 32,  /* event loops, the peer look-up, name resolution under way */
    OWN_PER_LISTENER = 4  /* on each worker: the listening socket, its spare, libmicrohttpd's own */
};

static uint64_t own(const struct config *config)
{
    uint64_t upstream = 0;
    for (size_t i = 0; i < config->upstream_count; i++)
        upstream += (uint64_t)config->upstreams[i].connections;
    return OWN_DESCRIPTORS +
           (uint64_t)config->proxy.workers * (OWN_PER_WORKER + OWN_PER_LISTENER * config->listener_count + upstream);
}

uint64_t service_descriptors_needed(const struct config *config)
{
    const struct config_proxy *proxy = &config->proxy;
    return own(config) + (uint64_t)proxy->workers *
                             ((uint64_t)proxy->connections_max + FRONT_TURNED_AWAY_MAX * config->listener_count);
}

static void warn_of_shortage(uint64_t needed, uint64_t granted)
{
    const struct log_value values[] = { { "event", "descriptors", 0 },
                                        { "needed", NULL, (int64_t)needed },
                                        { "limit", NULL, (int64_t)granted },
                                        { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_WARNING, values,
                    "this configuration can come to use %" PRIu64
                    " descriptors, and the system allows this process %" PRIu64
                    " (RLIMIT_NOFILE): clients beyond that get 503. Raise the limit (LimitNOFILE of the systemd unit, "
                    "`ulimit -Hn`), or lower proxy.connections_max",
                    needed, granted);
}

/* How many of those needed there may be from now on. */
static uint64_t raise_limit(uint64_t needed)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return needed; /* it cannot fail; enough is enough */
    uint64_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        log_warning(
            "the limit of open descriptors could not be raised (RLIMIT_NOFILE, error %d): clients beyond it get 503",
            errno);
        return before;
    }
    if (limit.rlim_cur < needed)
        warn_of_shortage(needed, limit.rlim_cur);
    return limit.rlim_cur;
}

/* The kernel's table of descriptors grows by doubling, and where threads share it whoever opens the one too many sleeps for an RCU
 * grace period: 16 ms were seen, in the middle of a burst of orders. A descriptor as high as any makes it grow now. */
static void grow_table(uint64_t count)
{
    int low = eventfd(0, EFD_CLOEXEC);
    int high = low >= 0 && count <= INT_MAX ? fcntl(low, F_DUPFD_CLOEXEC, (int)count - 1) : -1;
    if (high < 0)
        log_debug("the table of descriptors is not made large ahead: it grows while requests are under way");
    else
        (void)close(high); /* it refers to nothing that is kept */
    if (low >= 0)
        (void)close(low); /* as well */
}

void descriptors_prepare(const struct config *config)
{
    grow_table(raise_limit(service_descriptors_needed(config)));
}

/* Where the limit is so low that the proxy's own would leave clients nothing, they get half. */
int descriptors_end_for_clients(const struct config *config)
{
    struct rlimit limit;
    uint64_t kept = own(config);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return 0; /* no bound that an int could reach */
    uint64_t end = limit.rlim_cur > 2 * kept ? limit.rlim_cur - kept : limit.rlim_cur / 2;
    return (int)end;
}
