/* The lines about the way: names, addresses, TLS, egress proxy. Pure. */
#include "countersign/clock.h"
#include "probe_private.h"

#include <arpa/inet.h>
#include <string.h>

enum { DAYS_LEFT_FEW = 14, SECOND_US = 1000000 };

/* --- names --- */

static void describe_family(char *text, const char *record, const struct probe_names *names)
{
    if (names->count == 0)
        probe_text(text, "no %s (%s)", record, names->error);
    else if (names->count == 1)
        probe_text(text, "%s %s", record, names->addresses[0]);
    else
        probe_text(text, "%s %s and %u more", record, names->addresses[0], names->count - 1);
}

void probe_line_names(struct probe_line *line, const struct probes *probes)
{
    const struct probe_names *a = &probes->names[PROBE_FAMILY_4], *aaaa = &probes->names[PROBE_FAMILY_6];
    char texts[PROBE_FAMILIES][PROBE_SENTENCE_MAX];
    if (probes->is_address) {
        probe_text(line->says, "%s is an address: there is no name to resolve", probes->host);
        return;
    }
    describe_family(texts[PROBE_FAMILY_4], "A", a);
    describe_family(texts[PROBE_FAMILY_6], "AAAA", aaaa);
    probe_text(line->says, "%s: %s; %s", probes->host, texts[PROBE_FAMILY_4], texts[PROBE_FAMILY_6]);
    if (a->count + aaaa->count > 0)
        return;
    bool is_left_to_proxy = probes->proxy[0] != '\0';
    line->status = is_left_to_proxy ? PROBE_WARNING : PROBE_FAILED;
    probe_text(line->todo, "%s",
               is_left_to_proxy ? "The egress proxy may resolve it; requests that do not go through it cannot be made."
                                : "Compare the upstream's url letter by letter; then look at this machine's resolver "
                                  "(/etc/resolv.conf, resolvectl query).");
}

/* --- ways out --- */

/* What an address seen here says of the one seen outside. */
static const struct address_kind {
    int family;
    const char *prefix; /* in network order, as text */
    unsigned bits;
    bool is_local; /* no other address is seen elsewhere */
    const char *note;
} kinds[] = {
    { AF_INET, "127.0.0.0", 8, true, "this machine itself" },
    { AF_INET, "10.0.0.0", 8, false, "private: the exchange sees your router's address" },
    { AF_INET, "172.16.0.0", 12, false, "private: the exchange sees your router's address" },
    { AF_INET, "192.168.0.0", 16, false, "private: the exchange sees your router's address" },
    { AF_INET, "100.64.0.0", 10, false, "shared by a provider's customers: the exchange sees the provider's address" },
    { AF_INET, "169.254.0.0", 16, true, "link-local" },
    { AF_INET6, "::1", 128, true, "this machine itself" },
    { AF_INET6, "fc00::", 7, false, "private: the exchange sees another address" },
    { AF_INET6, "fe80::", 10, true, "link-local" },
};

static bool begins_alike(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static const struct address_kind *kind_of(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)], prefix[sizeof(struct in6_addr)];
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (inet_pton(kinds[i].family, address, bytes) == 1 &&
            inet_pton(kinds[i].family, kinds[i].prefix, prefix) == 1 && begins_alike(bytes, prefix, kinds[i].bits))
            return &kinds[i];
    }
    return NULL;
}

bool probe_address_is_translated(const char *address)
{
    const struct address_kind *kind = kind_of(address);
    return kind != NULL && !kind->is_local;
}

static bool has_way_out(const struct probes *probes, enum probe_family family)
{
    return probes->routes[family].local[0] != '\0';
}

void probe_line_route(struct probe_line *line, enum probe_family family, const struct probes *probes)
{
    const struct probe_route *route = &probes->routes[family];
    enum probe_family other = family == PROBE_FAMILY_4 ? PROBE_FAMILY_6 : PROBE_FAMILY_4;
    if (!route->was_asked) {
        line->status = PROBE_SKIPPED;
        probe_text(line->says, "%s", route->error);
    } else if (!has_way_out(probes, family)) {
        line->status = has_way_out(probes, other) ? PROBE_SKIPPED : PROBE_FAILED;
        probe_text(line->says, "none from this machine to %s: %s", route->remote, route->error);
    } else {
        const struct address_kind *kind = kind_of(route->local);
        probe_text(line->says, "from %s%s%s%s to %s", route->local, kind == NULL ? "" : " (",
                   kind == NULL ? "" : kind->note, kind == NULL ? "" : ")", route->remote);
    }
}

/* --- TLS --- */

/* "2026-02-10" */
static void date_of(char *text, int64_t seconds)
{
    (void)clock_format_utc(text, seconds * SECOND_US); /* gives the text back */
    text[strcspn(text, "T")] = '\0';
}

static const char *known(const char *name)
{
    return name[0] == '\0' ? "(no name)" : name;
}

static void line_expired(struct probe_line *line, const struct probes *probes)
{
    const struct probe_tls *tls = &probes->tls;
    char day[CLOCK_TEXT_MAX], today[CLOCK_TEXT_MAX];
    date_of(day, tls->not_after_s);
    date_of(today, probes->now_us / SECOND_US);
    probe_text(line->says,
               "the certificate for %s, issued by %s, expired on %s: %lld days ago by this machine's clock, "
               "which says %s",
               known(tls->subject), known(tls->issuer), day,
               (long long)((probes->now_us / SECOND_US - tls->not_after_s) / PROBE_DAY_S), today);
    probe_text(line->todo,
               "If this machine's date is wrong, set it. If not, whoever answers has to renew it; nothing is "
               "sent to it meanwhile.");
}

static void line_not_yet_valid(struct probe_line *line, const struct probes *probes)
{
    const struct probe_tls *tls = &probes->tls;
    char day[CLOCK_TEXT_MAX], today[CLOCK_TEXT_MAX];
    date_of(day, tls->not_before_s);
    date_of(today, probes->now_us / SECOND_US);
    probe_text(line->says, "the certificate for %s is valid from %s on, and this machine's clock says %s",
               known(tls->subject), day, today);
    probe_text(line->todo, "Most likely this machine's date is wrong: set it.");
}

static void line_not_trusted(struct probe_line *line, const struct probes *probes)
{
    const struct probe_tls *tls = &probes->tls;
    probe_text(line->says, "the certificate for %s, issued by %s, is not trusted here: %s", known(tls->subject),
               known(tls->issuer), tls->reason);
    probe_text(line->todo,
               "Something between here and the exchange may answer in its place (a company's filter, a hotel's "
               "login page). Is the issuer meant? Then name its certificate as the upstream's ca_file.");
}

static void line_verified(struct probe_line *line, const struct probes *probes)
{
    const struct probe_tls *tls = &probes->tls;
    char day[CLOCK_TEXT_MAX];
    long long days = (tls->not_after_s - probes->now_us / SECOND_US) / PROBE_DAY_S;
    date_of(day, tls->not_after_s);
    probe_text(line->says, "%s, certificate for %s by %s (chain of %u), %lld days left (until %s)", tls->version,
               known(tls->subject), known(tls->issuer), tls->chain_length, days, day);
    if (days >= DAYS_LEFT_FEW)
        return;
    line->status = PROBE_WARNING;
    probe_text(line->todo, "Once it has expired nothing is sent: it is for whoever runs the exchange to renew.");
}

/* No certificate was looked at, or none was at fault. */
static void line_no_handshake(struct probe_line *line, const struct probes *probes)
{
    const struct probe_answer *answer = &probes->answers[probes->main_way][PROBE_PUBLIC];
    bool has_failed = answer->reply == PROBE_NO_ANSWER && answer->failure == PROBE_FAILURE_TLS;
    line->status = has_failed ? PROBE_FAILED : PROBE_SKIPPED;
    probe_text(line->says, "%s", has_failed ? answer->words : "no connection, so no handshake");
    if (has_failed && probes->tls.was_seen && probes->tls.is_for_host)
        probe_text(line->todo, "The certificate is right, and the handshake broke off behind it: a filter on the way, "
                               "or a certificate that is asked of this side.");
    else if (has_failed && probes->tls.was_seen)
        probe_text(line->todo,
                   "The certificate is for %s, not for this host: compare the upstream's url; or something "
                   "answers in the exchange's place.",
                   known(probes->tls.subject));
    else if (has_failed)
        probe_text(line->todo,
                   "Does %s speak TLS at this port? An http:// server, a filter or an old TLS version ends "
                   "like this.",
                   probes->host);
}

void probe_line_tls(struct probe_line *line, const struct probes *probes)
{
    const struct probe_tls *tls = &probes->tls;
    if (tls->is_plain) {
        probe_text(line->says, "none: the upstream's url is http://, which is for this machine alone");
        return;
    }
    bool is_at_fault = tls->was_seen && tls->trust != PROBE_TRUSTED;
    if (is_at_fault)
        line->status = PROBE_FAILED;
    if (is_at_fault && tls->trust == PROBE_EXPIRED)
        line_expired(line, probes);
    else if (is_at_fault && tls->trust == PROBE_NOT_YET_VALID)
        line_not_yet_valid(line, probes);
    else if (is_at_fault)
        line_not_trusted(line, probes);
    else if (tls->was_seen && tls->is_connected)
        line_verified(line, probes);
    else
        line_no_handshake(line, probes);
}

/* --- egress proxy --- */

void probe_line_proxy(struct probe_line *line, const struct probes *probes)
{
    const struct probe_answer *answer = &probes->answers[PROBE_PROXY][PROBE_PUBLIC];
    if (probes->proxy[0] == '\0') {
        line->status = PROBE_SKIPPED;
        probe_text(line->says, "none is configured: requests go out directly");
    } else if (answer->reply == PROBE_NO_ANSWER) {
        line->status = PROBE_FAILED;
        probe_text(line->says, "%s: %s", probes->proxy, answer->words);
        probe_text(line->todo,
                   "Does it run, and does it allow CONNECT to %s? One that asks for a password cannot be used.",
                   probes->host);
    } else {
        probe_text(line->says, "%s gives a way; from %s to it at %s. The exchange sees the proxy's own address.",
                   probes->proxy, answer->local, answer->remote);
    }
}
