/* What the signer process gives up once all secrets are read, and the supervisor once it has started both processes. Private
 * to this room. */
#ifndef COUNTERSIGN_SIGNER_SANDBOX_SIGNER_H
#define COUNTERSIGN_SIGNER_SANDBOX_SIGNER_H

#include "countersign/signer.h"

/* From here on the process can answer on the descriptors that it has, open the files of its secrets' sources for reading,
 * signal the processes whose pidfd_open(2) descriptors it has and wait for its children: no sockets, no programs, no new
 * processes, nothing written but to what is open. Any other system call ends it. Says so in the log, and what is missing.
 * Commands of sources go through command_runner.h's process. One thread, the only one. */
void sandbox_signer_enter(const struct signer *signer);

/* The same for the supervisor, which may also fork (a process that is as limited), make socket pairs, and hand its children
 * what a signer needs to limit itself: it runs no program and opens no file for writing. One thread, the only one. */
void sandbox_supervisor_enter(const struct config *config);

/* Has libraries read what they read once and keep, for afterwards they could not: the time zone, OpenSSL's settings. */
void sandbox_use_libraries_once(void);

#endif
