/* What the files about probes share. Private to this room. */
#ifndef COUNTERSIGN_DOCTOR_PROBE_PRIVATE_H
#define COUNTERSIGN_DOCTOR_PROBE_PRIVATE_H

#include "countersign/probes.h"

enum { PROBE_DAY_S = 86400, PROBE_KEY_LENGTH = 32 /* characters; of keys and secrets seen from the exchange */ };

/* Writes PROBE_SENTENCE_MAX bytes at most, cut to fit. */
void probe_text(char *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* "IPv4", "IPv6", "the egress proxy" */
const char *probe_way_name(enum probe_way way);

/* How a form differs from the exchange's own keys: nothing; unusual; as if it was copied wrongly. */
enum probe_oddity { PROBE_FORM_USUAL, PROBE_FORM_UNUSUAL, PROBE_FORM_SUSPICIOUS };
enum probe_oddity probe_form_oddity(const struct probe_form *form);

/* Writes what is odd and what to do into both texts (PROBE_SENTENCE_MAX). */
void probe_form_explain(char *says, char *todo, const struct probe_form *form);

/* "45.0 s behind the exchange's (± 0.1 s)" into PROBE_SENTENCE_MAX bytes. */
void probe_clock_text(char *text, const struct probe_clock *clock);

/* Whether others see another address in its place: a private one, or one that a provider shares out. */
bool probe_address_is_translated(const char *address);

/* "HTTP 200, code 1401 (unauthorized)" into PROBE_SENTENCE_MAX bytes; what came in other cases. */
void probe_answer_text(char *text, const struct probe_answer *answer);

/* Whether both answers say the same: status and code. */
bool probe_answers_are_alike(const struct probe_answer *a, const struct probe_answer *b);

bool probe_was_asked(const struct probe_answer *answer);

/* The lines' parts. */
void probe_line_names(struct probe_line *line, const struct probes *probes);
void probe_line_route(struct probe_line *line, enum probe_family family, const struct probes *probes);
void probe_line_tls(struct probe_line *line, const struct probes *probes);
void probe_line_proxy(struct probe_line *line, const struct probes *probes);

#endif
