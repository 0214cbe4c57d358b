/* Values of variables that hold secrets, kept in locked memory instead of the environment: by the supervisor, for each signer
 * it starts. A signer wipes its copy of each as soon as all its sources are read (secret_source_forget). Private to this
 * room. */
#ifndef COUNTERSIGN_SIGNER_SECRET_GIVEN_H
#define COUNTERSIGN_SIGNER_SECRET_GIVEN_H

#include "countersign/config.h"
#include "countersign/secret.h"

/* Takes the value of every variable that the configuration names as a secret's place out of the environment. One that is too
 * long to be a secret stays there: reading it says so. */
MUST_CHECK bool secret_given_take(const struct config *config, struct error *error);

/* The value that was taken; NULL where there is none. */
const struct secret *secret_given_find(const char *variable);

/* Whether children that are forked from now on get copies. */
void secret_given_hand_to_children(bool handed);

/* Wipes one, or all. */
void secret_given_end(const char *variable);
void secret_given_end_all(void);

/* In a child that was not handed them, whose memory has no such pages: forgets that there were any. */
void secret_given_leave_behind(void);

#endif
