#!/usr/bin/env bash
# Fuzzes for hours: all targets, or those named, as many side by side as there are cores. One line each when it is done.
#
#   tests/fuzz.sh [--keep] [HOURS] [TARGET...]
#
# HOURS (1) is the whole time: each target gets its share of it. --keep merges inputs that reach new code into tests/fuzz/corpus.
# What made a target fail stays in a folder that is named at the end. JOBS (number of cores) run side by side.
# Exit code 0: nothing was found; 1: something was; 2: usage; 3: it could not be built or run.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 3
jobs=${JOBS:-$(nproc)} keep=false hours=1

usage() {
    sed -n '4,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

[[ ${1:-} == --keep ]] && keep=true && shift
[[ ${1:-} =~ ^[0-9]*\.?[0-9]+$ ]] && hours=$1 && shift
[[ ${1:-} == -* ]] && usage
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    mapfile -t targets < <(cat tests/fuzz/*.cmake | sed -n 's/^countersign_fuzz_target(\([a-z0-9_]*\).*/\1/p' | sort)
fi
for target in "${targets[@]}"; do
    [[ -f tests/fuzz/fuzz_$target.c ]] || {
        echo "tests/fuzz.sh: there is no target \"$target\" (tests/fuzz/fuzz_$target.c)" >&2
        usage
    }
done

[[ -f build/fuzz/build.ninja ]] || cmake --preset fuzz >/dev/null || exit 3
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}" -- --quiet || exit 3

seconds=$(awk -v hours="$hours" -v jobs="$jobs" -v count="${#targets[@]}" \
    'BEGIN { share = hours * 3600 * jobs / count; whole = hours * 3600; s = share < whole ? share : whole; print s < 1 ? 1 : int(s) }')
found=$(mktemp -d "${TMPDIR:-/tmp}/countersign-fuzz-XXXXXX") || exit 3
echo "${#targets[@]} targets, $seconds s each, $jobs side by side"

# One target: its new inputs, its output and what made it fail are in $found/TARGET.
fuzz_one() { # TARGET
    local folder=$found/$1 code runs covered crashes
    mkdir -p "$folder/new" "$folder/failing" "tests/fuzz/corpus/$1"
    "build/fuzz/tests/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$folder/failing/" "$folder/new" "tests/fuzz/corpus/$1" >"$folder/output" 2>&1
    code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/output")
    covered=$(grep -oE 'cov: [0-9]+' "$folder/output" | tail -n 1 | cut -d' ' -f2)
    crashes=$(find "$folder/failing" -type f | wc -l)
    [[ $code -ne 0 && $crashes -eq 0 ]] && crashes=1
    printf '%-22s %12s runs  coverage %6s  new inputs %5d  failures %d\n' "$1" "${runs:-?}" "${covered:-?}" \
        "$(find "$folder/new" -type f | wc -l)" "$crashes"
    if $keep && [[ $code -eq 0 ]]; then
        "build/fuzz/tests/fuzz_$1" -merge=1 "tests/fuzz/corpus/$1" "$folder/new" >>"$folder/output" 2>&1
    fi
    [[ $crashes -eq 0 ]] || touch "$folder/has-failed"
    return 0
}

export found seconds keep
export -f fuzz_one
# shellcheck disable=SC2016 # the inner shell's own parameter
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -n 1 bash -c 'fuzz_one "$0"'

if compgen -G "$found/*/has-failed" >/dev/null; then
    echo "what failed, with the output of its target: $found"
    exit 1
fi
rm -rf "$found"
