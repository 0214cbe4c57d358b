"""Signs requests wrongly, in every way that `countersign verify` names: written from the exchange's documentation and the
standard library's hashlib, hmac, json and urllib, to judge the program's recipes from outside.

A way to go wrong is a name, as `verify --list` has it. Names of different dimensions go together."""
import base64
import binascii
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

BOM = b"\xef\xbb\xbf"
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
SPACINGS = {"json-compact": (",", ":", 0), "json-spaced": (", ", ": ", 0), "json-indent-2": (",", ": ", 2),
            "json-indent-4": (",", ": ", 4)}
STAND_INS = {"body-left-out": b"", "body-braces": b"{}", "body-null": b"null", "body-quotes": b'""', "body-none": b"None",
             "body-undefined": b"undefined", "body-object": b"[object Object]"}
DIVISORS = {f"window-by-{n}": n for n in (1000, 3000, 5000, 10000, 15000, 20000, 60000, 300000, 3600000)}
AWAY = 17  # windows, of window-away


@dataclass(frozen=True)
class Request:
    """A request as it is sent. `spacing` and `ascii` say how its body's JSON is written."""
    method: str = "POST"
    target: str = "/api/trade/order/place"
    body: bytes = b""
    expires: int = 1770742394290
    spacing: str = "json-compact"
    ascii: bool = False
    host: str = "api.coinstore.com"
    scheme: str = "https"

    @property
    def query(self):
        return self.target.partition("?")[2]

    @property
    def path(self):
        return self.target.partition("?")[0]


class Number:
    """A JSON number, exactly as it is written."""
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


# --- numbers as languages print them ---

def digits_of(value):
    """The significant digits, and where the point stands: 0.DIGITS times ten to it."""
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    text = "".join(map(str, digits))
    significant = text.lstrip("0")
    point = len(significant) + exponent if significant else 1
    return significant.rstrip("0") or "0", point


def placed(digits, point, fraction):
    if point <= 0:
        return "0." + "0" * -point + digits
    if len(digits) <= point:
        return digits + "0" * (point - len(digits)) + fraction
    return digits[:point] + "." + digits[point:]


def javascript_number(text):
    value = float(text)
    digits, point = digits_of(value)
    sign = "-" if value < 0 else ""
    if -6 < point <= 21:
        return sign + placed(digits, point, "")
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def java_number(text):
    if not re.search("[.eE]", text):
        return text
    value = float(text)
    digits, point = digits_of(value)
    sign = "-" if value < 0 else ""
    if -3 < point <= 7:
        return sign + placed(digits, point, ".0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{point - 1}"


def python_number(text):
    return repr(float(text)) if re.search("[.eE]", text) else str(int(text))


PRINTERS = {"numbers-python": python_number, "numbers-javascript": javascript_number, "numbers-java": java_number}


def renumber(value, name):
    if isinstance(value, dict):
        return {key: renumber(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [renumber(item, name) for item in value]
    if isinstance(value, Number) and name in PRINTERS:
        return Number(PRINTERS[name](value.text))
    if isinstance(value, Number) and name == "numbers-quoted":
        return value.text
    if isinstance(value, str) and name == "numbers-bare" and NUMBER.fullmatch(value):
        return Number(value)
    return value


# --- JSON ---

def parse(body):
    try:
        return json.loads(trimmed(body), parse_int=Number, parse_float=Number)
    except ValueError:
        return None


def resorted(value):
    if isinstance(value, dict):
        return {key: resorted(value[key]) for key in sorted(value)}
    return [resorted(item) for item in value] if isinstance(value, list) else value


def dumped(value, spacing, string, level=0):
    comma, colon, indent = SPACINGS[spacing]
    inner = "\n" + " " * (indent * (level + 1)) if indent else ""
    outer = "\n" + " " * (indent * level) if indent else ""
    if isinstance(value, dict) and value:
        members = [string(key) + colon + dumped(item, spacing, string, level + 1) for key, item in value.items()]
        return "{" + inner + (comma + inner).join(members) + outer + "}"
    if isinstance(value, list) and value:
        return "[" + inner + (comma + inner).join(dumped(item, spacing, string, level + 1) for item in value) + outer + "]"
    if isinstance(value, str):
        return string(value)
    return value.text if isinstance(value, Number) else json.dumps(value)


def java_text(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return value if isinstance(value, str) else value.text if isinstance(value, Number) else json.dumps(value)


def form(value, string):
    if not isinstance(value, dict):
        return dumped(value, "json-compact", string)
    return "&".join(f"{key}={item if isinstance(item, str) else dumped(item, 'json-compact', string)}"
                    for key, item in value.items())


def trimmed(body):
    return body.removeprefix(BOM).strip(b" \t\r\n")


def content(request, chosen):
    """The body's bytes; None where the recipe does not apply."""
    name = chosen.get("body")
    if name in STAND_INS:
        return STAND_INS[name]
    again = {"spacing", "order", "escapes", "numbers"} & set(chosen)
    if name == "body-twice":
        inner = content(request, {**chosen, "body": None})
        if parse(request.body) is None or inner is None:
            return None
        return json.dumps(inner.decode(), ensure_ascii=chosen.get("escapes") == "json-ascii").encode()
    if not again and name is None:
        return request.body
    value = parse(request.body)
    if value is None:
        return None
    if "order" in chosen:
        value = resorted(value)
    value = renumber(value, chosen.get("numbers"))
    ascii_only = {"json-ascii": True, "json-utf8": False}.get(chosen.get("escapes"), request.ascii)

    def string(text):
        written = json.dumps(text, ensure_ascii=ascii_only)
        return written.replace("/", "\\/") if chosen.get("escapes") == "json-slashes" else written

    if name == "body-form":
        return form(value, lambda text: json.dumps(text, ensure_ascii=request.ascii)).encode()
    if name == "body-python-text":
        return str(value).encode()
    if name == "body-java-text":
        return java_text(value).encode()
    return dumped(value, chosen.get("spacing", request.spacing), string).encode()


def signed_body(request, chosen):
    body = content(request, chosen)
    if body is None:
        return None
    return {"body-newline": body + b"\n", "body-crlf": body + b"\r\n", "body-bom": BOM + body,
            "body-trimmed": trimmed(body)}.get(chosen.get("ending"), body)


# --- the query ---

def encode_component(text):
    return quote(text, safe="-_.!~*'()")


def signed_query(request, chosen):
    query, name = request.query, chosen.get("query")
    if name == "query-left-out":
        return b""
    if "query-order" in chosen:
        if not query:
            return None
        query = "&".join(sorted(query.split("&"), key=lambda part: (part.partition("=")[0], part.partition("=")[2])))
    if name in ("query-json-spaced", "query-json-compact"):
        if not query:
            return None
        members = dict(parse_qsl(query, keep_blank_values=True))
        return (json.dumps(members) if name == "query-json-spaced"
                else json.dumps(members, separators=(",", ":"), ensure_ascii=False)).encode()
    pairs = parse_qsl(query, keep_blank_values=True)
    coded = {
        "query-decoded": lambda: unquote_to_bytes(query.replace("+", " ")),
        "query-decoded-plus": lambda: unquote_to_bytes(query),
        "query-blank-as-plus": lambda: query.replace("%20", "+").encode(),
        "query-plus-as-blank": lambda: query.replace("+", "%20").encode(),
        "query-hex-lower": lambda: re.sub("%[0-9A-Fa-f]{2}", lambda m: m[0].lower(), query).encode(),
        "query-hex-upper": lambda: re.sub("%[0-9A-Fa-f]{2}", lambda m: m[0].upper(), query).encode(),
        "query-urlencode": lambda: urlencode(pairs).encode(),
        "query-encode-component": lambda: "&".join(f"{encode_component(n)}={encode_component(v)}" for n, v in pairs).encode(),
    }
    return coded.get(chosen.get("query-coding"), query.encode)()


def payload(request, chosen, api_key):
    """What is signed; None where a recipe does not apply."""
    query, body, prefix = signed_query(request, chosen), signed_body(request, chosen), chosen.get("prefix")
    if query is None or body is None or prefix == "with-path-below-api" and not request.path.startswith("/api/"):
        return None
    with_mark = prefix in ("with-target", "with-method-target", "with-url", "with-expires-method-target")
    if chosen.get("query") == "query-with-mark" or (with_mark and query):
        query = b"?" + query
    expires, path, method = str(request.expires), request.path, request.method
    before = {
        "with-path": path, "with-target": path, "with-path-below-api": path.removeprefix("/api"), "with-method": method,
        "with-method-target": method + path, "with-host": request.host, "with-url": f"{request.scheme}://{request.host}{path}",
        "with-expires": expires, "with-expires-method-target": expires + method + path, "with-api-key": api_key,
    }.get(prefix, "").encode()
    joiner = {"join-ampersand": b"&", "join-newline": b"\n"}.get(chosen.get("joiner"), b"")
    middle = body + query if chosen.get("joiner") == "join-body-first" else query + joiner + body
    return before + middle + (expires.encode() if prefix == "with-expires-behind" else b"")


# --- keys ---

def window(request, name):
    expires = request.expires
    if name in DIVISORS:
        return str(expires // DIVISORS[name])
    if name == "window-of-timestamp":
        body = parse(request.body)
        stamp = body.get("timestamp") if isinstance(body, dict) else None
        return None if stamp is None else str(int(str(stamp)) // 30000)
    return {
        None: str(expires // 30000),
        "window-seconds": str(expires // 1000 // 30000),
        "window-microseconds": str(expires * 1000 // 30000),
        "window-undivided": str(expires),
        "window-rounded": str(int(expires / 30000 + 0.5)),
        "window-float": f"{expires // 30000}.0",
        "window-not-floored": str(expires / 30000),
        "window-before": str(expires // 30000 - 1),
        "window-after": str(expires // 30000 + 1),
        "window-away": str(expires // 30000 - AWAY),
    }[name]


def secret_bytes(secret, api_key, name):
    plain = secret.encode()
    return {
        None: lambda: plain, "secret-blank-behind": lambda: plain + b" ", "secret-blank-before": lambda: b" " + plain,
        "secret-newline": lambda: plain + b"\n", "secret-crlf": lambda: plain + b"\r\n",
        "secret-tab": lambda: plain + b"\t", "secret-bom": lambda: BOM + plain,
        "secret-quoted": lambda: b'"' + plain + b'"', "secret-single-quoted": lambda: b"'" + plain + b"'",
        "secret-bytes-text": lambda: str(plain).encode(), "secret-hex-decoded": lambda: bytes.fromhex(secret),
        "secret-hex-encoded": lambda: binascii.hexlify(plain), "secret-base64-decoded": lambda: base64.b64decode(plain),
        "secret-base64-encoded": lambda: base64.b64encode(plain), "secret-upper": lambda: secret.upper().encode(),
        "secret-lower": lambda: secret.lower().encode(), "secret-first-missing": lambda: plain[1:],
        "secret-last-missing": lambda: plain[:-1], "secret-is-api-key": lambda: api_key.encode(),
        "secret-empty": lambda: b"", "secret-none": lambda: b"None", "secret-undefined": lambda: b"undefined",
        "secret-null": lambda: b"null",
    }[name]()


def written(digest, name):
    return {
        None: lambda: digest.hex(), "sign-upper": lambda: digest.hex().upper(),
        "sign-base64": lambda: base64.b64encode(digest).decode(),
        "sign-base64-url": lambda: base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "sign-raw": lambda: quote(digest), "sign-base64-of-hex": lambda: base64.b64encode(digest.hex().encode()).decode(),
        "sign-hex-of-hex": lambda: digest.hex().encode().hex(), "sign-quoted": lambda: str(digest.hex().encode()),
    }[name]()


def sign(request, names, dimensions, api_key, secret):
    """X-CS-SIGN as a client would send it that goes wrong in these ways; None where one does not apply to the request."""
    chosen = {dimensions[name]: name for name in names}
    message, text = payload(request, chosen, api_key), window(request, chosen.get("window"))
    if message is None or text is None:
        return None
    digest = {"sha512": hashlib.sha512, "sha1": hashlib.sha1}.get(chosen.get("digest"), hashlib.sha256)
    secret, steps = secret_bytes(secret, api_key, chosen.get("secret")), chosen.get("steps")

    def keyed(key, data, swapped):
        return hmac.new(data, key, digest) if swapped else hmac.new(key, data, digest)

    if steps == "one-step":
        key = secret
    else:
        made = keyed(secret, text.encode(), steps in ("first-swapped", "both-swapped"))
        key = {"key-raw": made.digest, "key-upper": lambda: made.hexdigest().upper().encode(),
               "key-base64": lambda: base64.b64encode(made.digest())}.get(
                   chosen.get("intermediate"), lambda: made.hexdigest().encode())()
    return written(keyed(key, message, steps in ("second-swapped", "both-swapped")).digest(), chosen.get("output"))
