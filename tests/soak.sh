#!/usr/bin/env bash
# Mixed traffic for MINUTES while the exchange fails, the network drops packets, keys rotate, the configuration is read anew, the
# disk is full, and processes are stopped and killed. Then it holds what clients sent and were told, what the exchange received
# and what the record says against each other, and prints one table: what was done, and each invariant. Exit code 1: one is
# broken; the folder with everything that was seen is kept, and named.
#
#   tests/soak.sh [MINUTES] [--seed N] [--keep]     SOAK_MINUTES, or 10, unless said otherwise; 0.5 is half a minute
#
# The seed repeats the choices, not their moments. COUNTERSIGN_BIN is the program; build/release/countersign, or else
# build/debug/countersign, by default. As root, the disk is filled and packets are dropped; others go without.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
minutes=${SOAK_MINUTES:-10}
if [[ ${1:-} =~ ^[0-9]*\.?[0-9]+$ ]]; then
    minutes=$1
    shift
fi
for program in "$root"/build/release/countersign "$root"/build/debug/countersign; do
    [[ -x $program ]] && break
done
export COUNTERSIGN_BIN=${COUNTERSIGN_BIN:-$program} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$root/tests/soak/soak.py" "$minutes" "$@"
