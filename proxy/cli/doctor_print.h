/* How `countersign doctor` says what it found. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_DOCTOR_PRINT_H
#define COUNTERSIGN_CLI_DOCTOR_PRINT_H

#include "countersign/probes.h"
#include "terminal.h"

struct doctor_page {
    struct terminal terminal;
    bool json;
};

/* Each writes at once, so that a slow network is seen to be one. */
MUST_CHECK bool doctor_print_line(const struct doctor_page *page, const struct probe_line *line, struct error *error);
MUST_CHECK bool doctor_print_verdict(const struct doctor_page *page, const struct probe_verdict *verdict,
                                     const struct probes *probes, int exit_code, struct error *error);

#endif
