"""Coinstore's signature and endpoints, written from the exchange's public API documentation ("Signature
Authentication") and from nothing else, so that the tests judge the program by the documents."""
import hashlib
import hmac
import re

WINDOW_MS = 30_000
FIELDS = ("X-CS-APIKEY", "X-CS-SIGN", "X-CS-EXPIRES")
ACCEPTED = "accepted"
UNSIGNED = "unsigned"

PUBLIC = re.compile(r"^/api/(v1/market/|v1/ticker/price|v2/public/)")


def hmac_hex(key, message):
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def window(expires_ms):
    return expires_ms // WINDOW_MS


def window_key(secret, number):
    """The 64 characters that can sign for window `number`."""
    return hmac_hex(secret.encode(), str(number).encode())


def payload(target, body):
    """The query string as sent, without its question mark, then the body: nothing between them."""
    return target.partition(b"?")[2] + body


def sign(secret, expires_ms, signed_bytes):
    return hmac_hex(window_key(secret, window(expires_ms)).encode(), signed_bytes)


def signature_fields(api_key, secret, expires_ms, target, body):
    """The three fields of a signed request, as a client would add them."""
    signature = sign(secret, expires_ms, payload(target, body))
    return list(zip(FIELDS, (api_key, signature, str(expires_ms))))


def verdict(fields, target, body, api_key, secret, now_ms):
    """ACCEPTED, UNSIGNED, or what the exchange would refuse. `fields` are (name, value) pairs as received."""
    found = {name: [value for given, value in fields if given.upper() == name] for name in FIELDS}
    if not any(given.upper().startswith("X-CS-") for given, _ in fields):
        return UNSIGNED
    repeated = [name for name, values in found.items() if len(values) != 1]
    if repeated:
        return f"not exactly one of {', '.join(repeated)}"
    key, signature, expires = (found[name][0] for name in FIELDS)
    if key != api_key:
        return "wrong API key"
    if not re.fullmatch(r"[0-9]{13}", expires):
        return f"X-CS-EXPIRES is not 13 digits: {expires!r}"
    if abs(window(int(expires)) - window(now_ms)) > 1:
        return f"X-CS-EXPIRES {expires} is more than one window from {now_ms}"
    if signature != sign(secret, int(expires), payload(target, body)):
        return "wrong signature"
    return ACCEPTED
