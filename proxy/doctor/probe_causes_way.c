/* Causes on the way: the exchange was not reached, or something else answered. One row each. Pure. */
#include "probe_rank.h"

static bool has_failed(const struct probe_facts *facts, enum probe_failure failure)
{
    return facts->closed != NULL && facts->closed->reply == PROBE_NO_ANSWER && facts->closed->failure == failure;
}

static bool is_known_not_to_exist(const struct probe_facts *facts)
{
    const struct probe_names *names = facts->probes->names;
    return names[PROBE_FAMILY_4].does_not_exist && names[PROBE_FAMILY_6].does_not_exist;
}

static bool name_unknown(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_NAME) && is_known_not_to_exist(facts) &&
           probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

static bool resolver_down(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_NAME) && !is_known_not_to_exist(facts) &&
           probe_stands(cause, PROBE_LIKELY, "%s; the resolver does not say that there is no such name",
                        facts->closed->words);
}

static bool nobody_listens(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_REFUSED) && probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

static bool no_route(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_UNREACHABLE) && probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

static bool packets_lost(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_SILENT) && probe_stands(cause, PROBE_LIKELY, "%s", facts->closed->words);
}

static bool has_failed_by_trust(const struct probe_facts *facts, enum probe_trust trust)
{
    const struct probe_tls *tls = &facts->probes->tls;
    return has_failed(facts, PROBE_FAILURE_TLS) && tls->was_seen && tls->trust == trust;
}

static bool expired(struct probe_cause *cause, const struct probe_facts *facts)
{
    struct probe_line line;
    if (!has_failed_by_trust(facts, PROBE_EXPIRED))
        return false;
    probe_line_of_check(&line, PROBE_CHECK_TLS, facts->probes);
    return probe_stands(cause, PROBE_SHOWN, "%s", line.says);
}

static bool not_yet_valid(struct probe_cause *cause, const struct probe_facts *facts)
{
    struct probe_line line;
    if (!has_failed_by_trust(facts, PROBE_NOT_YET_VALID))
        return false;
    probe_line_of_check(&line, PROBE_CHECK_TLS, facts->probes);
    return probe_stands(cause, PROBE_LIKELY, "%s", line.says);
}

static bool not_trusted(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (has_failed_by_trust(facts, PROBE_TRUSTED) && !facts->probes->tls.is_for_host)
        return probe_stands(cause, PROBE_SHOWN, "the certificate that is shown is for %s, not for %s",
                            facts->probes->tls.subject, facts->probes->host);
    if (!has_failed_by_trust(facts, PROBE_ISSUER_UNKNOWN) && !has_failed_by_trust(facts, PROBE_CERTIFICATE_REFUSED))
        return false;
    return probe_stands(cause, PROBE_SHOWN,
                        "the certificate that is shown for %s, issued by %s, is not trusted here (%s)",
                        facts->probes->host, facts->probes->tls.issuer, facts->probes->tls.reason);
}

/* Without a certificate, or with one that nothing is wrong with. */
static bool not_tls(struct probe_cause *cause, const struct probe_facts *facts)
{
    bool is_right = has_failed_by_trust(facts, PROBE_TRUSTED) && facts->probes->tls.is_for_host;
    return has_failed(facts, PROBE_FAILURE_TLS) && (is_right || !facts->probes->tls.was_seen) &&
           probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

static bool egress(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_EGRESS) && probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

static bool connection_cut(struct probe_cause *cause, const struct probe_facts *facts)
{
    return (has_failed(facts, PROBE_FAILURE_LOST) || has_failed(facts, PROBE_FAILURE_OTHER)) &&
           probe_stands(cause, PROBE_POSSIBLE, "%s", facts->closed->words);
}

static bool slow(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_SLOW) && probe_stands(cause, PROBE_POSSIBLE, "%s", facts->closed->words);
}

static bool no_http(struct probe_cause *cause, const struct probe_facts *facts)
{
    return has_failed(facts, PROBE_FAILURE_NOT_HTTP) && probe_stands(cause, PROBE_SHOWN, "%s", facts->closed->words);
}

/* 403, 429 and 5xx pages are what a gateway before the exchange says; anything else is what a login page says. */
static bool is_of_gateway(const struct probe_answer *answer)
{
    return answer->status == 403 || answer->status == 429 || answer->status >= 500;
}

static bool captive_portal(struct probe_cause *cause, const struct probe_facts *facts)
{
    char text[PROBE_SENTENCE_MAX];
    if (facts->closed == NULL || (facts->closed->reply != PROBE_HTML && facts->closed->reply != PROBE_REDIRECT) ||
        is_of_gateway(facts->closed))
        return false;
    probe_answer_text(text, facts->closed);
    return probe_stands(cause, PROBE_LIKELY, "%s got %s, where the exchange answers JSON", facts->closed_to, text);
}

static bool gateway(struct probe_cause *cause, const struct probe_facts *facts)
{
    char text[PROBE_SENTENCE_MAX];
    if (facts->closed == NULL || facts->closed->reply == PROBE_NO_ANSWER || !is_of_gateway(facts->closed))
        return false;
    probe_answer_text(text, facts->closed);
    return probe_stands(cause, PROBE_LIKELY, "%s got %s, which nothing about a key makes", facts->closed_to, text);
}

static bool another_server(struct probe_cause *cause, const struct probe_facts *facts)
{
    char text[PROBE_SENTENCE_MAX];
    const struct probe_answer *odd = facts->closed;
    if (odd != NULL && odd->reply == PROBE_OTHER && !is_of_gateway(odd)) {
        probe_answer_text(text, odd);
        return probe_stands(cause, PROBE_LIKELY, "%s got %s, where the exchange answers JSON", facts->closed_to, text);
    }
    if (facts->wrong != NULL && facts->wrong->is_success)
        return probe_stands(cause, PROBE_SHOWN,
                            "a read with a wrong signature is accepted: whoever answers checks none");
    if (facts->is_refused && facts->right->code[0] == '\0') {
        probe_answer_text(text, facts->right);
        return probe_stands(cause, PROBE_LIKELY, "a signed read got %s, where the exchange gives a code", text);
    }
    return false;
}

const struct probe_cause_row probe_way_causes[] = {
    { "name-unknown", "there is no such host", name_unknown, "Compare the upstream's url letter by letter." },
    { "resolver-down", "the host's name cannot be looked up", resolver_down,
      "Look at this machine's resolver (/etc/resolv.conf, resolvectl query), and at its network." },
    { "nobody-listens", "nothing listens there", nobody_listens,
      "Compare the upstream's url and port; is what should listen there running?" },
    { "no-route", "this machine has no way to the exchange's address", no_route,
      "Look at this machine's network: route, firewall, ip_family and bind_address of the upstream." },
    { "packets-lost", "nothing comes back from the exchange's address", packets_lost,
      "Look for a firewall on the way; try the other IP family with ip_family, or another network." },
    { "certificate-expired", "the certificate has expired, or this machine's date is wrong", expired,
      "Compare this machine's date with the real one first; if it is right, whoever answers has to renew." },
    { "clock", "this machine's date lies before the certificate's", not_yet_valid, "Set this machine's date." },
    { "certificate-untrusted", "something that is not trusted answers in the exchange's place", not_trusted,
      "A filter or a login page on this network; or set ca_file of the upstream to the issuer that is meant." },
    { "not-tls", "no TLS connection comes about", not_tls,
      "Compare the upstream's url with what listens there; a filter on the way can cause it, too." },
    { "egress-refused", "the egress proxy gives no way to the exchange", egress,
      "Look at the upstream's proxy: its address, whether it runs, what it allows." },
    { "not-http", "what answers speaks no HTTP", no_http, "Compare the upstream's url and port." },
    { "captive-portal", "something on the network answers in the exchange's place, such as a login page",
      captive_portal, "Open the upstream's url in a browser on this machine, and log in to the network if asked." },
    { "gateway", "a gateway before the exchange refuses, or has nothing behind it", gateway,
      "Wait and try again; if it stays, ask the exchange whether this address or country is blocked." },
    { "other-server", "what answers is not the exchange", another_server, "Compare the upstream's url." },
    { "connection-cut", "the connection breaks", connection_cut,
      "Run this again; then look at this machine's network." },
    { "slow-exchange", "no whole answer comes in time", slow, "Run this again, with a longer --timeout." },
    { NULL, NULL, NULL, NULL },
};
