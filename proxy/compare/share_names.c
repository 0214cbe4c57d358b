/* What is known of values by the names of their JSON members and query parameters: the exchange's documentation, and what
 * exchanges call such things elsewhere. A name that is not here is one whose value is not shown. Pure; any thread. */
#include "share_private.h"

#include "countersign/compiler.h"

enum { NAME_MAX = 40 /* characters; a longer name is not here */ };

/* In lower case, without '_' and '-'. */
static const struct {
    struct slice name;
    enum share_kind kind;
} names[] = {
#define NAME(text, kind)                                                                                               \
    {                                                                                                                  \
        { text, sizeof(text) - 1 }, kind                                                                               \
    }
    /* Whose it is. */
    NAME("accountid", SHARE_ACCOUNT),
    NAME("uid", SHARE_ACCOUNT),
    NAME("userid", SHARE_ACCOUNT),
    NAME("subuid", SHARE_ACCOUNT),
    NAME("account", SHARE_ACCOUNT),
    NAME("ordid", SHARE_ORDER),
    NAME("orderid", SHARE_ORDER),
    NAME("ordids", SHARE_ORDER),
    NAME("orderids", SHARE_ORDER),
    NAME("clordid", SHARE_ORDER),
    NAME("clordids", SHARE_ORDER),
    NAME("clientorderid", SHARE_ORDER),
    NAME("clientorderids", SHARE_ORDER),
    NAME("success", SHARE_ORDER),
    NAME("reject", SHARE_ORDER),
    NAME("tradeid", SHARE_TRADE),
    NAME("matchid", SHARE_TRADE),
    NAME("id", SHARE_ID),
    NAME("txid", SHARE_TRANSACTION),
    NAME("hash", SHARE_TRANSACTION),
    NAME("txhash", SHARE_TRANSACTION),
    NAME("address", SHARE_ADDRESS),
    NAME("fromaddress", SHARE_ADDRESS),
    NAME("toaddress", SHARE_ADDRESS),
    NAME("tag", SHARE_ADDRESS),
    NAME("memo", SHARE_ADDRESS),
    NAME("ip", SHARE_ADDRESS),
    NAME("balance", SHARE_AMOUNT),
    NAME("available", SHARE_AMOUNT),
    NAME("frozen", SHARE_AMOUNT),
    NAME("free", SHARE_AMOUNT),
    NAME("locked", SHARE_AMOUNT),
    NAME("amount", SHARE_AMOUNT), /* of transfers; the tickers' turnover goes with it */
    NAME("equity", SHARE_AMOUNT),
    NAME("margin", SHARE_AMOUNT),
    NAME("apikey", SHARE_KEY),
    NAME("sign", SHARE_SIGNATURE),
    NAME("signature", SHARE_SIGNATURE),
    /* What is needed to see what is wrong. */
    NAME("code", SHARE_WORD),
    NAME("errno", SHARE_WORD),
    NAME("symbol", SHARE_WORD),
    NAME("symbols", SHARE_WORD),
    NAME("basecurrency", SHARE_WORD),
    NAME("quotecurrency", SHARE_WORD),
    NAME("currency", SHARE_WORD),
    NAME("currencycode", SHARE_WORD),
    NAME("feecurrencyid", SHARE_WORD),
    NAME("coin", SHARE_WORD),
    NAME("chain", SHARE_WORD),
    NAME("network", SHARE_WORD),
    NAME("side", SHARE_WORD),
    NAME("ordtype", SHARE_WORD),
    NAME("ordstate", SHARE_WORD),
    NAME("ordstatus", SHARE_WORD),
    NAME("timeinforce", SHARE_WORD),
    NAME("state", SHARE_WORD),
    NAME("status", SHARE_WORD),
    NAME("type", SHARE_WORD),
    NAME("typename", SHARE_WORD),
    NAME("role", SHARE_WORD),
    NAME("channel", SHARE_WORD),
    NAME("level", SHARE_WORD),
    NAME("instrumentid", SHARE_WORD),
    NAME("depth", SHARE_WORD),
    NAME("interval", SHARE_WORD),
    NAME("period", SHARE_WORD),
    NAME("size", SHARE_WORD),
    NAME("limit", SHARE_WORD),
    NAME("pagenum", SHARE_WORD),
    NAME("pagesize", SHARE_WORD),
    NAME("total", SHARE_WORD),
    NAME("count", SHARE_FIGURE),
    NAME("ordprice", SHARE_FIGURE),
    NAME("ordqty", SHARE_FIGURE),
    NAME("ordamt", SHARE_FIGURE),
    NAME("cumqty", SHARE_FIGURE),
    NAME("cumamt", SHARE_FIGURE),
    NAME("leavesqty", SHARE_FIGURE),
    NAME("execqty", SHARE_FIGURE),
    NAME("execamt", SHARE_FIGURE),
    NAME("avgprice", SHARE_FIGURE),
    NAME("fee", SHARE_FIGURE),
    NAME("price", SHARE_FIGURE),
    NAME("qty", SHARE_FIGURE),
    NAME("a", SHARE_FIGURE), /* of the order book */
    NAME("b", SHARE_FIGURE),
    NAME("open", SHARE_FIGURE),
    NAME("high", SHARE_FIGURE),
    NAME("low", SHARE_FIGURE),
    NAME("close", SHARE_FIGURE),
    NAME("bid", SHARE_FIGURE),
    NAME("bidsize", SHARE_FIGURE),
    NAME("ask", SHARE_FIGURE),
    NAME("asksize", SHARE_FIGURE),
    NAME("volume", SHARE_FIGURE),
    NAME("timestamp", SHARE_FIGURE),
    NAME("time", SHARE_FIGURE),
    NAME("ts", SHARE_FIGURE),
    NAME("servertime", SHARE_FIGURE),
    NAME("starttime", SHARE_FIGURE),
    NAME("endtime", SHARE_FIGURE),
    NAME("matchtime", SHARE_FIGURE),
    NAME("message", SHARE_TEXT),
    NAME("msg", SHARE_TEXT),
    NAME("errmsg", SHARE_TEXT),
#undef NAME
};

/* Returns the length, NAME_MAX + 1 where it is too long. */
static size_t fold(char folded[NAME_MAX + 1], struct slice name)
{
    size_t length = 0;
    for (size_t i = 0; i < name.length && length <= NAME_MAX; i++) {
        char byte = name.data[i];
        if (byte == '_' || byte == '-')
            continue;
        folded[length++] = (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
    }
    return length;
}

enum share_kind share_kind_of_name(struct slice name)
{
    char folded[NAME_MAX + 1];
    struct slice text = slice_of(folded, fold(folded, name));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (names[i].name.length == text.length && slice_equal(names[i].name, text))
            return names[i].kind;
    }
    return SHARE_VALUE;
}

bool share_is_public_word(struct slice text)
{
    static const char *const segments[] = {
        "api",
        "fi",
        "v1",
        "v2",
        "v3",
        "spot",
        "accountlist",
        "trade",
        "order",
        "orders",
        "active",
        "place",
        "placebatch",
        "cancel",
        "cancelall",
        "cancelbatch",
        "del",
        "match",
        "orderinfo",
        "public",
        "config",
        "configs",
        "accountmatches",
        "market",
        "ticker",
        "tickers",
        "asset",
        "deposit",
        "withdraw",
        "dowithdraw",
        "cancelwithdraw",
        "record",
        "list",
        "do",
        "common",
        "future",
        "queryhismatch",
        "transfer",
        "cancelbatchbyclordid",
    };
    char folded[NAME_MAX + 1];
    struct slice word = slice_of(folded, fold(folded, text));
    for (size_t i = 0; i < ARRAY_LENGTH(segments); i++) {
        if (slice_equal_text(word, segments[i]))
            return true;
    }
    return share_kind_of_name(text) != SHARE_VALUE;
}
