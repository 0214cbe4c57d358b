"""One connection of the faulty upstream, and the ways in which it ends."""
import select
import socket
import ssl
import struct

STALL_S = 600  # longer than any client waits, and than a run of many clients that do so in turn


def wait_until_it_leaves(sock):
    """Reads nothing: what has come stays in the socket's buffer."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    poll.poll(STALL_S * 1000)
    sock.close()


def reset(sock):
    """RST instead of FIN (socket(7), SO_LINGER)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def end_tls(sock):
    """close_notify, then FIN; waits for neither of the other side's."""
    sock.setblocking(False)
    try:
        sock.unwrap()
    except (ssl.SSLError, OSError):
        pass  # the other side's close_notify has not come
    sock.close()


ENDS = {"close": lambda sock: sock.close(), "reset": reset, "end of TLS": end_tls, "stall": wait_until_it_leaves}


def half_a_handshake(sock, context):
    """Answers a client's hello with the first half of the server's flight."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    try:
        while not outgoing.pending:
            incoming.write(sock.recv(65536))
            tls.do_handshake()
    except ssl.SSLWantReadError:
        pass  # for the client's flight
    flight = outgoing.read()
    sock.sendall(flight[:len(flight) // 2])


def before_the_handshake(sock, context, stage):
    if stage == "hello read":
        sock.recv(65536)
    elif stage == "half a handshake":
        half_a_handshake(sock, context)
