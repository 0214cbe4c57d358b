"""A secret of a test's own making, and a search for it in any of the forms in which it could leave the signer."""
import base64
import json
import os
import re
import secrets
from pathlib import Path
from urllib.parse import quote

BLOCK = 64  # bytes of a key's block in HMAC-SHA256 (RFC 2104)
STEP, PAGE = 16 << 20, 4096
MAPPING = re.compile(r"^(?P<first>[0-9a-f]+)-(?P<last>[0-9a-f]+) (?P<rights>\S+) \S+ \S+ \S+ *(?P<name>.*)$")


def xored(data, byte):
    return bytes(each ^ byte for each in data)


class Canary:
    """32 characters, some of which JSON, URLs and shells write in another way."""

    def __init__(self):
        self.text = secrets.token_hex(12) + '"\\&%+' + secrets.token_hex(2)[:3]
        raw = self.text.encode()
        assert len(raw) == 32
        block = raw.ljust(BLOCK, b"\0")
        self.forms = {
            "itself": raw,
            "its first half": raw[:16],
            "its second half": raw[16:],
            "in reverse": raw[::-1],
            "hexadecimal": raw.hex().encode(),
            "HEXADECIMAL": raw.hex().upper().encode(),
            "hexadecimal with colons": raw.hex(":").encode(),
            "JSON": json.dumps(self.text)[1:-1].encode(),
            "JSON, every character escaped": "".join(f"\\u{byte:04x}" for byte in raw).encode(),
            "a URL": quote(self.text, safe="").encode(),
            "UTF-16": self.text.encode("utf-16-le"),
            "HMAC's inner key": xored(block, 0x36)[:32],
            "HMAC's outer key": xored(block, 0x5c)[:32],
        }
        for shift in range(3):  # wherever in a longer text it stood
            whole = base64.b64encode(bytes(shift) + raw)
            self.forms[f"base64, {shift} bytes in"] = whole[4 if shift else 0:-4]

    def forms_in(self, data):
        return [name for name, form in self.forms.items() if form in data]


def memory(pid):
    """(mapping, bytes) of all that is mapped into a process, in steps that overlap."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = MAPPING.match(line)
            if found["name"] in ("[vvar]", "[vsyscall]") or "r" not in found["rights"]:
                continue  # the kernel's own, or reserved and never written
            first, last = (int(found[name], 16) for name in ("first", "last"))
            yield from ((line, data) for data in steps(file.fileno(), first, last))


def steps(fd, first, last):
    for at in range(first, last, STEP):
        try:
            yield os.pread(fd, min(STEP + PAGE, last - at), at).replace(bytes(PAGE), b"\0")  # most is empty
        except OSError:
            continue  # a guard page, or a file's mapping beyond its end


def in_memory(canary, pid):
    """Where, and in which forms; and how many bytes were looked at."""
    found, size = [], 0
    for mapping, data in memory(pid):
        size += len(data)
        found += [f"{form}: {mapping}" for form in canary.forms_in(data)]
    return found, size


def in_proc(canary, pid, names):
    found = []
    for name in names:
        for path in sorted(Path(f"/proc/{pid}").glob(name)):
            found += [f"{form}: {path}" for form in canary.forms_in(proc_text(path))]
    return found


def proc_text(path):
    try:
        return os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
    except OSError:
        return b""  # a descriptor that was closed meanwhile


def in_folder(canary, folder):
    return [f"{form}: {path}" for path in sorted(folder.rglob("*")) if path.is_file()
            for form in canary.forms_in(path.read_bytes())]
