#!/usr/bin/env bash
# Places orders, with 32 clients, under each fault that an exchange or the way to it can have, and judges each run: nothing
# arrives twice, each client is told what is known, each record is right. Ends with a table; exits 0 where all held.
#
#   tests/faults.sh [ORDERS]     for each fault; 10000 unless said otherwise
#
# COUNTERSIGN_BIN is the program; build/release/countersign, or else build/debug/countersign, by default.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 3
[[ ${1:-10000} =~ ^[1-9][0-9]*$ ]] || {
    echo "tests/faults.sh: \"$1\" is no number of orders" >&2
    exit 2
}
for program in build/release/countersign build/debug/countersign; do
    [[ -x $program ]] && break
done
export COUNTERSIGN_BIN=${COUNTERSIGN_BIN:-$root/$program} COUNTERSIGN_FAULT_ORDERS=${1:-10000}
COUNTERSIGN_FAULT_TABLE=$(mktemp)
export COUNTERSIGN_FAULT_TABLE
/usr/bin/python3 -m pytest -q -c tests/integration/pytest.ini --rootdir tests/integration -p no:cacheprovider \
    tests/integration/test_faults.py
code=$?
{
    printf 'fault\tHTTP\torders\tstruck\tarrived\ttwice\tanswers\toutcomes\tseconds\n'
    cat "$COUNTERSIGN_FAULT_TABLE"
} | column -t -s $'\t'
rm -f "$COUNTERSIGN_FAULT_TABLE"
exit $code
