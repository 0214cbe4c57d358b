/* Secrets typed by people: asked on the controlling terminal, whatever standard input and output are. One thread. */
#ifndef COUNTERSIGN_PROMPT_H
#define COUNTERSIGN_PROMPT_H

#include "countersign/secret.h"

/* Prints `question` and reads a line into an empty secret, which is then the caller's; without echo unless `echo`. The
 * terminal is put back before this returns, and before a signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP) takes effect;
 * after a stop it asks again. ERROR_CONFIG where there is no terminal, ERROR_INPUT where the line is ended (Ctrl-D) before
 * anything was typed, or is empty or too long. */
MUST_CHECK bool prompt_secret(struct secret *secret, const char *question, bool echo, struct error *error);

/* Reads a line, without its line feed, from an open descriptor: byte by byte, so that the next line stays for whoever reads
 * next. The descriptor is not handed to children from then on. For SECRET_MAX, and what is refused, as above. */
MUST_CHECK bool descriptor_read_secret(struct secret *secret, int fd, struct error *error);

/* Where a secret is given by hand: `source` is NULL (asks `question`), "fd:NUMBER" (a line), or as secret_read takes it. What
 * comes is checked as secret_read does; `what` names it in errors: "the API secret". */
MUST_CHECK bool secret_read_given(struct secret *secret, const char *source, const char *question, bool echo,
                                  const char *what, struct error *error);

#endif
