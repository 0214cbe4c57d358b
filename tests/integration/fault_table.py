"""Every fault that the faulty upstream can make, with what a client may be told of an order that it strikes: the one list
that the upstream, the judge and the tests share."""
from dataclasses import dataclass

OK = "200 ok"
LOST = "502 unknown lost"
TIMEOUT = "504 unknown timeout"
MALFORMED = "502 unknown response-malformed"
NO_CODE = "200 unknown no-code"
NOT_SENT = ("502 not_sent tls", "502 not_sent connect", "502 not_sent connect-timeout")

HTTP_1, HTTP_2 = "1.1", "2"
BOTH = (HTTP_1, HTTP_2)

# Where a fault strikes, and what it counts to choose: connections, or requests.
ACCEPT = "accept"      # instead of the handshake
SHAKEN = "shaken"      # behind the handshake, before a byte of the request is read
UNREAD = "unread"      # a request has come, and is left in the socket's buffer
REQUEST = "request"    # a request was read
ANSWERED = "answered"  # behind a whole answer, just as others come
NETWORK = "network"    # on the way, wherever

# The upstream's section that a fault is met with.
QUICK, CONNECT, STALL, PATIENT, LOSSY = "quick", "connect", "stall", "patient", "lossy"
SECTIONS = {
    QUICK: {"timeout": "20s", "connect_timeout": "10s"},
    CONNECT: {"timeout": "20s", "connect_timeout": "400ms"},
    STALL: {"timeout": "400ms", "connect_timeout": "300ms"},
    PATIENT: {"timeout": "800ms", "connect_timeout": "800ms"},  # on a slow machine, too, long enough for a connection
    LOSSY: {"timeout": "1500ms", "connect_timeout": "1s"},
}
# What may befall an order beside a struck one, because the machine is slow or a connection is shared.
SLOW = {QUICK: (), CONNECT: NOT_SENT, STALL: (TIMEOUT, *NOT_SENT), PATIENT: (), LOSSY: ()}


@dataclass(frozen=True)
class Fault:
    name: str
    where: str
    struck: tuple        # what may be told of an order that was struck
    protocols: tuple = BOTH
    section: str = QUICK
    share: int = 2       # one in so many is struck
    after: int = 0       # a connection ends, as it should, behind so many answers; 0: it does not
    beside: tuple = ()   # what, other than "200 ok", may be told of others: those on a connection that a fault ends
    shared: tuple = (LOST,)  # the same, over HTTP/2, where one connection carries many

    def may_be_told(self, is_struck, protocol):
        slow = SLOW[self.section]
        if is_struck:
            return {*self.struck, *slow}
        return {OK, *self.beside, *slow, *(self.shared if protocol == HTTP_2 else ())}


def at_connections(name, *struck, section=CONNECT, share=3):
    return Fault(name, ACCEPT, (), section=section, share=share, after=3, beside=struck or NOT_SENT, shared=())


FAULTS = [
    # before a request
    at_connections("accept, close"),
    at_connections("accept, reset"),
    at_connections("accept, stall", section=STALL, share=12),
    at_connections("hello read, close"),
    at_connections("hello read, reset"),
    at_connections("half a handshake, close"),
    at_connections("half a handshake, reset"),
    at_connections("half a handshake, stall", section=STALL, share=12),
    # Whether the request was on its way by then, nobody can say: a handshake's end and the request leave together.
    Fault("handshake, close", SHAKEN, (), share=3, after=3, beside=(LOST, *NOT_SENT)),
    Fault("handshake, reset", SHAKEN, (), share=3, after=3, beside=(LOST, *NOT_SENT)),
    # the request
    Fault("unread, close", UNREAD, (LOST,), (HTTP_1,)),
    Fault("unread, reset", UNREAD, (LOST,), (HTTP_1,)),
    Fault("unread, stall", UNREAD, (TIMEOUT,), (HTTP_1,), STALL, share=16),
    Fault("a byte read, close", UNREAD, (LOST,), (HTTP_1,)),
    Fault("a byte read, reset", UNREAD, (LOST,), (HTTP_1,)),
    Fault("read, close", REQUEST, (LOST,)),
    Fault("read, end of TLS", REQUEST, (LOST,)),
    Fault("read, reset", REQUEST, (LOST,)),
    Fault("read, stall", REQUEST, (TIMEOUT,), section=STALL, share=16),
    # the answer's head
    Fault("half a status line, close", REQUEST, (LOST,), (HTTP_1,)),
    Fault("half a head, close", REQUEST, (LOST,)),
    Fault("half a head, end of TLS", REQUEST, (LOST,)),
    Fault("half a head, reset", REQUEST, (LOST,)),
    Fault("half a head, stall", REQUEST, (TIMEOUT,), section=STALL, share=16, shared=(TIMEOUT,)),
    # the answer's body
    Fault("half a body, close", REQUEST, (LOST,)),
    Fault("half a body, end of TLS", REQUEST, (LOST,)),
    Fault("half a body, reset", REQUEST, (LOST,)),
    Fault("half a body, stall", REQUEST, (TIMEOUT,), section=STALL, share=16),
    Fault("half a chunk, close", REQUEST, (LOST,), (HTTP_1,)),
    # lengths
    Fault("length too large, close", REQUEST, (LOST,)),
    Fault("length too large, kept", REQUEST, (TIMEOUT,), (HTTP_1,), STALL, share=16),
    Fault("length too small, kept", REQUEST, (LOST,), (HTTP_2,)),
    # By HTTP's rules these two are whole answers: the one still says code 0, the other says nothing.
    Fault("length too small, kept", REQUEST, (OK,), (HTTP_1,)),
    Fault("length within the code, kept", REQUEST, (NO_CODE,), (HTTP_1,)),
    Fault("answered twice", REQUEST, (OK,), (HTTP_1,)),
    # connections that are kept: a reset, which unread requests of others bring about as well, can take the answer along
    Fault("idle, close", ANSWERED, (OK, LOST), share=3, beside=(LOST,)),
    Fault("idle, end of TLS", ANSWERED, (OK, LOST), share=3, beside=(LOST,)),
    Fault("idle, reset", ANSWERED, (OK, LOST), share=3, beside=(LOST,)),
    # HTTP/2 alone
    Fault("GOAWAY, all answered", REQUEST, (OK,), (HTTP_2,), share=8, shared=()),
    Fault("GOAWAY below, kept", REQUEST, (LOST,), (HTTP_2,)),
    Fault("GOAWAY below, close", REQUEST, (LOST,), (HTTP_2,)),
    Fault("GOAWAY at it, close", REQUEST, (LOST,), (HTTP_2,)),
    Fault("GOAWAY with an error, close", REQUEST, (LOST,), (HTTP_2,)),
    Fault("GOAWAY when idle, close", ANSWERED, (OK, LOST), (HTTP_2,), share=8, beside=(LOST,)),
    Fault("RST_STREAM, REFUSED_STREAM", REQUEST, (LOST,), (HTTP_2,), shared=()),
    Fault("RST_STREAM, HTTP_1_1_REQUIRED", REQUEST, (LOST,), (HTTP_2,), shared=()),
    Fault("RST_STREAM, each other error", REQUEST, (LOST,), (HTTP_2,), shared=()),
    Fault("half a body, RST_STREAM", REQUEST, (LOST, NO_CODE), (HTTP_2,), shared=()),
    Fault("answered, RST_STREAM", REQUEST, (OK,), (HTTP_2,), shared=()),
]

NONE = Fault("none", REQUEST, (OK,), shared=())
LATE = Fault("answered late", REQUEST, (OK,), share=1, shared=())  # by LATE_S
LATE_S = 0.5
DROPPED = Fault("packets dropped", NETWORK, (), section=LOSSY, beside=(LOST, TIMEOUT, *NOT_SENT))


def find(name, protocol):
    return next((fault for fault in (*FAULTS, LATE) if fault.name == name and protocol in fault.protocols), NONE)


def cases():
    return [(fault, protocol) for fault in FAULTS for protocol in fault.protocols]
