/* What the signer process gives up once the proxy process was started and all secrets are read. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SANDBOX_SIGNER_H
#define COUNTERSIGN_SIGNER_SANDBOX_SIGNER_H

#include "countersign/signer.h"

/* From here on the process can answer on the descriptors that it has, open the files of its secrets' sources for reading,
 * signal the processes whose pidfd_open(2) descriptors it has and wait for its children: no sockets, no programs, no new
 * processes, nothing written but to what is open. Any other system call ends it. Says so in the log, and what is missing.
 * Commands of sources go through command_runner.h's process. One thread, the only one. */
void sandbox_signer_enter(const struct signer *signer);

#endif
