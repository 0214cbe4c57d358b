#!/usr/bin/env bash
# Measures whether the proxy's memory stays flat: sends REQUESTS (3000000) in three parts and prints, behind each, what is its
# own (anonymous) and what is mapped from files (the ring, the store's index). Exit code 1: its own grew by more than GROWTH_KIB
# (1024) from the first part to the last. Before SQLite's page cache (32 MiB) is full, some hundred thousand requests from the
# start, it grows with that.
#
#   tests/memory.sh [REQUESTS]
#
# COUNTERSIGN_BIN (build/release/countersign) is the program; the exchange is `countersign mock`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
requests=${1:-3000000} binary=${COUNTERSIGN_BIN:-$root/build/release/countersign} clients=32
export -n COUNTERSIGN_BIN # or the program takes it for a setting
folder=$(mktemp -d)
started=()
finish() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
trap finish EXIT

cc -O2 -std=c17 -D_GNU_SOURCE -o "$folder/requests" "$root/tests/bench/requests.c"
coproc HOLDER { # keeps other programs from two ports, at which those started here listen; ends with this script
    PYTHONPATH=$root/tests/integration PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -c '
import sys
from held_port import HeldPort
both = HeldPort(), HeldPort()
print(*(one.port for one in both), flush=True)
sys.stdin.read()'
}
started+=("$HOLDER_PID")
read -r mock_port port <&"${HOLDER[0]}"
export COINSTORE_API_KEY=0123456789abcdef0123456789abcdef COINSTORE_API_SECRET=fedcba9876543210fedcba9876543210
"$binary" mock --quiet --listen "127.0.0.1:$mock_port" >"$folder/mock.log" 2>&1 &
started+=($!)
cat >"$folder/countersign.ini" <<CONFIG
[proxy]
state_dir = $folder/state
pace = off
log_level = warning
[capture]
keep_count = 100000
[upstream spot]
url = http://127.0.0.1:$mock_port
[listener bot]
listen = 127.0.0.1:$port
account = main
CONFIG
"$binary" serve -c "$folder/countersign.ini" >"$folder/proxy.log" 2>&1 &
supervisor=$!
started+=("$supervisor")
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
proxy=
read -ra children <"/proc/$supervisor/task/$supervisor/children" || true # no line end
for child in "${children[@]}"; do
    ! grep -q proxy-process "/proc/$child/cmdline" || proxy=$child
done
[[ -n $proxy ]] || { cat "$folder/proxy.log"; exit 3; }

kib() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$proxy/smaps_rollup"; }
printf '%12s %14s %14s %14s\n' requests 'own KiB' 'files KiB' 'resident KiB'
first=0 last=0 part=$((requests / 3))
for number in 1 2 3; do
    "$folder/requests" "$port" "$clients" "$part" >"$folder/answered" || { cat "$folder/answered" "$folder/proxy.log"; exit 3; }
    sleep 1 # the recorder is behind
    last=$(kib Pss_Anon)
    ((number > 1)) || first=$last
    printf '%12d %14d %14d %14d\n' $((number * part)) "$last" "$(kib Pss_File)" "$(kib Rss)"
done
((last - first <= ${GROWTH_KIB:-1024})) || { echo "its own memory grew by $((last - first)) KiB"; exit 1; }
