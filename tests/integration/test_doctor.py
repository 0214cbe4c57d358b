"""`countersign doctor`: each situation that people were stuck in, rehearsed, and named."""
import contextlib
import datetime
import json
import ssl
import time
from email.utils import formatdate

import pytest

import coinstore
from certificates import Authority
from held_port import HeldPort
from egress import Egress
from peer import Peer
from program import environment, run
from terminal import Terminal
from upstream import Upstream, http_answer, now_ms, sends

PUBLIC, BALANCE = "/api/v1/ticker/price", "/api/spot/accountList"
FUTURES_PUBLIC, FUTURES_READ = "/api/configs/public", "/api/v2/trade/order/queryHisMatch"
MOST_REQUESTS = 12
OK = b'{"code":0,"message":"Success","data":[]}'
UNAUTHORIZED = b'{"code":1401,"message":"unauthorized","data":null}'
SIGNATURE_FAILED = b'{"code":401,"message":"signature-failed","data":null}'


def dated(body, status="200 OK", offset_s=0.0):
    """An answer with the Date of an exchange whose clock is this much ahead."""
    fields = [("Content-Type", "application/json"), ("Date", formatdate(time.time() + offset_s, usegmt=True))]
    return http_answer(body, status, fields)


class Exchange(Upstream):
    """The tests' exchange with a clock of its own, a whitelist that may not hold whoever asks, and Date in its answers."""

    def __init__(self, certificate_file, account, *, offset_s=0.0, refuses_address=False, knows_keys=True, **options):
        super().__init__(certificate_file, account.key, account.secret, **options)
        self.offset_s = offset_s
        self.refuses_address = refuses_address
        self.knows_keys = knows_keys

    def _judge(self, head, fields, body):
        target = head.split(b" ", 2)[1]
        now = now_ms() + int(self.offset_s * 1000)
        verdict = coinstore.verdict(fields, target, body, self.api_key, self.api_secret, now)
        expires = [int(value) for name, value in fields if name == "X-CS-EXPIRES"]
        is_far = verdict == coinstore.ACCEPTED and abs(expires[0] - now) > coinstore.WINDOW_MS
        return "too far from this clock" if is_far else verdict

    def _answer(self, request):
        if request.path in (PUBLIC, FUTURES_PUBLIC):
            return dated(OK, offset_s=self.offset_s)
        if request.verdict == "wrong API key" and self.knows_keys:
            return dated(SIGNATURE_FAILED, "401 Unauthorized", self.offset_s)
        if self.refuses_address or request.verdict != coinstore.ACCEPTED:
            return dated(UNAUTHORIZED, offset_s=self.offset_s)
        return dated(OK, offset_s=self.offset_s)

    def _behaviour(self, path):
        with self.changed:
            scripted = path in self.scripts
        if scripted:
            return super()._behaviour(path)
        return lambda request, wire: wire.send(self._answer(request)) or True


class Diagnosis:
    def __init__(self, done):
        self.code = done.returncode
        self.output = (done.stdout + done.stderr).decode()
        *self.checks, self.verdict = [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert self.verdict["exit_code"] == self.code, self.output

    def check(self, name, way=None):
        found = [check for check in self.checks if check["check"] == name and way in (None, check.get("way"))]
        assert found, f"no {name} {way}: {self.output}"
        return found[0]

    def status(self, name, way=None):
        return self.check(name, way)["status"]

    def standing(self, cause):
        return {each["id"]: each["standing"] for each in self.verdict["causes"]}.get(cause)

    def names(self, cause, code=1):
        assert (self.code, self.verdict.get("cause")) == (code, cause), self.output
        return self


def keeps_its_word(exchanges, secrets, output):
    """What holds in every situation: few requests, reads alone, each once, and no secret in what is printed."""
    requests = [request for exchange in exchanges for request in exchange.everything]
    assert len(requests) <= MOST_REQUESTS
    assert {(request.method, request.target) for request in requests} <= {
        ("GET", PUBLIC), ("POST", BALANCE), ("GET", FUTURES_PUBLIC), ("GET", FUTURES_READ)}
    windows = range(coinstore.window(now_ms()) - 3, coinstore.window(now_ms()) + 4)
    for secret in secrets:
        assert secret not in output
        assert not any(coinstore.window_key(secret, window) in output for window in windows)


@pytest.fixture
def exchanges():
    """What the test started, ended with it."""
    started = []
    yield started
    for exchange in started:
        exchange.close()


@pytest.fixture
def exchange(exchanges, certificate_file, account):
    def start(**options):
        exchanges.append(Exchange(options.pop("certificate", certificate_file), account, **options))
        return exchanges[-1]
    return start


@pytest.fixture
def doctor(configure, tmp_path, account, exchanges):
    """Runs `countersign doctor --json` against an exchange, or whatever listens at `url`."""
    def examine(target=None, *arguments, url=None, key=account.key, secret=account.secret, **upstream):
        url = url or target.url
        config = configure({"upstream spot": {"url": url, **upstream}})
        env = environment(tmp_path, COINSTORE_API_KEY=key, COINSTORE_API_SECRET=secret)
        done = run("doctor", "-c", config, "--json", "--timeout", 5, *arguments, env=env)
        keeps_its_word(exchanges, {key, secret, account.key, account.secret}, (done.stdout + done.stderr).decode())
        return Diagnosis(done)
    return examine


# --- all is well ---

def test_all_is_well_where_the_signed_read_is_accepted(doctor, exchange):
    upstream = exchange()
    found = doctor(upstream)
    assert (found.code, found.verdict["verdict"]) == (0, "well"), found.output
    assert "cause" not in found.verdict
    assert found.status("signed", "ipv4") == "ok"
    assert found.check("wrong-signature", "ipv4")["code"] == "1401"
    assert [request.verdict for request in upstream.everything].count(coinstore.ACCEPTED) == 1


def test_each_check_has_a_line_in_order(doctor, exchange):
    names = [check["check"] for check in doctor(exchange()).checks]
    order = ["configuration", "api-key", "api-secret", "clock", "name", "route-ipv4", "route-ipv6", "tls", "egress-proxy",
             "public", "signed", "wrong-signature"]
    assert list(dict.fromkeys(names)) == order


def test_the_number_of_requests_that_is_told_is_the_one_that_came(doctor, exchange):
    upstream = exchange(refuses_address=True)
    assert doctor(upstream).verdict["requests"] == len(upstream.everything)


# --- the way ---

def test_nothing_listens(doctor):
    with HeldPort() as deserted:
        found = doctor(url=f"https://localhost:{deserted.port}").names("nobody-listens")
    assert "Connection refused" in found.verdict["sentence"]
    assert str(deserted.port) in found.verdict["sentence"]


def test_a_name_that_does_not_resolve(doctor):
    found = doctor(url="https://no-such-exchange.invalid")
    assert found.code == 1
    assert found.verdict["cause"] in ("name-unknown", "resolver-down")  # the second where no resolver answers at all
    assert found.status("name") == "failed"
    assert "no-such-exchange.invalid" in found.verdict["sentence"]


def test_a_certificate_that_has_expired_says_since_when_and_names_the_clock(doctor, exchange, authority):
    certificate = authority.issue("localhost", valid_for=datetime.timedelta(days=-3, hours=-1))
    day = (datetime.datetime.utcnow() - datetime.timedelta(days=3, hours=1)).strftime("%Y-%m-%d")
    upstream = exchange(certificate=certificate)
    found = doctor(upstream).names("certificate-expired")
    assert day in found.check("tls")["says"]
    assert "3 days ago" in found.check("tls")["says"]
    assert "date" in found.check("tls")["todo"]
    assert upstream.everything == []


def test_a_certificate_that_soon_expires_is_a_warning(doctor, exchange):
    found = doctor(exchange())
    assert (found.status("tls"), found.code) == ("warning", 0)
    assert "days left" in found.check("tls")["says"]
    assert "TLSv1.3" in found.check("tls")["says"]


def test_a_certificate_of_an_issuer_that_is_not_trusted(doctor, exchange, tmp_path):
    folder = tmp_path / "stranger"
    folder.mkdir()
    found = doctor(exchange(certificate=Authority(folder, "stranger").issue("localhost"))).names("certificate-untrusted")
    assert "stranger" in found.check("tls")["says"]


def test_a_certificate_for_another_host(doctor, exchange, authority):
    found = doctor(exchange(certificate=authority.issue("elsewhere.example"))).names("certificate-untrusted")
    assert "elsewhere.example" in found.check("tls")["todo"]


PORTAL = b"<!DOCTYPE html><html><head><title>Welcome to the hotel</title></head><body>Log in</body></html>"


@pytest.mark.parametrize("answer, said", [
    (http_answer(PORTAL, fields=[("Content-Type", "text/html")]), "Welcome to the hotel"),
    (http_answer(b"", "302 Found", [("Location", "https://portal.example/login")]), "https://portal.example/login"),
])
def test_a_captive_portal_gets_no_signed_request(doctor, exchange, answer, said):
    upstream = exchange()
    upstream.script(PUBLIC, sends(answer))
    upstream.script(BALANCE, sends(answer))
    found = doctor(upstream).names("captive-portal")
    assert said in found.verdict["sentence"]
    assert {request.target for request in upstream.everything} == {PUBLIC}


def test_a_gateways_error_page_is_not_about_the_key(doctor, exchange):
    upstream = exchange()
    upstream.script(PUBLIC, sends(http_answer(b"<html>down</html>", "502 Bad Gateway", [("Content-Type", "text/html")])))
    doctor(upstream).names("gateway")


def test_a_gateway_may_stop_signed_requests_alone(doctor, exchange):
    upstream = exchange()
    upstream.script(BALANCE, sends(http_answer(b"<html>no</html>", "403 Forbidden", [("Content-Type", "text/html")])))
    found = doctor(upstream).names("gateway")
    assert "signed read" in found.verdict["sentence"]


def test_the_futures_host_is_asked_what_it_has(doctor, exchange, authority):
    upstream = exchange(certificate=authority.issue("futures.localhost"))
    found = doctor(url=upstream.url.replace("localhost", "futures.localhost"))
    assert found.code == 0, found.output
    assert {request.target for request in upstream.everything} == {FUTURES_PUBLIC, FUTURES_READ}


class Mute(Peer):
    """Accepts, and ends."""

    def _serve(self, sock):
        sock.close()


def test_what_speaks_no_tls_is_told_from_a_certificate(doctor):
    with Mute() as peer:
        doctor(url=f"https://localhost:{peer.port}").names("not-tls")


class AsksForCertificate(Peer):
    """Shows a certificate that is right, and breaks the handshake off: the client has none to show."""

    def __init__(self, certificate):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(certificate)
        self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__()

    def _serve(self, sock):
        with contextlib.suppress(OSError):
            self.context.wrap_socket(sock, server_side=True)


def test_a_handshake_that_breaks_off_behind_a_right_certificate_is_not_laid_on_it(doctor, certificate_file):
    with AsksForCertificate(certificate_file) as peer:
        found = doctor(url=f"https://localhost:{peer.port}").names("not-tls")
    assert "not for this host" not in found.output and "asked of this side" in found.check("tls")["todo"]


def test_an_egress_proxy_that_refuses(doctor, exchange):
    with Egress("407 Proxy Authentication Required") as egress:
        found = doctor(exchange(), proxy=egress.url).names("egress-refused")
    assert found.status("egress-proxy") == "failed"


def test_an_egress_proxy_that_is_not_there(doctor, exchange):
    with Egress("200 OK") as egress:
        pass  # its port is free again
    found = doctor(exchange(), proxy=egress.url).names("egress-refused")
    assert "refused" in found.check("egress-proxy")["says"]


def test_through_an_egress_proxy(doctor, exchange):
    with Egress("200 OK") as egress:
        found = doctor(exchange(), proxy=egress.url)
    assert found.code == 0, found.output
    assert found.status("signed", "proxy") == found.status("signed", "ipv4") == "ok"


# --- the clock ---

def clock_of(found):
    """How far the exchange's clock is ahead, in seconds, and the bound that is told."""
    said = found.check("clock")["says"]
    value = float(said.split(" clock is ")[1].split(" s ")[0])
    return -value if "ahead of" in said else value, float(said.split("± ")[1].split(" s")[0])


@pytest.mark.parametrize("offset_s", [-0.6, 0.0, 3.3])
def test_the_clocks_are_compared_within_a_bound(doctor, exchange, offset_s):
    found = doctor(exchange(offset_s=offset_s))
    value, bound = clock_of(found)
    assert abs(value - offset_s) <= bound + 0.01, found.output
    assert bound < 0.5, found.output
    assert found.code == 0


@pytest.mark.parametrize("offset_s", [45, -95])
def test_a_clock_that_is_off_is_shown_by_signing_for_the_exchanges_time(doctor, exchange, offset_s):
    found = doctor(exchange(offset_s=offset_s)).names("clock")
    assert found.status("clock") == "failed"
    assert abs(clock_of(found)[0] - offset_s) < 1
    assert found.check("their-time")["code"] == "0"
    assert all(found.standing(other) == "ruled out" for other in ("wrong-secret", "wrong-key", "ip-not-whitelisted"))
    assert "not documented" in found.check("clock")["todo"]
    assert "of 100 requests 100 carry another one" in found.check("clock")["todo"]


def test_a_clock_that_is_a_part_of_a_window_off_says_how_many_requests_fall_into_another(doctor, exchange):
    todo = doctor(exchange(offset_s=12)).check("clock")["todo"]
    share = int(todo.split("of 100 requests ")[1].split(" carry")[0])
    assert 38 <= share <= 41, todo  # 12 s of 30 s, and the bound


def test_a_clock_that_is_off_is_not_blamed_where_their_time_is_refused_too(doctor, exchange, other):
    found = doctor(exchange(offset_s=45), secret=other)
    assert found.standing("clock") == "unlikely"
    assert found.verdict["cause"] == "wrong-secret"


# --- who asks ---

@pytest.fixture
def other(account):
    """As long and of the same form as the account's, and another."""
    return account.secret[::-1] if account.secret != account.secret[::-1] else "0" * 32


def test_a_wrong_secret(doctor, exchange, other):
    found = doctor(exchange(), secret=other).names("wrong-secret")
    assert found.standing("wrong-key") == "ruled out"
    assert found.standing("clock") == "ruled out"
    assert found.check("made-up-key")["code"] == "401"
    assert found.standing("ip-not-whitelisted") == "likely"  # 1401 is documented for it, too, and no probe sees it
    assert "no probe can tell apart" in found.verdict["sentence"]


def test_a_wrong_key(doctor, exchange, other):
    found = doctor(exchange(), key=other).names("wrong-key")
    assert found.standing("wrong-secret") == "possible"
    assert found.standing("sub-account-frozen") == "possible"
    assert found.verdict["code"] == "401"


def test_where_the_signature_is_told_apart_the_whitelist_is_left(doctor, exchange):
    """An exchange that answers 3005 to a wrong signature, and 1401 to an address."""
    upstream = exchange()

    def answers(request, wire):
        wrong = request.verdict == "wrong signature"
        wire.send(dated(b'{"code":3005,"message":"signature error"}' if wrong else UNAUTHORIZED))
        return True
    upstream.script(BALANCE, answers)
    found = doctor(upstream).names("ip-not-whitelisted")
    assert found.standing("wrong-secret") == found.standing("wrong-key") == "ruled out"


def test_where_everything_is_refused_the_whitelist_is_likelier_than_the_secret(doctor, exchange):
    found = doctor(exchange(refuses_address=True, knows_keys=False)).names("ip-not-whitelisted")
    assert found.standing("wrong-secret") == found.standing("wrong-key") == "possible"


def test_white_space_around_the_secret(doctor, account, exchange):
    upstream = exchange()
    found = doctor(upstream, secret=account.secret + "  ").names("key-white-space")
    assert "2 blanks at the end" in found.check("api-secret")["says"]
    assert found.status("api-key") == "skipped"
    assert upstream.everything == []


def test_a_secret_with_a_letter_for_a_digit(doctor, exchange, account):
    spoilt = "O" + account.secret[1:]
    found = doctor(exchange(), secret=spoilt).names("wrong-secret")
    assert found.status("api-secret") == "warning"
    assert "position 1" in found.check("api-secret")["says"]


def test_the_key_in_the_secrets_place(doctor, exchange, account):
    doctor(exchange(), secret=account.key).names("same-text")


def test_the_secret_in_the_keys_place_does_not_leave(doctor, exchange, account):
    upstream = exchange()
    doctor(upstream, key=account.secret).names("same-text")
    assert {request.target for request in upstream.everything} == {PUBLIC}


def test_another_code_is_named_by_what_is_documented_for_it(doctor, exchange):
    upstream = exchange()
    upstream.script(BALANCE, sends(dated(b'{"code":6001,"message":"no"}')))
    found = doctor(upstream).names("sub-account-business")
    assert "sub-account" in found.verdict["sentence"]
    assert found.verdict["code_means"]


def test_what_a_client_may_do_wrong_is_ruled_out_for_the_doctors_own_requests(doctor, exchange, other):
    found = doctor(exchange(), secret=other)
    assert found.standing("signature") == "ruled out"
    assert "1401" in found.verdict["sentence"] + found.verdict["code"]


def test_an_answer_of_which_nothing_is_known_is_called_unclear(doctor, exchange):
    upstream = exchange()
    upstream.script(BALANCE, sends(dated(b'{"code":99999,"message":"?"}')))
    found = doctor(upstream)
    assert (found.code, found.verdict["verdict"]) == (2, "unclear"), found.output


def test_whoever_accepts_a_wrong_signature_is_not_the_exchange(doctor, exchange):
    upstream = exchange()
    upstream.script(BALANCE, sends(dated(OK)))
    doctor(upstream).names("other-server")


# --- two families, over a real dual-stack loopback ---

@pytest.fixture
def dual_stack(exchange):
    """One exchange at 127.0.0.1 and ::1; the key's whitelist holds the addresses of the families named."""
    def start(*whitelist, **options):
        with HeldPort() as held:
            first = exchange(refuses_address="ipv4" not in whitelist, port=held.port, **options)
            exchange(refuses_address="ipv6" not in whitelist, address="::1", port=held.port, **options)
        return first
    return start


@pytest.mark.parametrize("held, missing", [("ipv4", "ipv6"), ("ipv6", "ipv4")])
def test_a_whitelist_with_the_address_of_one_family(doctor, dual_stack, held, missing):
    found = doctor(dual_stack(held)).names("ip-family")
    assert (found.status("signed", held), found.status("signed", missing)) == ("ok", "failed")
    assert found.status("public", missing) == "ok"
    assert {"127.0.0.1", "::1"} <= {check["local"] for check in found.checks if check["check"] == "signed"}
    assert f"ip_family = {held}" in found.verdict["todo"]
    assert "IPv4 (from 127.0.0.1)" in found.verdict["sentence"]
    assert "IPv6 (from ::1)" in found.verdict["sentence"]


def test_a_family_that_is_not_used_may_be_refused(doctor, dual_stack):
    found = doctor(dual_stack("ipv4"), ip_family="ipv4")
    assert (found.code, found.verdict["verdict"]) == (0, "well"), found.output
    assert "IPv6" in found.verdict["todo"]


@pytest.mark.parametrize("used, other, host", [("ipv4", "ipv6", "[::1]"), ("ipv6", "ipv4", "127.0.0.1")])
def test_a_family_that_is_used_and_has_no_way_is_told_from_one_that_has(doctor, exchange, authority, used, other, host):
    address = host.strip("[]")
    target = exchange(address=address, certificate=authority.issue(address))
    found = doctor(url=f"https://{host}:{target.port}", ip_family=used).names("no-route")
    assert found.status("public", used) in ("warning", "failed"), found.output
    assert found.status("public", other) == "ok", found.output
    assert (found.status("signed", other), len(target.everything)) == ("ok", 2)


def test_a_whitelist_with_neither_address(doctor, dual_stack):
    found = doctor(dual_stack())
    assert found.standing("ip-not-whitelisted") == "likely"
    assert found.standing("ip-family") is None


def detour():
    """An egress proxy whose way out is IPv6: another address than the direct one."""
    return Egress("200 OK", leads_to="::1")


def test_a_whitelist_that_holds_the_direct_address_and_not_the_proxys(doctor, dual_stack):
    with detour() as egress:
        found = doctor(dual_stack("ipv4"), proxy=egress.url).names("egress-address")
    assert found.status("signed", "proxy") == "failed"
    assert found.verdict["requests"] <= MOST_REQUESTS


def test_whatever_goes_wrong_no_more_requests_are_made_than_promised(doctor, dual_stack, exchanges):
    """Three ways, all of them refused, and a clock that is off: there is most to ask."""
    with detour() as egress:
        found = doctor(dual_stack(offset_s=45), proxy=egress.url)
    assert found.code == 1, found.output
    assert found.verdict["requests"] == sum(len(each.everything) for each in exchanges) == MOST_REQUESTS


# --- without the network ---

def test_offline_nothing_is_asked(doctor, exchange):
    upstream = exchange()
    found = doctor(upstream, "--offline")
    assert (found.code, upstream.everything) == (0, [])
    assert [check["check"] for check in found.checks] == ["configuration", "api-key", "api-secret"]


def test_offline_a_suspicious_form_is_a_cause(doctor, exchange, account):
    doctor(exchange(), "--offline", secret=account.secret[:-1]).names("key-form")


# --- usage ---

@pytest.mark.parametrize("arguments, said", [
    (["--account", "nobody"], "nobody"),
    (["--upstream", "nowhere"], "nowhere"),
    (["--timeout", "soon"], "soon"),
    (["--sideways"], "--sideways"),
    (["more"], "more"),
])
def test_a_wrong_argument_is_named(configure, env, arguments, said):
    done = run("doctor", "-c", configure(), *arguments, env=env)
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_a_wrong_configuration_is_2(configure, env):
    done = run("doctor", "-c", configure({"upstream spot": {"url": "nonsense"}}), env=env)
    assert done.returncode == 2
    assert "nonsense" in done.stderr.decode()


def test_a_secret_that_is_not_there_is_2(configure, tmp_path, account):
    done = run("doctor", "-c", configure(), "--json", env=environment(tmp_path, COINSTORE_API_KEY=account.key))
    assert done.returncode == 2
    assert "COINSTORE_API_SECRET" in done.stdout.decode()
    assert "not set" in done.stdout.decode()


# --- for people ---

class Configured:
    def __init__(self, config_file, env):
        self.config_file = config_file
        self.env = env


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(configure, env, exchange, columns):
    config = configure({"upstream spot": {"url": exchange(refuses_address=True).url}})
    seen = Terminal(Configured(config, env), "doctor", columns=columns, NO_COLOR="1")
    assert seen.code == 1
    assert "\x1b" not in seen.text
    paths = [line for line in seen.text.splitlines() if "/tmp" in line or "http" in line]  # are not torn apart
    assert max(len(line) for line in seen.text.splitlines() if line not in paths) <= columns
    assert "of at most 12 requests were sent" in " ".join(seen.text.split())


def test_the_command_that_says_more_says_more(configure, env, exchange, other):
    config = configure({"upstream spot": {"url": exchange().url}})
    said = run("doctor", "-c", config, env={**env, "COINSTORE_API_SECRET": other}).stdout.decode()
    command = next(line for line in said.splitlines() if line.startswith("`countersign explain")).split("`")[1]
    assert run(*command.split()[1:], env=env).returncode == 0, command


def test_what_failed_is_red_on_a_terminal_with_colours(configure, env, exchange):
    config = configure({"upstream spot": {"url": exchange(refuses_address=True).url}})
    assert "\x1b[31mfailed" in Terminal(Configured(config, env), "doctor").text


def test_what_others_say_cannot_move_the_terminal(configure, env, exchange):
    upstream = exchange()
    upstream.script(BALANCE, sends(dated(b'{"code":1401,"message":"\\u001b]0;owned\\u0007"}')))
    seen = Terminal(Configured(configure({"upstream spot": {"url": upstream.url}}), env), "doctor", NO_COLOR="1")
    assert "\x1b" not in seen.text
    assert "owned" in seen.text


def test_a_key_that_an_answer_repeats_is_masked(doctor, exchange, account):
    upstream = exchange()
    upstream.script(BALANCE, sends(dated(f'{{"code":1401,"message":"key {account.key} is bad"}}'.encode())))
    assert account.key not in doctor(upstream).output
