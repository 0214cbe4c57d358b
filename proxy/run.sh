#!/usr/bin/env bash
# Installs what is missing, builds, and starts countersign.
#
#   proxy/run.sh [OPTIONS]         with COINSTORE_API_KEY and COINSTORE_API_SECRET set, or -c FILE: `countersign serve OPTIONS`
#                                  without: `countersign serve --demo OPTIONS`, which needs no key
#   proxy/run.sh --build-only      installs and builds, starts nothing
#   proxy/run.sh --install-only build|run
#                                  installs packages only: those to build with, or those to run with
#
# COUNTERSIGN_BIN names an already built program: then nothing is installed or built.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=proxy/packages.sh
source "$root/proxy/packages.sh"

build() {
    # shellcheck disable=SC2086 # a list of names
    packages_install $packages_build
    [[ -f $root/build/release/build.ninja ]] || (cd "$root" && cmake --preset release >/dev/null)
    # ninja is quiet about everything but having nothing to do
    (cd "$root" && cmake --build --preset release -- --quiet) | sed '/no work to do/d' >&2
}

# Whether the options name a configuration: then it is the user's, not the demo's.
names_configuration() {
    local option
    for option in "$@"; do
        case $option in -c | -c* | --config | --config=* | --demo | --help) return 0 ;; esac
    done
    return 1
}

case ${1:-} in
--build-only)
    build
    exit
    ;;
--install-only)
    list=packages_${2:?"--install-only needs: build or run"}
    # shellcheck disable=SC2086 # a list of names
    packages_install ${!list}
    exit
    ;;
esac

program=${COUNTERSIGN_BIN:-$root/build/release/countersign}
[[ -n ${COUNTERSIGN_BIN:-} ]] || build
unset COUNTERSIGN_BIN # the program takes COUNTERSIGN_* variables as settings
if [[ -n ${COINSTORE_API_KEY:-} && -n ${COINSTORE_API_SECRET:-} ]] || names_configuration "$@"; then
    exec "$program" serve "$@"
fi
if [[ -n ${COINSTORE_API_KEY:-}${COINSTORE_API_SECRET:-} ]]; then
    echo "only one of COINSTORE_API_KEY and COINSTORE_API_SECRET is set: set both, or neither for the demo" >&2
    exit 2
fi
exec "$program" serve --demo "$@"
