# The distribution's packages that countersign needs, in one place: for run.sh, tests/run.sh and docker/. Sourced by bash.
# shellcheck shell=bash disable=SC2034

packages_build="gcc libc6-dev cmake ninja-build pkg-config libmicrohttpd-dev libcurl4-openssl-dev libssl-dev libcjson-dev
    libsqlite3-dev libinih-dev zlib1g-dev libbrotli-dev libseccomp-dev"
packages_run="libmicrohttpd12 libcurl4 libssl3 libcjson1 libsqlite3-0 libinih1 zlib1g libbrotli1 libseccomp2 ca-certificates"
packages_test="g++ clang clang-tidy clang-format libclang-rt-14-dev libcmocka-dev shellcheck curl openssl nodejs procps
    iproute2 nftables strace python3 python3-pytest python3-pytest-xdist python3-pytest-timeout python3-requests python3-aiohttp
    python3-httpx python3-cryptography python3-brotli python3-h2 chromium"
# What tests/bench/run.sh compares with and measures by; installed by its --install alone.
packages_bench="gcc libc6-dev libssl-dev nginx libnginx-mod-http-lua lua-resty-core wrk valgrind openssl python3-cryptography iproute2"

# packages_install NAME...: installs what is missing. Prints nothing and needs no rights when all is there.
packages_install() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -q '^installed$' || missing+=("$name")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    local as_root=()
    if [[ $EUID -ne 0 ]]; then
        command -v sudo >/dev/null || {
            echo "these packages are missing, and neither root nor sudo is at hand to install them: ${missing[*]}" >&2
            return 3
        }
        as_root=(sudo)
    fi
    echo "installing: ${missing[*]}" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
