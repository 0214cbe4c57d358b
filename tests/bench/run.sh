#!/usr/bin/env bash
# Measures what countersign adds to a request, beside nginx and nginx with Lua on the same machine. Prints tables, writes
# build/bench/results.json and draws build/bench/latency.svg. Nothing is asserted.
#
#   tests/bench/run.sh [--install] [--quick] [--out FILE] [PART...]        --help lists the parts
#
# --install installs what is compared with: nginx, its Lua module, wrk, and valgrind. COUNTERSIGN_BIN names an already built program;
# without it the release build is made first. All listens on 127.0.0.1, at ports that were free, and ends with this command.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [[ ! -x /usr/bin/python3 ]]; then
    # shellcheck source=proxy/packages.sh
    source "$root/proxy/packages.sh"
    packages_install python3
fi
PYTHONPATH=$root/tests/bench PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -m measure "$@"
