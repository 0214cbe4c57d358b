/* Who may ask: keeps web pages in a browser on this machine away from the listener. Pure.
 *
 * A page can have the browser send requests to 127.0.0.1. Browsers mark them: `Origin` on everything that is not a plain
 * navigation or image, `Sec-Fetch-Site` on everything (Fetch standard; Fetch Metadata). A page behind a name that was made
 * to resolve to 127.0.0.1 (DNS rebinding) looks like one of the listener's own, but for `Host`. */
#ifndef COUNTERSIGN_CALLER_H
#define COUNTERSIGN_CALLER_H

#include "countersign/http_message.h"

enum caller_verdict {
    CALLER_MAY_ASK,
    CALLER_IS_A_BROWSER,      /* Origin, or a Sec-Fetch-Site other than none */
    CALLER_NAMES_ANOTHER_HOST /* Host is neither a loopback address, localhost, nor the upstream's own */
};

/* `checks_host`: false for a unix socket, which no web page can reach. `upstream_host`: the upstream's Host value, which a
 * client that is pointed here by its proxy settings or a hosts file sends. */
enum caller_verdict caller_judge(struct http_fields fields, bool checks_host, const char *upstream_host);

#endif
