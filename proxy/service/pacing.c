/* How fast requests leave. The exchange counts by user and by IP address, at each of its hosts: a limit for each account at each
 * host, and one for each address from which a host is reached. Put together by the main thread; constant then, but for the
 * rates. */
#include "pacing.h"

#include "pacing_file.h"

#include "countersign/clock.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct pacing {
    const struct config *config; /* the start's: accounts and upstreams */
    size_t *hosts;               /* of each upstream, the number of the host that it reaches, */
    size_t *addresses;           /* and of the address that it does so from */
    size_t host_count;
    size_t address_count;
    struct pacing_name *names; /* of the limits, for the file */
    struct pace_memory **memories;
    struct turn_lane *lanes;
    struct pace_rate *rates;
    struct pacing_file file;
    struct turns *turns;
};

/* Limits: accounts at the first host, at the second, ...; then addresses. Lanes: at each address those of the accounts, and
 * behind them the one of what is unsigned. */
static size_t account_limit(const struct pacing *pacing, size_t host, size_t account)
{
    return host * pacing->config->account_count + account;
}

static size_t address_limit(const struct pacing *pacing, size_t address)
{
    return pacing->host_count * pacing->config->account_count + address;
}

static size_t lane_at(const struct pacing *pacing, size_t address, size_t account)
{
    return address * (pacing->config->account_count + 1) + account;
}

static size_t limit_count(const struct pacing *pacing)
{
    return address_limit(pacing, pacing->address_count);
}

/* --- what belongs together --- */

/* Gives each upstream the number of the first that it is the same as, in the sense of `is_same`; returns how many there are. */
static size_t number(size_t *numbers, const struct config *config,
                     bool (*is_same)(const struct config_upstream *one, const struct config_upstream *other))
{
    size_t count = 0;
    for (size_t i = 0; i < config->upstream_count; i++) {
        numbers[i] = count;
        for (size_t earlier = 0; earlier < i && numbers[i] == count; earlier++) {
            if (is_same(&config->upstreams[earlier], &config->upstreams[i]))
                numbers[i] = numbers[earlier];
        }
        count += numbers[i] == count;
    }
    return count;
}

/* Names are what one life of the proxy finds the other's limits by. */
static void name_limits(struct pacing *pacing)
{
    const struct config *config = pacing->config;
    for (size_t u = config->upstream_count; u-- > 0;) { /* the first of those that share one names it */
        const struct config_upstream *upstream = &config->upstreams[u];
        bool by_proxy = upstream->proxy[0] != '\0';
        for (size_t a = 0; a < config->account_count; a++)
            (void)snprintf(pacing->names[account_limit(pacing, pacing->hosts[u], a)].text, PACING_NAME_MAX,
                           "account %s at %s", config->accounts[a].name, upstream->url); /* cut, it names less */
        (void)snprintf(pacing->names[address_limit(pacing, pacing->addresses[u])].text, PACING_NAME_MAX, "at %s %s %s",
                       upstream->url, by_proxy ? "by" : "from",
                       by_proxy ? upstream->proxy : upstream->bind_address); /* as above */
    }
}

static void join_lanes(struct pacing *pacing)
{
    const struct config *config = pacing->config;
    for (size_t u = 0; u < config->upstream_count; u++) {
        for (size_t a = 0; a <= config->account_count; a++) {
            size_t account = a == config->account_count ? TURNS_NO_LIMIT : account_limit(pacing, pacing->hosts[u], a);
            pacing->lanes[lane_at(pacing, pacing->addresses[u], a)] =
                (struct turn_lane){ { account, address_limit(pacing, pacing->addresses[u]) } };
        }
    }
}

/* --- rates --- */

/* Their form was checked with the configuration. */
static struct pace_rate rate_of(const char *text)
{
    struct pace_rate rate = { .count = 0 };
    bool is_rate = pace_rate_parse(&rate, slice_text(text));
    assert(is_rate);
    (void)is_rate;
    return rate;
}

void pacing_follow(struct pacing *pacing, const struct config *config)
{
    for (size_t u = config->upstream_count; u-- > 0;) { /* the first of those that share one counts */
        for (size_t a = 0; a < config->account_count; a++)
            pacing->rates[account_limit(pacing, pacing->hosts[u], a)] = rate_of(config->accounts[a].rate);
        pacing->rates[address_limit(pacing, pacing->addresses[u])] = rate_of(config->upstreams[u].ip_rate);
    }
    turns_set_rates(pacing->turns, pacing->rates, clock_boot_us());
}

/* --- life --- */

static bool allocate_limits(struct pacing *pacing)
{
    size_t count = limit_count(pacing), lanes = lane_at(pacing, pacing->address_count, 0);
    pacing->names = calloc(count, sizeof(*pacing->names));
    pacing->memories = calloc(count, sizeof(struct pace_memory *));
    pacing->rates = calloc(count, sizeof(*pacing->rates));
    pacing->lanes = calloc(lanes, sizeof(*pacing->lanes));
    return pacing->names != NULL && pacing->memories != NULL && pacing->rates != NULL && pacing->lanes != NULL;
}

static bool open_turns(struct pacing *pacing, struct error *error)
{
    size_t count = limit_count(pacing);
    name_limits(pacing);
    join_lanes(pacing);
    if (!pacing_file_open(&pacing->file, pacing->config->proxy.state_dir, pacing->names, count, error))
        return error_prefix(error, "the pace of requests");
    for (size_t i = 0; i < count; i++)
        pacing->memories[i] = pacing_file_memory(&pacing->file, i);
    const struct turns_options options = { .memories = pacing->memories,
                                           .limit_count = count,
                                           .lanes = pacing->lanes,
                                           .lane_count = lane_at(pacing, pacing->address_count, 0) };
    return turns_create(&pacing->turns, &options, error);
}

bool pacing_open(struct pacing **opened, const struct config *config, struct error *error)
{
    struct pacing *pacing = calloc(1, sizeof(*pacing));
    *opened = pacing;
    if (pacing == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the pace of requests");
    pacing->config = config;
    pacing->hosts = calloc(config->upstream_count, sizeof(*pacing->hosts));
    pacing->addresses = calloc(config->upstream_count, sizeof(*pacing->addresses));
    bool done = pacing->hosts != NULL && pacing->addresses != NULL;
    if (done) {
        pacing->host_count = number(pacing->hosts, config, config_is_same_exchange);
        pacing->address_count = number(pacing->addresses, config, config_is_same_address);
    }
    if (!done || !allocate_limits(pacing))
        return error_set(error, ERROR_MEMORY, "out of memory for the pace of requests");
    if (!open_turns(pacing, error))
        return false;
    pacing_follow(pacing, config);
    return true;
}

void pacing_close(struct pacing *pacing)
{
    if (pacing == NULL)
        return;
    turns_free(pacing->turns);
    pacing_file_close(&pacing->file);
    free(pacing->hosts);
    free(pacing->addresses);
    free(pacing->names);
    free(pacing->memories);
    free(pacing->rates);
    free(pacing->lanes);
    free(pacing);
}

/* --- what others need of it --- */

struct turns *pacing_turns(const struct pacing *pacing)
{
    return pacing->turns;
}

struct exchange_pace pacing_of(const struct pacing *pacing, const struct config *config,
                               const struct config_listener *listener)
{
    size_t address = pacing->addresses[listener->upstream];
    return (struct exchange_pace){
        .is_on = config->proxy.pace != CONFIG_PACE_OFF,
        .patience_us = config->proxy.pace == CONFIG_PACE_QUEUE ? config->proxy.pace_wait : 0,
        .lane_signed = lane_at(pacing, address, listener->account),
        .lane_unsigned = lane_at(pacing, address, config->account_count),
    };
}

size_t pacing_own_lane(const struct pacing *pacing, size_t upstream)
{
    return lane_at(pacing, pacing->addresses[upstream], pacing->config->account_count);
}
