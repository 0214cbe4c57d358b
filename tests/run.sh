#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Ends with the totals of all runners.
#
#   tests/run.sh            everything
#   tests/run.sh STEP...    only these steps: lint fuzz unit sanitized soak debug asan tsan; or integration: every one of these in the debug build
#
# The soak runs beside static analysis, fuzz targets, the sanitizers' builds and unit tests, which have no clock that it could disturb;
# SOAK_MINUTES (7, as long as these take) is how long, 0: not at all. tests/soak.sh takes longer.
# FUZZ_SECONDS (5) is the time for each fuzz target, six times that for readers of files; tests/fuzz.sh takes longer.
# JOBS (number of cores) is how many tests run side by side.
# ANALYSIS_NODES (60000) is how far the static analyser follows one function; its own default, 225000, takes twice as long.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 3
# shellcheck source=proxy/packages.sh
source proxy/packages.sh
python=/usr/bin/python3 jobs=${JOBS:-$(nproc)} fuzz_seconds=${FUZZ_SECONDS:-5} analysis_nodes=${ANALYSIS_NODES:-60000}
soak_minutes=${SOAK_MINUTES:-7} soak_pid='' soak_output='' soak_was_begun=no
passed=0 failed=0 skipped=0

# count RUNNER-OUTPUT-FILE EXIT-CODE: adds a runner's own totals; a runner that failed without saying how often counts once.
count() {
    local p f s
    p=$(tail -n 1 "$1" | grep -oE '[0-9]+ passed' | cut -d' ' -f1)
    f=$(tail -n 1 "$1" | grep -oE '[0-9]+ (failed|errors?)' | awk '{ n += $1 } END { print n + 0 }')
    s=$(tail -n 1 "$1" | grep -oE '[0-9]+ skipped' | cut -d' ' -f1)
    [[ $2 -ne 0 && ${f:-0} -eq 0 ]] && f=1
    passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
}

# run_counted COMMAND...: runs a runner whose output ends in totals.
run_counted() {
    local out
    out=$(mktemp)
    "$@" 2>&1 | tee "$out"
    count "$out" "${PIPESTATUS[0]}"
    rm -f "$out"
}

# check NAME COMMAND...: one check, one line, its output only when it fails.
check() {
    local name=$1 out
    shift
    out=$(mktemp)
    if "$@" >"$out" 2>&1; then
        echo "ok      $name"
        passed=$((passed + 1))
    else
        echo "FAILED  $name"
        sed 's/^/        /' "$out"
        failed=$((failed + 1))
    fi
    rm -f "$out"
}

title() { printf '\n== %s\n' "$*"; }

build() { # PRESET [TARGET]
    [[ -f build/$1/build.ninja ]] || cmake --preset "$1" >/dev/null || return
    cmake --build --preset "$1" ${2:+--target "$2"} -- --quiet
}

unit_tests() { # PRESET [CTEST-OPTION...]: unit tests' programs, their totals summed by ctest
    local out
    out=$(mktemp)
    ctest --preset "$@" -j "$jobs" --timeout 300 >"$out" 2>&1
    local code=$? total
    grep -vE '^ *Start|Test project|^$' "$out"
    total=$(grep -oE 'tests failed out of [0-9]+' "$out" | grep -oE '[0-9]+$')
    local bad
    bad=$(grep -oE '[0-9]+ tests failed out of' "$out" | cut -d' ' -f1)
    [[ -z $total || ($code -ne 0 && ${bad:-0} -eq 0) ]] && bad=$((${bad:-0} + 1))
    passed=$((passed + ${total:-0} - ${bad:-0})) failed=$((failed + ${bad:-0}))
    rm -f "$out"
}

integration_tests() { # PRESET [PYTEST-OPTION...]
    local preset=$1
    shift
    COUNTERSIGN_BIN=$root/build/$preset/countersign run_counted "$python" -m pytest -q -n "$((jobs * 2))" \
        -c tests/integration/pytest.ini --rootdir tests/integration -p no:cacheprovider tests/integration "$@"
}

# shellcheck disable=SC2317 # called through `check`
static_analysis() {
    git ls-files --cached --others --exclude-standard 'proxy/*.c' |
        xargs -P "$jobs" -n 1 clang-tidy --quiet --warnings-as-errors='*' -p build/debug --extra-arg=-Xclang \
            --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg="max-nodes=$analysis_nodes"
}

# shellcheck disable=SC2317 # likewise
build_release_without_warnings() {
    cmake --preset release -DCOUNTERSIGN_WERROR=ON >/dev/null && build release
}

step_lint() {
    title "formatting, static analysis, structure"
    local sources
    mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
    check "clang-format" clang-format --dry-run --Werror "${sources[@]}"
    check "shellcheck" shellcheck -x proxy/run.sh proxy/packages.sh tests/run.sh tests/fuzz.sh tests/memory.sh tests/faults.sh tests/soak.sh tests/bench/run.sh .ci/run
    check "the release preset builds without a warning" build_release_without_warnings
    soak_begin_beside
    build debug
    check "clang-tidy" static_analysis
    run_counted "$python" -m pytest -q -n "$jobs" -p no:cacheprovider tests/architecture
}

step_unit() {
    title "unit tests (debug build, warnings as errors)"
    check "the debug preset builds" build debug
    unit_tests debug
    title "the soak's judge"
    COUNTERSIGN_BIN=$root/build/debug/countersign run_counted "$python" -m pytest -q -p no:cacheprovider tests/soak
}

step_sanitized() {
    title "unit tests under the address and undefined-behaviour sanitizers"
    check "the asan preset builds" build asan
    unit_tests asan
    title "those with threads under the thread sanitizer"
    check "the tsan preset builds" build tsan tests_with_threads
    unit_tests tsan -L threads
}

step_integration() {
    title "integration tests (debug build)"
    check "the debug preset builds" build debug
    integration_tests debug
}

# What is not run here, the sanitizers' build runs.
step_debug() {
    title "integration tests of bytes, moments, money, secrets and life (debug build)"
    check "the debug preset builds" build debug
    integration_tests debug -m "once or both or concurrent"
}

step_asan() {
    title "integration tests under the address and undefined-behaviour sanitizers"
    check "the asan preset builds" build asan
    COUNTERSIGN_KILLS=5 integration_tests asan -m "not once" # fifty kills in the debug build
}

step_tsan() {
    title "the concurrent integration tests under the thread sanitizer"
    check "the tsan preset builds" build tsan countersign
    COUNTERSIGN_KILLS=10 integration_tests tsan -m concurrent
}

# Readers of files from elsewhere get a minute each.
fuzz_time() { # TARGET
    case $1 in
    import_* | ring) echo $((6 * fuzz_seconds)) ;;
    *) echo "$fuzz_seconds" ;;
    esac
}

# One target's run; its output goes to FILE, its exit code is the target's.
fuzz_one() { # TARGET FILE
    local scratch code
    scratch=$(mktemp -d)
    "build/fuzz/tests/fuzz_$1" -max_total_time="$(fuzz_time "$1")" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
        -verbosity=0 -artifact_prefix="$scratch/" "$scratch" "tests/fuzz/corpus/$1" >"$2" 2>&1
    code=$?
    rm -rf "$scratch"
    return $code
}

# Begins it in the background, at a low weight. What it does behind its minutes (a last life, looking at everything) has a bound, too.
soak_begin() {
    soak_was_begun=yes
    build_release_without_warnings || return
    soak_output=$(mktemp)
    local bound
    bound=$(awk "BEGIN { print $soak_minutes * 1.5 + 10 }")m
    COUNTERSIGN_BIN=$root/build/release/countersign nice -n 5 timeout --kill-after=60 "$bound" \
        tests/soak.sh "$soak_minutes" >"$soak_output" 2>&1 &
    soak_pid=$!
}

# Begins it beside another step, where it is one of the steps that are to come.
soak_begin_beside() {
    [[ " ${steps[*]} " == *" soak "* && $soak_was_begun == no && $soak_minutes != 0 ]] || return 0
    check "the soak begins" soak_begin
}

# Its table ends in totals, one for each invariant.
step_soak() {
    title "soak, $soak_minutes min: mixed traffic with all faults, restarts, reloads, rotations and kills"
    soak_begin_beside
    [[ -n $soak_pid ]] || return
    wait "$soak_pid"
    local code=$?
    grep -v '^soak: everything' "$soak_output"
    [[ $code -eq 0 ]] || grep '^soak: everything' "$soak_output"
    sed -i '/^soak: /d' "$soak_output"
    count "$soak_output" "$code"
    rm -f "$soak_output"
    soak_pid=''
}

# As many side by side as there are cores; one line each when it is done.
step_fuzz() {
    title "fuzz targets, $fuzz_seconds s each, readers of files $((6 * fuzz_seconds)) s"
    check "the fuzz preset builds" build fuzz fuzz_targets
    soak_begin_beside
    local target names=() out
    for target in build/fuzz/tests/fuzz_*; do
        [[ -x $target && -f $target ]] && names+=("$(basename "$target" | sed 's/^fuzz_//')")
    done
    out=$(mktemp -d)
    export fuzz_seconds
    export -f fuzz_one fuzz_time
    # shellcheck disable=SC2016 # the inner shell's own parameters
    printf '%s\n' "${names[@]}" | OUT=$out xargs -P "$jobs" -n 1 bash -c 'fuzz_one "$0" "$OUT/$0.log"; echo $? >"$OUT/$0.code"'
    for target in "${names[@]}"; do
        check "fuzz $target" fuzz_verdict "$out/$target"
    done
    rm -rf "$out"
}

# shellcheck disable=SC2317 # called through `check`
fuzz_verdict() { # FILE-WITHOUT-ENDING
    cat "$1.log"
    return "$(cat "$1.code")"
}

trap '[[ -z $soak_pid ]] || kill "$soak_pid"' EXIT
begun=$SECONDS
# shellcheck disable=SC2086 # lists of names
packages_install $packages_build $packages_run $packages_test || exit 3
steps=("$@")
[[ ${#steps[@]} -gt 0 ]] || steps=(lint fuzz unit sanitized soak debug asan tsan)
for step in "${steps[@]}"; do
    declare -F "step_$step" >/dev/null || {
        echo "tests/run.sh: there is no step \"$step\"; steps: lint fuzz unit sanitized soak debug integration asan tsan" >&2
        exit 2
    }
    step_begun=$SECONDS
    "step_$step"
    printf '%s: %d s\n' "$step" $((SECONDS - step_begun))
done
printf '\n%d min %d s\n' $(((SECONDS - begun) / 60)) $(((SECONDS - begun) % 60))
echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 && $passed -gt 0 ]]
