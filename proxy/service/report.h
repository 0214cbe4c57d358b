/* What the log says of a start. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_REPORT_H
#define COUNTERSIGN_SERVICE_REPORT_H

#include "countersign/capture.h"
#include "countersign/config.h"
#include "countersign/endpoint.h"
#include "countersign/signer_client.h"
#include "countersign/trading_switch.h"

/* Borrowed. */
struct report_subject {
    const struct config *config;
    const struct signer_client *signer;
    const struct trading_watch *trading;
    const char *store_path;
    char (*addresses)[ENDPOINT_TEXT_MAX]; /* one for each listener */
};

/* How the last run ended, where that was not in order. */
void report_recovery(const struct capture_recovery *recovery);

/* A line for each listener, its rules and limits, who may ask, the bounds, and the one that says `ready`, which is the last. */
void report_ready(const struct report_subject *of);

#endif
