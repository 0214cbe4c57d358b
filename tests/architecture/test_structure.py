"""The structure: who may include whom, which room owns which library, headers that compile alone, files of a size."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "countersign"

# Each room: the headers that are its door, and the rooms it may use. Everything may use base.
ROOMS = {
    "base": ({"base64", "bounds", "buffer", "clock", "clock_offset", "clock_watch", "compiler", "decimal", "digits", "endpoint", "error", "hex",
              "http_message", "json_scan", "json_write", "log", "loop", "peer", "pulse", "resident", "shell", "slice", "thread"}, set()),
    "content": ({"answer_status", "content", "envelope"}, set()),
    "config": ({"config"}, {"guard"}),
    "scheme": ({"scheme"}, set()),
    "sandbox": ({"sandbox"}, set()),
    "signer": (
        {"keystore", "prompt", "secret", "signer", "signer_client", "signer_tokens", "signer_wire",
         "supervisor", "supervisor_link"},
        {"config", "sandbox", "scheme"},
    ),
    "guard": (
        {"caller", "endpoint_path", "learned", "order_action", "order_limit", "pace", "policy", "rule", "ruling", "trading_state", "turns"},
        set(),
    ),
    "front": ({"front"}, set()),
    "upstream": ({"upstream"}, set()),
    "capture": ({"capture", "capture_reader", "capture_store", "record", "redaction"}, set()),
    "compare": ({"diff", "export", "import", "share"}, {"capture", "content", "guard", "scheme"}),
    "doctor": ({"catalogue", "probes", "recipe", "why"}, {"capture", "content", "guard", "scheme"}),
    "exchange": ({"exchange", "exchange_counts"}, {"content", "scheme", "signer", "guard", "front", "upstream", "capture"}),
    "mock": ({"mock"}, {"doctor", "scheme", "front"}),
    "inspector": ({"inspector"}, {"config", "scheme", "signer", "guard", "front", "upstream", "capture", "exchange"}),
    "service": (
        {"learning", "running", "service", "trading_switch"},
        {"config", "sandbox", "signer", "scheme", "guard", "front", "upstream", "capture", "exchange", "inspector"},
    ),
    "cli": ({"cli"}, {"config", "content", "scheme", "signer", "guard", "upstream", "capture", "compare", "doctor", "mock", "inspector", "service"}),
}
# A third-party header and the rooms in which it may be seen.
LIBRARIES = {
    r"microhttpd\.h": {"front"},
    r"curl/.*": {"upstream"},
    r"sqlite3\.h": {"capture"},
    r"ini\.h": {"config"},
    r"zlib\.h|brotli/.*": {"content"},
    r"openssl/.*": {"guard", "scheme", "signer", "upstream", "capture", "doctor", "mock"},
    r"cjson/.*": {"base", "mock", "cli"},
    r"seccomp\.h|linux/(landlock|seccomp)\.h": {"sandbox"},
}
# "Pure: time and keys are arguments": no sockets, files or clocks in these.
PURE = {"scheme", "guard", "content", "compare", "doctor"}
NOT_PURE = r"sys/socket\.h|fcntl\.h|unistd\.h|time\.h|sys/time\.h|stdio\.h"

DOOR_OF = {header: room for room, (headers, _) in ROOMS.items() for header in headers}
SOURCES = sorted((ROOT / "proxy").glob("*/*.[ch]"))
HEADERS = sorted(INCLUDE.glob("*.h"))


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.M)


def test_every_public_header_is_the_door_of_one_room():
    assert {h.stem for h in HEADERS} == set(DOOR_OF)


def test_every_room_is_listed():
    assert {p.parent.name for p in SOURCES} == set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_room_uses_only_what_it_may(path):
    room = path.parent.name
    allowed = ROOMS[room][1] | {room, "base"}
    for name in includes(path):
        if name.startswith("countersign/"):
            used = DOOR_OF[pathlib.Path(name).stem]
            assert used in allowed, f"{path.name} of {room} includes {name} of {used}"
        elif "/" not in name and (path.parent / name).exists():
            continue  # the room's own private header
        for pattern, rooms in LIBRARIES.items():
            if re.fullmatch(pattern, name):
                assert room in rooms, f"{path.name} of {room} includes {name}"
        if room in PURE:
            assert not re.fullmatch(NOT_PURE, name) or name == "stdio.h" and "snprintf" in path.read_text(), name


@pytest.mark.parametrize("path", HEADERS, ids=lambda p: p.name)
def test_public_headers_show_no_library_and_only_doors_their_room_may_use(path):
    room = DOOR_OF[path.stem]
    allowed = ROOMS[room][1] | {room, "base"}
    for name in includes(path):
        if name.startswith("countersign/"):
            assert DOOR_OF[pathlib.Path(name).stem] in allowed, name
        assert not any(re.fullmatch(pattern, name) for pattern in LIBRARIES), name


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("path", HEADERS, ids=lambda p: p.name)
def test_every_public_header_compiles_alone(path, compiler, tmp_path):
    source = tmp_path / "alone.c"
    source.write_text(f'#include "countersign/{path.name}"\n#include "countersign/{path.name}"\n')
    subprocess.run([compiler, "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                    f"-I{ROOT / 'include'}", str(source)], check=True, capture_output=True, text=True)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_is_one_room_with_one_job(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 420, f"{path.name} has {len(lines)} lines: split it by job"
    assert lines[0].startswith("/*"), f"{path.name} does not open by saying what it is for"


def test_the_arrows_run_one_way():
    order = []
    left = {room: set(uses) for room, (_, uses) in ROOMS.items()}
    while left:
        free = sorted(room for room, uses in left.items() if not uses & set(left))
        assert free, f"a circle among {sorted(left)}"
        order += free
        for room in free:
            del left[room]
    assert order[-1] == "cli"


def test_cmake_links_no_more_than_the_arrows_allow():
    text = (ROOT / "CMakeLists.txt").read_text()
    declared = dict(re.findall(r"^countersign_room\((\w+)([^)]*)\)", text, re.M))
    assert set(declared) == set(ROOMS)
    for room, rest in declared.items():
        uses = re.search(r"USES ([\w\s]*?)(?:LIBRARIES|$)", rest)
        names = set(uses.group(1).split()) if uses else set()
        assert names - {"base"} <= ROOMS[room][1], room


def test_no_source_mentions_a_path_of_a_machine_or_leaves_a_note_to_do():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.suffix not in {".c", ".h", ".py", ".sh", ".md", ".txt", ".ini", ".mjs", ".js"} or path == pathlib.Path(__file__):
            continue
        text = path.read_text()
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), name
        assert str(ROOT) not in text, name
