"""The program under test, as users run it: one worker, signing, the guard and the store on, nothing else changed."""
from .processes import free_port, listens, wait_until
from .rig import KEY, SECRET, environment


def write_config(folder, upstream_url, port, proxy=(), upstream=()):
    sections = {
        "proxy": {"state_dir": folder / "state", "log_level": "warning", "admin": f"127.0.0.1:{free_port()}", **dict(proxy)},
        "account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
        "upstream spot": {"url": upstream_url, **({"ca_file": folder / "ca.pem"} if upstream_url.startswith("https") else {}),
                          **dict(upstream)},
        "listener bot": {"listen": f"127.0.0.1:{port}", "upstream": "spot", "account": "main"},
    }
    lines = [line for name, keys in sections.items() for line in (f"[{name}]", *(f"{key} = {value}" for key, value in keys.items()))]
    path = folder / "countersign.ini"
    path.write_text("\n".join(lines) + "\n")
    return path


class Countersign:
    """A running one; `pid` is the supervisor's, above the two processes that do the work."""

    def __init__(self, keeper, binary, folder, upstream_url, before=(), proxy=(), upstream=(), env=(), wait=True):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "countersign.log"
        config = write_config(folder, upstream_url, self.port, proxy, upstream)
        given = {"COINSTORE_API_KEY": KEY, "COINSTORE_API_SECRET": SECRET, **dict(env)}
        self.process = keeper.start(*before, binary, "serve", "-c", config, log=self.log, env=environment(**given))
        self.pid = self.process.pid
        if wait:
            wait_until("countersign listens", lambda: listens(self.port), self.process, self.log)


NO_PACE = {"pace": "off"}  # or nothing faster than the exchange's 40 requests a second could be measured
