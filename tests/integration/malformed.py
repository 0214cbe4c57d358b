"""Requests that parse in two ways, or in none, and their well-formed neighbours: written from RFC 9112, not from the code.

A case is the bytes and the error that names it; what stands behind the bytes of a malformed one must never be read."""
from rawhttp import build_request, chunked

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"

REQUEST, TARGET, FIELD = "malformed-request", "malformed-target", "malformed-field"
LENGTH, METHOD, HEADER, BODY, HOST = "ambiguous-length", "method-refused", "header-too-large", "body-too-large", "other-host"
STATUS = {METHOD: 405, HEADER: 431, BODY: 413}  # the others: 400

# What a smuggler hides behind each.
ORDER = build_request("POST", PLACE, [("X-Hidden", "1")], b'{"hidden":1}')


def line(text, fields=b"Host: localhost\r\n"):
    """A request by its line's bytes, which the caller ends."""
    return text + fields + b"\r\n"


def fields(*lines, ends=b"\r\n"):
    """A GET whose fields are these lines' bytes, each ended."""
    return b"GET /api/trade/order/active HTTP/1.1\r\nHost: localhost\r\n" + b"".join(each + ends for each in lines) + b"\r\n"


def post(*lines, body=b"{}"):
    return b"POST /api/trade/order/place HTTP/1.1\r\nHost: localhost\r\n" + b"".join(each + b"\r\n" for each in lines) + b"\r\n" + body


def chunks(body):
    return post(b"Transfer-Encoding: chunked", body=body)


GET = b"GET /api/trade/order/active "

MALFORMED = {
    # where a request's end is, RFC 9112 §6
    "two lengths, different": (post(b"Content-Length: 2", b"Content-Length: 3", body=b"{} "), LENGTH),
    "two lengths, the same": (post(b"Content-Length: 2", b"content-length: 2"), LENGTH),
    "a length of 0 and another": (post(b"Content-Length: 0", b"Content-Length: 2"), LENGTH),
    "a length and chunks": (post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=chunked(b"{}")), LENGTH),
    "chunks and a length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=chunked(b"{}")), LENGTH),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked", body=chunked(b"{}")), LENGTH),
    "chunked, identity": (post(b"Transfer-Encoding: chunked, identity", body=chunked(b"{}")), LENGTH),
    "identity": (post(b"Transfer-Encoding: identity", b"Content-Length: 2"), LENGTH),
    "a coding of another name": (post(b"Transfer-Encoding: xchunked", body=chunked(b"{}")), LENGTH),
    "chunked with a vertical tab": (post(b"Transfer-Encoding: \x0bchunked", body=chunked(b"{}")), FIELD),
    "an empty coding": (post(b"Transfer-Encoding:", body=chunked(b"{}")), LENGTH),
    "chunked twice": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=chunked(b"{}")), LENGTH),
    "quoted chunked": (post(b'Transfer-Encoding: "chunked"', body=chunked(b"{}")), LENGTH),
    "chunks in HTTP/1.0": (post(b"Transfer-Encoding: chunked", body=chunked(b"{}")).replace(b"HTTP/1.1", b"HTTP/1.0"), LENGTH),
    "a length with a sign": (post(b"Content-Length: +2"), REQUEST),
    "a negative length": (post(b"Content-Length: -1"), REQUEST),
    "a list of lengths": (post(b"Content-Length: 2,2"), REQUEST),
    "a hexadecimal length": (post(b"Content-Length: 0x2"), REQUEST),
    "a length with a blank in it": (post(b"Content-Length: 1 2", body=b"{}" * 6), REQUEST),
    "a length with a fraction": (post(b"Content-Length: 2.0"), REQUEST),
    "an empty length": (post(b"Content-Length:"), REQUEST),
    "a blank length": (post(b"Content-Length:  \t"), REQUEST),
    "a quoted length": (post(b'Content-Length: "2"'), REQUEST),
    "a length of 2^64": (post(b"Content-Length: 18446744073709551616"), REQUEST),
    "a length of 2^64 + 2": (post(b"Content-Length: 18446744073709551618"), REQUEST),
    "a length of 2^63": (post(b"Content-Length: 9223372036854775808"), REQUEST),
    "a length of words": (post(b"Content-Length: two"), REQUEST),
    "a length beyond the limit": (post(b"Content-Length: 1099511627776"), BODY),
    # chunks, RFC 9112 §7.1
    "a chunk size with 0x": (chunks(b"0x2\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk size with a sign": (chunks(b"+2\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a negative chunk size": (chunks(b"-2\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a blank before a chunk size": (chunks(b" 2\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a blank behind a chunk size": (chunks(b"2 \r\n{}\r\n0\r\n\r\n"), REQUEST),
    "no chunk size": (chunks(b"\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk size that is none": (chunks(b"xyz\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk size over 2^64": (chunks(b"10000000000000002\r\n{}\r\n0\r\n\r\n"), BODY),
    "a chunk size of 2^63": (chunks(b"8000000000000000\r\n{}\r\n0\r\n\r\n"), BODY),
    "a huge chunk": (chunks(b"7fffffff\r\n{}\r\n0\r\n\r\n"), BODY),
    "a chunk size of endless zeros": (chunks(b"0" * 300 + b"2\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk size ended by LF": (chunks(b"2\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk size ended by CR": (chunks(b"2\r{}\r\n0\r\n\r\n"), FIELD),
    "an extension ended by LF": (chunks(b"2;a\n{}\r\n0\r\n\r\n"), REQUEST),
    "an extension with NUL": (chunks(b"2;a=\0\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "an extension without end": (chunks(b"2;" + b"a" * 300 + b"\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk longer than its size": (chunks(b"1\r\n{}\r\n0\r\n\r\n"), REQUEST),
    "a chunk ended by LF": (chunks(b"2\r\n{}\n0\r\n\r\n"), REQUEST),
    "a chunk ended by CR": (chunks(b"2\r\n{}\r0\r\n\r\n"), REQUEST),
    "a chunk without end": (chunks(b"2\r\n{}0\r\n\r\n"), REQUEST),
    "a last chunk ended by LF": (chunks(b"2\r\n{}\r\n0\n\r\n"), REQUEST),
    "a trailer without colon": (chunks(b"2\r\n{}\r\n0\r\nX-Trailer\r\n\r\n"), FIELD),
    "a trailer ended by LF": (chunks(b"2\r\n{}\r\n0\r\nX-Trailer: 1\n\r\n"), FIELD),
    "a blank before a trailer": (chunks(b"2\r\n{}\r\n0\r\n X-Trailer: 1\r\n\r\n"), FIELD),
    "a trailer with NUL": (chunks(b"2\r\n{}\r\n0\r\nX-Trailer: \0\r\n\r\n"), FIELD),
    "trailers ended by LF": (chunks(b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\n"), FIELD),
    # the request line, RFC 9112 §3
    "HTTP/0.9": (b"GET /api/trade/order/active\r\n", REQUEST),
    "HTTP/0.9 without a target": (b"GET\r\n", REQUEST),
    "HTTP/1.2": (line(GET + b"HTTP/1.2\r\n"), REQUEST),
    "HTTP/2.0": (line(GET + b"HTTP/2.0\r\n"), REQUEST),
    "HTTP/0.9 by name": (line(GET + b"HTTP/0.9\r\n"), REQUEST),
    "HTTP/1.10": (line(GET + b"HTTP/1.10\r\n"), REQUEST),
    "HTTP/1": (line(GET + b"HTTP/1\r\n"), REQUEST),
    "HTTP/11.1": (line(GET + b"HTTP/11.1\r\n"), REQUEST),
    "http/1.1": (line(GET + b"http/1.1\r\n"), REQUEST),
    "ICY/1.1": (line(GET + b"ICY/1.1\r\n"), REQUEST),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REQUEST),
    "a blank behind the version": (line(GET + b"HTTP/1.1 \r\n"), REQUEST),
    "two blanks before the version": (line(GET + b" HTTP/1.1\r\n"), REQUEST),
    "two blanks before the target": (line(b"GET  /api/trade/order/active HTTP/1.1\r\n"), TARGET),
    "a blank in the target": (line(GET + b"more HTTP/1.1\r\n"), REQUEST),
    "a tab before the target": (line(b"GET\t/api/trade/order/active HTTP/1.1\r\n"), REQUEST),
    "a tab before the version": (line(b"GET /api/trade/order/active\tHTTP/1.1\r\n"), TARGET),
    "a tab for each blank": (line(b"GET\t/api/trade/order/active\tHTTP/1.1\r\n"), REQUEST),
    "a blank before the method": (line(b" " + GET + b"HTTP/1.1\r\n"), REQUEST),
    "an empty line before": (line(b"\r\n" + GET + b"HTTP/1.1\r\n"), REQUEST),
    "an empty line of LF before": (line(b"\n" + GET + b"HTTP/1.1\r\n"), REQUEST),
    "a page of empty lines before": (line(b"\r\n" * 2048 + GET + b"HTTP/1.1\r\n"), REQUEST),
    "a request behind a NUL": (line(b"\0GET /hidden HTTP/1.1\r\n" + GET + b"HTTP/1.1\r\n"), REQUEST),
    "a method with NUL": (line(b"GE\0T /api/trade/order/active HTTP/1.1\r\n"), REQUEST),
    "a method that is no token": (line(b"G(T /api/trade/order/active HTTP/1.1\r\n"), REQUEST),
    "a target with NUL": (line(b"GET /api/trade/order/active\0/hidden HTTP/1.1\r\n"), TARGET),
    "a target with a control byte": (line(b"GET /a\x01b HTTP/1.1\r\n"), TARGET),
    "a target with DEL": (line(b"GET /a\x7f HTTP/1.1\r\n"), TARGET),
    "a target that is no path": (line(b"GET api/trade/order/active HTTP/1.1\r\n"), TARGET),
    "another host's target": (line(b"GET http://evil.example/api/trade/order/active HTTP/1.1\r\n"), HOST),
    "a target in CONNECT's form": (line(b"CONNECT api.coinstore.com:443 HTTP/1.1\r\n"), METHOD),
    "a line ended by LF": (line(GET + b"HTTP/1.1\n"), REQUEST),
    "a line ended by CR": (line(GET + b"HTTP/1.1\r"), REQUEST),
    "a version with NUL": (line(GET + b"HTTP/1.1\0\r\n"), REQUEST),
    "a TLS hello": (bytes.fromhex("16030100c8010000c40303") + bytes(189), REQUEST),
    "noise": (b"\xff\xfe\x00\x01" * 16, REQUEST),
    # fields, RFC 9112 §5
    "a folded field": (fields(b"X-A: 1", b" 2"), FIELD),
    "a field folded by a tab": (fields(b"X-A: 1", b"\t2"), FIELD),
    "a folded length": (post(b"Content-Length:", b" 2"), REQUEST),
    "a length folded by its name": (post(b"Content-: 2", b" Length"), FIELD),
    "a blank before the colon": (fields(b"X-A : 1"), FIELD),
    "a tab before the colon": (fields(b"X-A\t: 1"), FIELD),
    "a blank before a length's colon": (post(b"Content-Length : 2"), FIELD),
    "a blank before a coding's colon": (post(b"Transfer-Encoding : chunked", body=chunked(b"{}")), FIELD),
    "a blank before the first field": (line(GET + b"HTTP/1.1\r\n", b" Host: localhost\r\n"), FIELD),
    "no name": (fields(b": 1"), FIELD),
    "no colon": (fields(b"X-A"), FIELD),
    "a name that is no token": (fields(b"X(A): 1"), FIELD),
    "a name beyond ASCII": (fields(b"X\xc3\xa4: 1"), FIELD),
    "a name with NUL": (fields(b"X\0A: 1"), FIELD),
    "a NUL before a name": (fields(b"\0X-A: 1"), FIELD),
    "a value with NUL": (fields(b"X-A: 1\0002"), FIELD),
    "a value that is NUL": (fields(b"X-A: \0"), FIELD),
    "a value with a control byte": (fields(b"X-A: \x1b[2J"), FIELD),
    "a value with DEL": (fields(b"X-A: \x7f"), FIELD),
    "a value with a lone CR": (fields(b"X-A: 1\rX-B: 2"), FIELD),
    "a value with a lone LF": (fields(b"X-A: 1\nX-B: 2"), FIELD),
    "fields ended by LF": (fields(b"X-A: 1", ends=b"\n"), FIELD),
    "fields ended by LF CR": (fields(b"X-A: 1", ends=b"\n\r"), FIELD),
    "fields ended by CR CR LF": (fields(b"X-A: 1", ends=b"\r\r\n"), FIELD),
    "fields ended by NUL LF": (fields(b"X-A: 1", ends=b"\0\n"), FIELD),
    "a head ended by LF": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\n", FIELD),
    "a cookie of one quotation mark": (fields(b'Cookie: a=b; c="'), FIELD),
    "a cookie of one quotation mark before NUL": (fields(b'Cookie: a=b; c="\0"'), FIELD),
    "two hosts": (fields(b"Host: localhost"), FIELD),
    "two different hosts": (fields(b"host: evil.example"), FIELD),
    "no host": (line(GET + b"HTTP/1.1\r\n", b""), FIELD),
    "a head over the limit": (fields(b"X-Long: " + b"y" * 17_000), HEADER),
    "a field without end": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"y" * 17_000, HEADER),
    "a target without end": (b"GET /" + b"y" * 17_000, HEADER),
    "a method without end": (b"G" * 17_000, HEADER),
    "too many fields": (fields(*[b"X-%d: 1" % number for number in range(300)]), HEADER),
    "too many cookies": (fields(b"Cookie: " + b"a;" * 300), HEADER),
    "one cookie too many, behind one quotation mark": (fields(b"Cookie: " + b"a;" * 253 + b'c=";"'), HEADER),
    "trailers over the limit": (chunks(b"2\r\n{}\r\n0\r\nX-Long: " + b"y" * 17_000 + b"\r\n\r\n"), HEADER),
}


def padded(size):
    """A GET whose head has `size` bytes."""
    least = len(fields(b"X-Long: "))
    return fields(b"X-Long: " + b"y" * (size - least))


WELL_FORMED = {
    "plain": fields(),
    "names in lower case": fields(b"x-a: 1", b"accept: */*").replace(b"Host", b"host"),
    "names in upper case": fields(b"X-A: 1").replace(b"Host", b"HOST"),
    "an empty value": fields(b"X-A:", b"X-B: ", b"X-C: \t "),
    "no blank behind the colon": fields(b"X-A:1"),
    "blanks and tabs around a value": fields(b"X-A: \t 1 2 \t "),
    "a value beyond ASCII": fields(b"X-A: \xc3\xa4\x80\xff"),
    "a value with a colon and quotes": fields(b'X-A: "a:b", \'c\'; d={}'),
    "a name of every token byte": fields(b"!#$%&'*+-.^_`|~09azAZ: 1"),
    "a name of one letter": fields(b"X: 1"),
    "names that begin as others": fields(b"Content-Lengths: a", b"Transfer-Encodings: b", b"Content-Lengt: c"),
    "cookies": fields(b"Cookie: " + b"; ".join(b"c%d=1" % number for number in range(100))),
    "cookies in quotation marks": fields(b'Cookie: a="b"; c=""; "; d="x;y"; e=="; f=""g; h=q"'),
    "a cookie of quotation marks": fields(b'Cookie: a=""'),
    "an open quotation mark in a cookie": fields(b'Cookie: a="b'),
    "a target beyond ASCII": line(b"GET /api/trade/order/active?a=\xc3\xa4 HTTP/1.1\r\n"),
    "a target of odd bytes": line(b"GET /api/trade/order/active?a=\"<>\\^`{|}'#[] HTTP/1.1\r\n"),
    "this exchange's own host in the target": None,  # made by the test: it knows the port
    "HTTP/1.0": line(GET + b"HTTP/1.0\r\n"),
    "HTTP/1.0 without a host": line(GET + b"HTTP/1.0\r\n", b""),
    "the largest head": padded(16 * 1024),
    "the most fields": fields(*[b"X-%d: 1" % number for number in range(255)]),
    "no body": post(b"Content-Length: 0", body=b""),
    "no length": post(body=b""),
    "a body": post(b"Content-Length: 2"),
    "a length with zeros before it": post(b"Content-Length: 0002"),
    "a length behind blanks": post(b"Content-Length: \t 2"),
    "a length without a blank": post(b"content-length:2"),
    "a body that reads like a request": post(b"Content-Length: %d" % len(ORDER), body=ORDER.replace(b"hidden", b"inside")),
    "one chunk": chunks(b"2\r\n{}\r\n0\r\n\r\n"),
    "chunked in capitals": post(b"Transfer-Encoding: CHUNKED", body=chunked(b"{}")),
    "two chunks": chunks(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
    "chunk sizes with zeros before them": chunks(b"00002\r\n{}\r\n000\r\n\r\n"),
    "chunk sizes in capitals": chunks(b"A\r\n" + b'{"a":1234}' + b"\r\n0\r\n\r\n"),
    "no chunk": chunks(b"0\r\n\r\n"),
    "a chunk with an extension": chunks(b'2;a=1;b="c d"\r\n{}\r\n0;last\r\n\r\n'),
    "trailers": chunks(b"2\r\n{}\r\n0\r\nX-Trailer: 1\r\nContent-Length: 99\r\nX-Empty:\r\n\r\n"),
    "chunks that read like an end": chunks(b"9\r\n\r\n0\r\n\r\n{}\r\n0\r\n\r\n"),
}
