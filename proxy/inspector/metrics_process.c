/* Metrics of the proxy process, under the names that all Prometheus clients give them. What cannot be read is left out. */
#include "inspector_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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
    unsigned long long whole = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    (void)inspector; /* as above */
    if (file == NULL)
        return;
    bool is_read = fscanf(file, "%llu %llu", &whole, &resident) == 2;
    (void)fclose(file); /* was only read */
    if (is_read)
        metric_sample(out, metric->name, NULL, 0, resident * (uint64_t)sysconf(_SC_PAGESIZE));
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
