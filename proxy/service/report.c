/* What the log says of a start: how the last run ended, and everything that is ready. */
#include "report.h"

#include "callers.h"
#include "report_rules.h"

#include "countersign/exchange.h"
#include "countersign/log.h"
#include "countersign/policy.h"
#include "countersign/secret.h"
#include "countersign/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ADDRESS_URL_MAX = ENDPOINT_TEXT_MAX + 8 /* bytes */ };

void report_recovery(const struct capture_recovery *recovery)
{
    if (recovery->dropped > 0)
        log_warning("the last run let %" PRIu64 " requests go unrecorded before it ended", recovery->dropped);
    if (recovery->frames == 0 && recovery->torn == 0 && recovery->exchanges_unknown == 0)
        return;
    log_warning("the last run did not end in order: %" PRIu64 " frames were carried over into the record, %" PRIu64
                " exchanges were in flight and have outcome unknown, %" PRIu64
                " torn stretches of frames were left out",
                recovery->frames, recovery->exchanges_unknown, recovery->torn);
}

static void mask_api_key(char *masked, const struct report_subject *of, size_t account)
{
    struct signer_client_api_key api_key;
    signer_client_api_key(&api_key, of->signer, account);
    secret_mask(masked, signer_client_api_key_slice(&api_key));
}

static void report_listener(const struct report_subject *of, size_t index)
{
    const struct config_listener *listener = &of->config->listeners[index];
    const char *account = signer_client_account_name(of->signer, listener->account);
    char api_key[SIGNER_WIRE_API_KEY_MAX + 1] = "";
    enum exchange_mode mode = (enum exchange_mode)listener->mode;
    const char *address = of->addresses[index];
    char url[ADDRESS_URL_MAX];
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    (void)snprintf(url, sizeof(url), "%s%s", is_unix ? "" : "http://", address); /* sized for it */
    mask_api_key(api_key, of, listener->account);
    const struct log_value values[] = {
        { "event", "listening", 0 },
        { "listener", listener->name, 0 },
        { "address", address, 0 },
        { "url", url, 0 },
        { "upstream", of->config->upstreams[listener->upstream].url, 0 },
        { "account", account, 0 },
        { "api_key", api_key, 0 },
        { "mode", exchange_mode_name(mode), 0 },
        { "policy", policy_name((enum policy)listener->policy), 0 },
        { NULL, NULL, 0 },
    };
    log_line_values(LOG_LEVEL_INFO, values, "listener %s: %s -> %s, account %s (key %s), mode %s: %s; policy %s: %s",
                    listener->name, url, of->config->upstreams[listener->upstream].url, account, api_key,
                    exchange_mode_name(mode), exchange_mode_summary(mode), policy_name((enum policy)listener->policy),
                    policy_summary((enum policy)listener->policy));
}

/* Who reads the log must see that an order may be refused for more than its policy. */
static void report_limits(const struct config_listener *listener)
{
    const struct {
        const char *name;
        const char *text;
    } limits[] = { { "max_notional", listener->max_notional },
                   { "symbols", listener->symbols },
                   { "sides", listener->sides } };
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        const struct log_value values[] = { { "event", "order-limit", 0 },
                                            { "listener", listener->name, 0 },
                                            { "key", limits[i].name, 0 },
                                            { "value", limits[i].text, 0 },
                                            { NULL, NULL, 0 } };
        if (limits[i].text[0] != '\0')
            log_line_values(LOG_LEVEL_INFO, values, "listener %s: orders are limited: %s = %s", listener->name,
                            limits[i].name, limits[i].text);
    }
}

/* Where less than this is at hand, the machine would have to swap or end a process, in the worst case. */
static void report_bounds(const struct config *config)
{
    enum { BYTES_PER_MIB = 1024 * 1024 };
    struct service_memory memory;
    service_memory_bound(&memory, config);
    const struct log_value values[] = { { "event", "bounds", 0 },
                                        { "memory", NULL, (int64_t)memory.own },
                                        { "rings", NULL, (int64_t)memory.ring },
                                        { "descriptors", NULL, (int64_t)service_descriptors_needed(config) },
                                        { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_INFO, values,
                    "bounds: at most %" PRIu64 " MiB of memory, %" PRIu64 " MiB of mapped ring beside it; "
                    "`countersign config check` says what for",
                    memory.own / BYTES_PER_MIB, memory.ring / BYTES_PER_MIB);
}

void report_ready(const struct report_subject *of)
{
    const struct log_value values[] = {
        { "event", "ready", 0 },
        { "version", COUNTERSIGN_VERSION, 0 },
        { "record", of->store_path, 0 },
        { "workers", NULL, of->config->proxy.workers },
        { NULL, NULL, 0 },
    };
    for (size_t i = 0; i < of->config->listener_count; i++) {
        report_listener(of, i);
        report_rules(&of->config->listeners[i]);
        report_limits(&of->config->listeners[i]);
    }
    callers_report(of->config);
    report_bounds(of->config);
    trading_watch_report(of->trading);
    log_line_values(LOG_LEVEL_INFO, values, "countersign " COUNTERSIGN_VERSION " is ready; recording to %s",
                    of->store_path);
}
