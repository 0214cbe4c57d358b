"""The way out: an egress proxy, an address family."""
import pytest

import coinstore
from egress import Egress
from peer import Peer
from rawhttp import Stream

PLACE = "/api/trade/order/place"


def test_an_egress_proxy_is_used_and_sees_ciphertext_alone(start, upstream):
    with Egress("200 Connection established") as egress:
        proxy = start({"upstream spot": {"proxy": egress.url}})
        assert proxy.request("POST", PLACE, [], b"{}").status == 200
        assert egress.asked == [f"CONNECT {upstream.host} HTTP/1.1"]
    assert upstream.only_request().verdict == coinstore.ACCEPTED
    assert "proxy" not in upstream.only_request().head.decode().lower()


def test_an_egress_proxy_that_refuses_is_named_and_nothing_is_sent(start, upstream):
    with Egress("403 Forbidden") as egress:
        proxy = start({"upstream spot": {"proxy": egress.url, "connect_timeout": "1s"}})
        answer = proxy.request("POST", PLACE, [], b"{}")
    assert (answer.status, answer.outcome) == (502, "not_sent")
    assert "proxy" in answer.json()["message"].lower()
    assert upstream.everything == []


class Socks(Egress):
    """A SOCKS5 proxy (RFC 1928) without authentication that takes host names."""

    def __init__(self, reply=0):
        self.reply = reply
        super().__init__("")
        self.url = self.url.replace("http://", "socks5h://")

    def _serve(self, sock):
        with sock:
            stream = Stream(sock)
            count = stream.take(2)[1]
            stream.take(count)
            sock.sendall(b"\x05\x00")
            assert stream.take(4) == b"\x05\x01\x00\x03"
            name = stream.take(stream.take(1)[0]).decode()
            port = int.from_bytes(stream.take(2), "big")
            self.asked.append((name, port))
            sock.sendall(bytes([5, self.reply, 0, 1, 127, 0, 0, 1, 0, 0]))
            if self.reply == 0:
                self._tunnel(sock, port)


def test_a_socks_proxy_is_given_the_hosts_name_and_sees_ciphertext_alone(start, upstream):
    with Socks() as egress:
        proxy = start({"upstream spot": {"proxy": egress.url}})
        assert proxy.request("POST", PLACE, [], b"{}").status == 200
        name, _, port = upstream.host.partition(":")
        assert egress.asked == [(name, int(port))]
    assert upstream.only_request().verdict == coinstore.ACCEPTED


def test_a_socks_proxy_that_refuses_is_named_and_nothing_is_sent(start, upstream):
    with Socks(reply=2) as egress:
        proxy = start({"upstream spot": {"proxy": egress.url, "connect_timeout": "1s"}})
        answer = proxy.request("POST", PLACE, [], b"{}")
    assert (answer.status, answer.outcome) == (502, "not_sent")
    assert "proxy" in answer.json()["message"].lower()
    assert upstream.everything == []


@pytest.mark.parametrize("family, status", [("ipv4", 200), ("any", 200), ("ipv6", 502)])
def test_the_address_family_is_the_one_asked_for(start, upstream, family, status):
    """The tests' exchange has an IPv4 address only."""
    proxy = start({"upstream spot": {"ip_family": family, "connect_timeout": "1s"}})
    answer = proxy.request("POST", PLACE, [], b"{}")
    assert answer.status == status
    assert len(upstream.requests()) == (status == 200)
