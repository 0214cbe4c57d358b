/* Any body as an order, or as a batch. Held: what passes is what an independent reader (cJSON, which takes names in any case
 * and turns numbers into doubles) sees as well: one symbol that is allowed, one side that is, and a notional within the limit,
 * whichever of members that stand twice it would take. Where the two disagree, the order must have been refused. */
#include "countersign/order_limit.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REASON_MAX = 640 };

static const double MAXIMUM = 500, ROUNDING = 1e-9;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static bool is_named(const cJSON *item, const char *name)
{
    return strcasecmp(item->string, name) == 0;
}

static double number_of(const cJSON *item)
{
    if (cJSON_IsNull(item))
        return 0;
    if (cJSON_IsNumber(item))
        return item->valuedouble;
    require(cJSON_IsString(item));
    char *end;
    double number = strtod(item->valuestring, &end);
    require(end != item->valuestring && *end == '\0');
    return number;
}

/* The largest that any member of this name says; 0 where there is none. */
static double largest(const cJSON *object, const char *name)
{
    double found = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (is_named(item, name) && number_of(item) > found)
            found = number_of(item);
    }
    return found;
}

static bool says(const cJSON *item, const char *text, double number)
{
    return cJSON_IsString(item) ? strcasecmp(item->valuestring, text) == 0
                                : cJSON_IsNumber(item) && fabs(item->valuedouble - number) < ROUNDING;
}

/* Every member of this name says this, and (where `needed`) there is one. */
static void require_all(const cJSON *object, const char *name, const char *text, double number, bool needed)
{
    size_t count = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!is_named(item, name))
            continue;
        require(says(item, text, number));
        count++;
    }
    require(count == 1 || (count == 0 && !needed));
}

static bool has(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItem(object, name) != NULL;
}

static void check_order(const cJSON *object, bool is_in_batch, bool is_bounded)
{
    if (has(object, "contractId")) {
        require(!is_bounded);
        require_all(object, "contractId", "100300034", 100300034, true);
        require_all(object, "side", "1", 1, true);
        require(!has(object, "symbol"));
        return;
    }
    require_all(object, "side", "BUY", 0, true);
    require_all(object, "symbol", "BTCUSDT", 0, !is_in_batch);
    if (!is_bounded)
        return;
    double product = largest(object, "ordPrice") * largest(object, "ordQty"), amount = largest(object, "ordAmt");
    require(product <= MAXIMUM * (1 + ROUNDING) && amount <= MAXIMUM * (1 + ROUNDING));
    require(product > 0 || amount > 0);
}

static void check(const cJSON *root, bool is_batch, bool is_bounded)
{
    require(cJSON_IsObject(root));
    if (!is_batch) {
        check_order(root, false, is_bounded);
        return;
    }
    const cJSON *orders = cJSON_GetObjectItem(root, "orders");
    require(cJSON_IsArray(orders) && orders->child != NULL);
    require_all(root, "symbol", "BTCUSDT", 0, false);
    for (const cJSON *item = orders->child; item != NULL; item = item->next) {
        check_order(item, true, is_bounded);
        require(has(item, "contractId") != has(root, "symbol"));
    }
}

static void judge(struct slice body, bool is_batch, const char *maximum)
{
    char reason[REASON_MAX] = "";
    struct http_field type = { SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json") };
    const struct order_request request = {
        .target = SLICE_LITERAL("/api/trade/order/place"),
        .fields = { &type, 1 },
        .body = body,
        .action = is_batch ? ORDER_ACTION_PLACES_BATCH : ORDER_ACTION_PLACES,
    };
    struct order_limits limits;
    require(order_limits_read(&limits, maximum, "BTCUSDT, 100300034", "BUY"));
    enum order_verdict verdict = order_judge(reason, sizeof(reason), &limits, "bot", &request);
    require((verdict == ORDER_PASSES) == (reason[0] == '\0'));
    if (verdict != ORDER_PASSES)
        return;
    cJSON *root = cJSON_ParseWithLength(body.data, body.length);
    require(root != NULL);
    check(root, is_batch, maximum[0] != '\0');
    cJSON_Delete(root);
}

/* The first byte says whether it is a batch. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice body = slice_of(data + 1, size - 1);
    judge(body, data[0] == 'b', "500");
    judge(body, data[0] == 'b', "");
    return 0;
}
