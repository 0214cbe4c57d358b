/* How it is done right, a line of code for each language and step. Data alone. */
#include "recipe_private.h"

const struct recipe_fix recipe_fix_body = {
    .python = "body = json.dumps(order); payload = query + body; requests.post(url, data=body, headers=headers)",
    .javascript = "const body = JSON.stringify(order); const payload = query + body; "
                  "await fetch(url, { method: 'POST', body, headers });",
    .java = "String body = mapper.writeValueAsString(order); String payload = query + body; "
            "request.POST(BodyPublishers.ofString(body));",
};

const struct recipe_fix recipe_fix_empty_body = {
    .python = "body = '{}' if method == 'POST' and not params else body  # sign and send this very string",
    .javascript =
        "const body = method === 'GET' ? '' : JSON.stringify(params ?? {}); // sign and send this very string",
    .java =
        "String body = method.equals(\"GET\") ? \"\" : params.isEmpty() ? \"{}\" : mapper.writeValueAsString(params);",
};

const struct recipe_fix recipe_fix_form = {
    .python = "body = json.dumps(order); payload = query + body; requests.post(url, data=body, headers=headers)  # "
              "data=order, a dict, is sent as a form",
    .javascript = "const body = JSON.stringify(order); const payload = query + body; "
                  "await fetch(url, { method: 'POST', body, headers }); // no URLSearchParams",
    .java = "String body = mapper.writeValueAsString(order); String payload = query + body; "
            "request.POST(BodyPublishers.ofString(body)); // no form",
};

const struct recipe_fix recipe_fix_once = {
    .python = "body = json.dumps(order); payload = query + body; requests.post(url, data=body, headers=headers)  # not "
              "json=body, not json.dumps(body)",
    .javascript = "const body = JSON.stringify(order); const payload = query + body; "
                  "await fetch(url, { method: 'POST', body, headers }); // no second JSON.stringify",
    .java = "String body = mapper.writeValueAsString(order); String payload = query + body; "
            "request.POST(BodyPublishers.ofString(body)); // written once",
};

const struct recipe_fix recipe_fix_json = {
    .python = "body = json.dumps(order); payload = query + body; requests.post(url, data=body, headers=headers)  # not "
              "json=order",
    .javascript = "const body = JSON.stringify(order); await axios.post(url, body, { headers, transformRequest: [] });",
    .java = "byte[] body = mapper.writeValueAsBytes(order); // once: sign these bytes, send these bytes",
};

const struct recipe_fix recipe_fix_query = {
    .python = "query = urllib.parse.urlencode(params); url = base + path + '?' + query; payload = query + body",
    .javascript = "const query = new URLSearchParams(params).toString(); const url = `${base}${path}?${query}`; "
                  "const payload = query + body;",
    .java = "String query = uri.getRawQuery() == null ? \"\" : uri.getRawQuery(); String payload = query + body;",
};

const struct recipe_fix recipe_fix_joiner = {
    .python = "payload = query + body  # the query without its ?, then the body, nothing between them",
    .javascript = "const payload = query + body; // the query without its ?, then the body, nothing between them",
    .java = "String payload = query + body; // the query without its ?, then the body, nothing between them",
};

const struct recipe_fix recipe_fix_prefix = {
    .python = "payload = query + body  # no method, no host, no path, no time, no key",
    .javascript = "const payload = query + body; // no method, no host, no path, no time, no key",
    .java = "String payload = query + body; // no method, no host, no path, no time, no key",
};

const struct recipe_fix recipe_fix_window = {
    .python = "expires = int(time.time() * 1000); window = str(expires // 30000)",
    .javascript = "const expires = Date.now(); const window = String(Math.floor(expires / 30000));",
    .java = "long expires = System.currentTimeMillis(); String window = Long.toString(expires / 30000);",
};

const struct recipe_fix recipe_fix_expires = {
    .python = "headers['X-CS-EXPIRES'] = str(expires)  # the very expires that the window was made from",
    .javascript = "headers['X-CS-EXPIRES'] = String(expires); // the very expires that the window was made from",
    .java =
        "request.header(\"X-CS-EXPIRES\", Long.toString(expires)); // the very expires that the window was made from",
};

const struct recipe_fix recipe_fix_secret_read = {
    .python = "secret = os.environ['COINSTORE_API_SECRET'].strip().strip('\"\\'')",
    .javascript = "const secret = process.env.COINSTORE_API_SECRET.trim().replace(/^[\"']|[\"']$/g, '');",
    .java = "String secret = System.getenv(\"COINSTORE_API_SECRET\").strip().replaceAll(\"^[\\\"']|[\\\"']$\", \"\");",
};

const struct recipe_fix recipe_fix_secret_text = {
    .python = "key = secret.encode()  # its characters as they are: no bytes.fromhex, no b64decode, no upper()",
    .javascript = "const key = Buffer.from(secret, 'utf8'); // its characters as they are: not 'hex', not 'base64'",
    .java = "byte[] key = secret.getBytes(StandardCharsets.UTF_8); // its characters as they are: no hex, no Base64",
};

const struct recipe_fix recipe_fix_intermediate = {
    .python = "window_key = hmac.new(secret.encode(), window.encode(), hashlib.sha256).hexdigest().encode()",
    .javascript =
        "const windowKey = crypto.createHmac('sha256', secret).update(window).digest('hex'); // text, lower case",
    .java =
        "byte[] windowKey = HexFormat.of().formatHex(mac.doFinal(window.getBytes())).getBytes(); // text, lower case",
};

const struct recipe_fix recipe_fix_steps = {
    .python = "window_key = hmac.new(secret.encode(), window.encode(), sha256).hexdigest(); "
              "sign = hmac.new(window_key.encode(), payload.encode(), sha256).hexdigest()",
    .javascript = "const hex = (key, text) => crypto.createHmac('sha256', key).update(text).digest('hex'); "
                  "const sign = hex(hex(secret, window), payload);",
    .java = "String sign = hmacHex(hmacHex(secret, window), payload); // hmacHex(key, message): the key comes first",
};

const struct recipe_fix recipe_fix_digest = {
    .python = "sign = hmac.new(window_key, payload.encode(), hashlib.sha256).hexdigest()  # SHA-256 in both steps",
    .javascript = "const sign = crypto.createHmac('sha256', windowKey).update(payload).digest('hex'); // in both steps",
    .java = "Mac mac = Mac.getInstance(\"HmacSHA256\"); // in both steps",
};

const struct recipe_fix recipe_fix_output = {
    .python = "headers['X-CS-SIGN'] = hmac.new(window_key, payload.encode(), hashlib.sha256).hexdigest()",
    .javascript = "headers['X-CS-SIGN'] = crypto.createHmac('sha256', windowKey).update(payload).digest('hex');",
    .java = "request.header(\"X-CS-SIGN\", HexFormat.of().formatHex(mac.doFinal(payload))); // lower case",
};
