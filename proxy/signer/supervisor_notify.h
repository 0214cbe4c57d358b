/* What a service manager is told: sd_notify(3)'s protocol, which is one datagram of lines NAME=VALUE to the socket that
 * NOTIFY_SOCKET names. By hand: libsystemd would bring a library, and its dependencies, into the process that holds secrets,
 * for one send(2). Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SUPERVISOR_NOTIFY_H
#define COUNTERSIGN_SIGNER_SUPERVISOR_NOTIFY_H

#include <stdint.h>

struct notify {
    int socket;          /* connected while it may still be; -1: nobody asked */
    int64_t watchdog_us; /* how often WATCHDOG=1 must come at least; 0: never */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment: they are for this process
 * alone. A socket that cannot be reached is a warning: the manager sees for itself that nothing comes. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Sends one datagram, of `lines`. Never blocks; what does not get through is told once by nobody: the manager's own time
 * limits are for that. */
void notify_send(const struct notify *notify, const char *lines);

/* "READY=1", with what people see in `systemctl status`. */
void notify_ready(const struct notify *notify, const char *status);

/* "RELOADING=1" with MONOTONIC_USEC, which Type=notify-reload asks for. */
void notify_reloading(const struct notify *notify, int64_t monotonic_us);

#endif
