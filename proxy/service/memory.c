/* The most memory that a configuration can come to take: one row for each thing that is held, how many of it at most, and how
 * large each is at most. Pure; any thread. */
#include "countersign/exchange.h"
#include "countersign/front.h"
#include "countersign/service.h"
#include "countersign/upstream.h"

#define MIB (UINT64_C(1024) * 1024)

enum {
    RECORDER_MIB = 80,     /* SQLite's page cache (32 MiB), the exchange that is being written, what it compares with */
    WORKER_MIB = 24,       /* an answer that is unpacked to be looked into, the trusted certificates, the loop */
    PROGRAM_MIB = 24,      /* the program and its libraries, their data, the signer's link */
    ALLOCATOR_PERCENT = 25 /* of what is allocated: what lies unused between */
};

static uint64_t upstream_connections(const struct config *config)
{
    uint64_t count = 0;
    for (size_t i = 0; i < config->upstream_count; i++)
        count += (uint64_t)config->upstreams[i].connections;
    return count;
}

void service_memory_bound(struct service_memory *memory, const struct config *config)
{
    const struct config_proxy *proxy = &config->proxy;
    uint64_t workers = (uint64_t)proxy->workers;
    uint64_t connections = upstream_connections(config);
    size_t header_max = (size_t)proxy->header_max;
    const struct service_memory_row rows[SERVICE_MEMORY_ROWS] = {
        { "connections of clients", workers * (uint64_t)proxy->connections_max, front_connection_bytes(header_max) },
        { "requests under way", workers * (uint64_t)proxy->in_flight_max,
          exchange_bytes(header_max) + upstream_call_bytes(header_max) },
        { "connections to the exchange", workers * connections,
          UPSTREAM_CONNECTION_BYTES + upstream_call_bytes(header_max) },
        { "larger bodies and answers", workers, (uint64_t)proxy->buffer_max },
        { "workers", workers, WORKER_MIB * MIB },
        { "the recorder", 1, RECORDER_MIB * MIB + 4 * (uint64_t)(proxy->body_max + proxy->response_max) },
        { "the program", 1, PROGRAM_MIB * MIB },
    };
    *memory = (struct service_memory){ .ring = workers * (uint64_t)config->capture.ring_size };
    for (size_t i = 0; i < SERVICE_MEMORY_ROWS; i++) {
        memory->rows[i] = rows[i];
        memory->own += rows[i].count * rows[i].bytes;
    }
    memory->own += memory->own / 100 * ALLOCATOR_PERCENT;
}
