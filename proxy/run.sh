#!/usr/bin/env bash
# Installs what is missing, builds, and starts countersign.
#
#   proxy/run.sh [OPTIONS]         with COINSTORE_API_KEY and COINSTORE_API_SECRET set, or a configuration file:
#                                  `countersign serve OPTIONS`; without: `countersign serve --demo OPTIONS`
#   proxy/run.sh --build-only      installs and builds, starts nothing
#   proxy/run.sh --install-only build|run
#                                  installs packages only: those to build with, or those to run with
#
# COUNTERSIGN_BIN names an already built program: then nothing is installed or built.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=proxy/packages.sh
source "$root/proxy/packages.sh"

# One at a time: two builds in one folder spoil each other's files, and two installations get in each other's way. Another that is under way is
# waited for. The folder itself is locked: who may only read it starts what is built, too. What is started does not get the descriptor: something
# that stays behind would keep the lock.
build_alone() {
    mkdir -p "$root/build"
    (
        flock --nonblock 9 || {
            echo "another build of countersign is under way in $root/build: waiting for it" >&2
            flock 9
        }
        "$@" 9<&-
    ) 9<"$root/build"
}

build_release() {
    if [[ ! -f $root/build/release/build.ninja ]]; then
        echo "building countersign (a minute or so, once)" >&2
        (cd "$root" && cmake --preset release >/dev/null)
    fi
    # ninja is quiet about everything but having nothing to do
    (cd "$root" && cmake --build --preset release -- --quiet) | sed '/no work to do/d' >&2
}

install_and_build() {
    # shellcheck disable=SC2086 # a list of names
    packages_install $packages_build
    build_release
}

build() { build_alone install_and_build; }

# Whether the user has a configuration of their own (an option, a variable, a file where `serve` looks for one): then that is
# what runs, never the demo.
has_configuration() {
    local option
    for option in "$@"; do
        case $option in -c* | --config | --config=* | --set | --set=* | --demo | --help | -h) return 0 ;; esac
    done
    compgen -e | grep -qE '^COUNTERSIGN_(CONFIG|ACCOUNT)' ||
        [[ -e ${XDG_CONFIG_HOME:-${HOME:-}/.config}/countersign/countersign.ini || -e /etc/countersign/countersign.ini ]]
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
if [[ -n ${COINSTORE_API_KEY:-} && -n ${COINSTORE_API_SECRET:-} ]] || has_configuration "$@"; then
    exec "$program" serve "$@"
fi
if [[ -n ${COINSTORE_API_KEY:-}${COINSTORE_API_SECRET:-} ]]; then
    echo "only one of COINSTORE_API_KEY and COINSTORE_API_SECRET is set: set both, or neither for the demo" >&2
    exit 2
fi
exec "$program" serve --demo "$@"
