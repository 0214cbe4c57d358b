/* What a refusal by the exchange can mean, and what the probes say of each cause. One row each. Pure.
 * Documented: 401 API key error, sub-account frozen or deleted; 1401 address not on the key's whitelist, signature failure,
 * login token expired; 3005 signature generation error. */
#include "probe_rank.h"

#include <stdlib.h>
#include <string.h>

enum { KEY, SECRET, WINDOW_US = 30000000 };

static bool is_about_who(const struct probe_facts *facts)
{
    return probe_code_is(facts, "401") || probe_code_is(facts, "1401") || probe_code_is(facts, "3005");
}

static bool is_suspicious(const struct probe_facts *facts, int which)
{
    return facts->probes->has_forms && probe_form_oddity(&facts->probes->forms[which]) == PROBE_FORM_SUSPICIOUS;
}

/* --- key and secret as text --- */

static bool white_space(struct probe_cause *cause, const struct probe_facts *facts)
{
    for (int which = KEY; which <= SECRET; which++) {
        if (facts->probes->form_error_is_white_space[which])
            return probe_stands(cause, PROBE_SHOWN, "%s", facts->probes->form_error[which]);
    }
    return false;
}

static bool same_text(struct probe_cause *cause, const struct probe_facts *facts)
{
    return facts->probes->same_text && !facts->is_accepted &&
           probe_stands(cause, PROBE_SHOWN, "key and secret are the same text");
}

/* Where no answer of the exchange can say more. */
static bool odd_form(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (!facts->probes->is_offline || (!is_suspicious(facts, KEY) && !is_suspicious(facts, SECRET)))
        return false;
    return probe_stands(cause, PROBE_LIKELY, "the form of the %s is odd, see above",
                        is_suspicious(facts, KEY) ? "API key" : "secret");
}

/* --- clock --- */

/* A bound as wide as a window alone, from a slow answer or from answers that contradict each other, says nothing. */
static bool is_off_by_windows(const struct probe_clock *clock)
{
    return probe_clock_is_off(clock) && !clock->is_contradictory &&
           llabs(probe_clock_offset_us(clock)) + probe_clock_bound_us(clock) >= WINDOW_US;
}

static bool judge_trial_of_time(struct probe_cause *cause, const struct probe_facts *facts, const char *clocks)
{
    if (facts->is_accepted_at_their_time)
        return probe_stands(cause, PROBE_SHOWN, "%s, and the same read signed for the exchange's time is accepted",
                            clocks);
    return probe_stands(cause, PROBE_UNLIKELY, "%s, but the same read signed for the exchange's time is refused, too",
                        clocks);
}

static bool clock_off(struct probe_cause *cause, const struct probe_facts *facts)
{
    const struct probe_clock *clock = &facts->probes->clock;
    char text[PROBE_SENTENCE_MAX];
    probe_clock_text(text, clock);
    if (facts->is_accepted &&
        is_off_by_windows(clock)) /* how much is tolerated changes with the moment in the window */
        return probe_stands(cause, PROBE_LIKELY, "%s; a read was accepted this time, the next one may not be", text);
    if (!is_about_who(facts))
        return false;
    if (facts->their_time != NULL)
        return judge_trial_of_time(cause, facts, text);
    if (clock->answers == 0 || clock->is_contradictory)
        return probe_stands(cause, PROBE_POSSIBLE, "the clocks could not be compared");
    if (!probe_clock_is_off(clock))
        return probe_stands(cause, PROBE_RULED_OUT, "%s", text);
    return probe_stands(cause, is_off_by_windows(clock) ? PROBE_LIKELY : PROBE_POSSIBLE, "%s", text);
}

/* --- addresses --- */

/* The address that the exchange sees is known only as this machine knows it. */
static void describe_way(char *text, const struct probe_facts *facts, enum probe_way way)
{
    const char *local = facts->probes->answers[way][PROBE_SIGNED].local;
    if (way == PROBE_PROXY)
        probe_text(text, "through the egress proxy");
    else
        probe_text(text, "over %s (from %s%s)", probe_way_name(way), local,
                   probe_address_is_translated(local) ? ", which the exchange sees as another address" : "");
}

/* Too many requests, or a fault of the exchange's own: it passes, and the next answer on this way may be another. */
static bool is_rate_limit(const struct probe_facts *facts)
{
    return facts->is_refused && (facts->right->status == 429 || probe_code_is(facts, "429"));
}

static bool is_their_fault(const struct probe_facts *facts)
{
    return facts->is_refused && (facts->right->status >= 500 || probe_code_is(facts, "500"));
}

static bool differs_by_way(const struct probe_facts *facts)
{
    return facts->is_refused && facts->is_accepted && facts->accepted_way != facts->way && !is_rate_limit(facts) &&
           !is_their_fault(facts);
}

static bool sets_ways_apart(struct probe_cause *cause, const struct probe_facts *facts)
{
    char refused[PROBE_SENTENCE_MAX], accepted[PROBE_SENTENCE_MAX];
    describe_way(refused, facts, facts->way);
    describe_way(accepted, facts, facts->accepted_way);
    return probe_stands(cause, is_about_who(facts) ? PROBE_SHOWN : PROBE_LIKELY,
                        "the same read with the same key is accepted %s and refused with %s %s", accepted,
                        facts->right->code, refused);
}

static bool is_bound_to(struct probe_cause *cause, const struct probe_facts *facts, enum probe_way accepted)
{
    return differs_by_way(facts) && facts->way != PROBE_PROXY && facts->accepted_way == accepted &&
           sets_ways_apart(cause, facts);
}

static bool ip_family_4(struct probe_cause *cause, const struct probe_facts *facts)
{
    return is_bound_to(cause, facts, PROBE_IPV4);
}

static bool ip_family_6(struct probe_cause *cause, const struct probe_facts *facts)
{
    return is_bound_to(cause, facts, PROBE_IPV6);
}

/* With a proxy, it is the one way that is used; the others were asked to compare. */
static bool egress_address(struct probe_cause *cause, const struct probe_facts *facts)
{
    return differs_by_way(facts) && facts->way == PROBE_PROXY && sets_ways_apart(cause, facts);
}

static bool ip_not_whitelisted(struct probe_cause *cause, const struct probe_facts *facts)
{
    char way[PROBE_SENTENCE_MAX];
    if (!is_about_who(facts) || facts->is_accepted)
        return false;
    if (facts->is_accepted_at_their_time)
        return probe_stands(cause, PROBE_RULED_OUT, "signed for the exchange's time, a read was accepted");
    describe_way(way, facts, facts->way);
    if (!probe_code_is(facts, "1401"))
        return probe_stands(cause, PROBE_UNLIKELY, "it is documented for 1401, and the answer was %s",
                            facts->right->code);
    if (probe_wrong_differs(facts))
        return probe_stands(cause, PROBE_LIKELY,
                            "a wrong signature gets another answer, so yours was taken for right and 1401 is not about "
                            "it; requests go %s",
                            way);
    if (probe_made_up_is_alike(facts))
        return probe_stands(cause, PROBE_LIKELY,
                            "1401 comes whatever key and signature are sent, as for an address that may not ask; "
                            "requests go %s",
                            way);
    return probe_stands(cause, PROBE_LIKELY,
                        "1401 is documented for it, and no probe speaks against it; requests go %s", way);
}

/* --- key and secret as such --- */

static bool wrong_secret(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (!is_about_who(facts))
        return false;
    if (facts->is_accepted)
        return probe_stands(cause, PROBE_RULED_OUT, "a read signed with it was accepted");
    if (facts->is_accepted_at_their_time)
        return probe_stands(cause, PROBE_RULED_OUT, "signed for the exchange's time, a read was accepted");
    if (probe_wrong_differs(facts))
        return probe_stands(cause, PROBE_RULED_OUT, "a wrong signature gets another answer than yours");
    if (is_suspicious(facts, SECRET))
        return probe_stands(cause, PROBE_LIKELY,
                            "its form is odd (see the line above), and a wrong signature gets the "
                            "same answer as yours");
    if (probe_code_is(facts, "3005"))
        return probe_stands(cause, PROBE_LIKELY, "3005 is documented for signatures alone");
    if (probe_made_up_differs(facts) && probe_wrong_is_alike(facts))
        return probe_stands(cause, PROBE_LIKELY,
                            "the exchange knows the key (a made-up one gets another answer), and a "
                            "wrong signature gets the same answer as yours");
    if (probe_made_up_is_alike(facts))
        return probe_stands(cause, PROBE_POSSIBLE,
                            "a made-up key gets the same answer, so the signature may never have "
                            "been looked at");
    return probe_stands(cause, PROBE_LIKELY, "a wrong signature gets the same answer as yours");
}

static bool wrong_key(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (!is_about_who(facts))
        return false;
    if (facts->is_accepted || facts->is_accepted_at_their_time)
        return probe_stands(cause, PROBE_RULED_OUT, "a read with it was accepted");
    if (probe_made_up_differs(facts))
        return probe_stands(cause, PROBE_RULED_OUT, "a made-up key gets another answer, so the exchange knows yours");
    if (probe_wrong_differs(facts))
        return probe_stands(cause, PROBE_RULED_OUT, "a signature was compared with this key's");
    if (is_suspicious(facts, KEY))
        return probe_stands(cause, PROBE_LIKELY, "its form is odd: see the line above");
    if (probe_code_is(facts, "401"))
        return probe_stands(cause, PROBE_LIKELY, "401 is documented for it%s",
                            probe_made_up_is_alike(facts) ? ", and a key that nobody has gets the same answer" : "");
    if (probe_code_is(facts, "3005"))
        return probe_stands(cause, PROBE_UNLIKELY, "3005 is documented for signatures alone");
    return probe_stands(cause, PROBE_POSSIBLE, "nothing shows that the exchange knows this key");
}

/* Frozen or deleted. */
static bool sub_account(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (!probe_code_is(facts, "401") || facts->is_accepted || facts->is_accepted_at_their_time)
        return false;
    return probe_stands(cause, probe_made_up_differs(facts) ? PROBE_LIKELY : PROBE_POSSIBLE,
                        "401 is documented for it; no probe can see it");
}

static bool login_expired(struct probe_cause *cause, const struct probe_facts *facts)
{
    if (!probe_code_is(facts, "1401") || facts->is_accepted || facts->is_accepted_at_their_time)
        return false;
    return probe_stands(cause, PROBE_POSSIBLE, "1401 is documented for an expired login token; no probe can see it");
}

/* --- other codes --- */

static bool too_many(struct probe_cause *cause, const struct probe_facts *facts)
{
    return is_rate_limit(facts) && probe_stands(cause, PROBE_SHOWN, "the answer was 429, too many requests");
}

static bool their_fault(struct probe_cause *cause, const struct probe_facts *facts)
{
    return is_their_fault(facts) &&
           probe_stands(cause, PROBE_LIKELY, "it answered HTTP %d, code %s", facts->right->status, facts->right->code);
}

const struct probe_cause_row probe_refusal_causes[] = {
    { "key-white-space", "white space around the key or the secret", white_space,
      "Take it out where the key or secret is kept, or set trim = yes for the account." },
    { "same-text", "the API key was put in the secret's place, or the other way round", same_text,
      "Copy the secret again; if it is lost, make a new key at the exchange." },
    { "key-form", "the key or the secret was not copied as it is", odd_form, "Copy it again, by machine." },
    { "clock", "the clock", clock_off,
      "Set the clock (timedatectl set-ntp true), or have the account signed by the exchange's: clock = exchange. How "
      "far "
      "off the exchange tolerates is not documented." },
    { "ip-family", "the key's IP whitelist holds this machine's IPv4 address and not its IPv6 one", ip_family_4,
      "Set ip_family = ipv4 for the upstream, or add the IPv6 address to the key's whitelist." },
    { "ip-family", "the key's IP whitelist holds this machine's IPv6 address and not its IPv4 one", ip_family_6,
      "Set ip_family = ipv6 for the upstream, or add the IPv4 address to the key's whitelist." },
    { "egress-address", "the key's IP whitelist holds this machine's own address and not the egress proxy's",
      egress_address, "Take `proxy` out of the upstream, or add the proxy's address to the key's whitelist." },
    { "wrong-secret", "the secret is not the one of this key", wrong_secret,
      "Copy the secret again; if it is lost, make a new key at the exchange." },
    { "ip-not-whitelisted", "the address that requests come from is not on the key's IP whitelist", ip_not_whitelisted,
      "Compare the key's whitelist at the exchange with the address that requests leave from." },
    { "wrong-key", "the exchange does not know this API key", wrong_key,
      "Compare the API key with the one the exchange shows; was it deleted, is it of another exchange or of a test?" },
    { "sub-account-frozen", "the main account froze the sub-account", sub_account,
      "Ask whoever holds the main account." },
    { "sub-account-deleted", "the sub-account was deleted", sub_account, "Ask whoever holds the main account." },
    { "login-expired", "the key or its login has expired", login_expired,
      "Look at the key at the exchange, or make a new one." },
    { "rate-per-address", "too many requests, of this address or of this user", too_many,
      "Wait some seconds; what else asks from this address or account?" },
    { "exchange-internal", "the exchange itself has a fault", their_fault, "Wait, and try again." },
    { NULL, NULL, NULL, NULL },
};
