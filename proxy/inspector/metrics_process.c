/* Metrics of the proxy process, under the names that all Prometheus clients give them. What cannot be read is left out. */
#include "inspector_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { STATM_SIZE = 256 }; /* bytes: seven numbers */

void write_start(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    metric_seconds(out, metric->name, NULL, 0, inspector->started_us);
}

void write_processor(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    struct timespec used;
    (void)inspector; /* it is the process's, here and below */
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        metric_seconds(out, metric->name, NULL, 0, (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000);
}

/* The second number of proc(5)'s statm: pages. */
void write_resident(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    char text[STATM_SIZE];
    uint64_t pages;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text));
    struct slice rest = slice_of(text, length > 0 ? (size_t)length : 0), part;
    (void)inspector; /* as above */
    if (fd >= 0)
        (void)close(fd); /* was only read */
    if (slice_next_part(&rest, ' ', &part) && rest.data != NULL && slice_next_part(&rest, ' ', &part) &&
        slice_to_u64(part, &pages))
        metric_sample(out, metric->name, NULL, 0, pages * (uint64_t)sysconf(_SC_PAGESIZE));
}

void write_descriptors(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    uint64_t count = 0;
    (void)inspector; /* as above */
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);                                               /* was only read */
    metric_sample(out, metric->name, NULL, 0, count > 0 ? count - 1 : 0); /* without the folder's own */
}

void write_descriptors_max(struct buffer *out, const struct metric *metric, const struct inspector *inspector)
{
    struct rlimit limit;
    (void)inspector; /* as above */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_sample(out, metric->name, NULL, 0, limit.rlim_cur);
}
