# shellcheck shell=bash
# Test Anything Protocol for bash tests. Sourced, not run.
#
#   check WHAT COMMAND…       one test point: COMMAND succeeds; its output is shown when it does not
#   refused WHAT WORDS CMD…   one test point: CMD fails, and says WORDS (an extended regular expression)
#   skip WHAT REASON          a point that cannot be tested here; a REASON that starts with "missing"
#                             names something that tests/packages installs, and fails tests/check
#   diag TEXT…                a comment in the output
#   tap_done                  the plan, and the exit status

TAP_COUNT=0
TAP_FAILED=0

diag() {
    printf '%s\n' "$*" | sed 's/^/# /'
}

tap_result() { # ok|"not ok" WHAT
    TAP_COUNT=$((TAP_COUNT + 1))
    printf '%s %d - %s\n' "$1" "$TAP_COUNT" "$2"
}

check() {
    local what=$1 output status=0
    shift
    # Not in a condition: there bash would go on after a command of a function that fails.
    set +e
    output=$(set -e && "$@" 2>&1)
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        tap_result ok "$what"
        return 0
    fi
    TAP_FAILED=$((TAP_FAILED + 1))
    tap_result 'not ok' "$what"
    diag "exit status $status of: $*"
    diag "$output"
    return 0
}

refused() {
    local what=$1 words=$2
    shift 2
    check "$what" refuses "$words" "$@"
}

refuses() { # WORDS COMMAND…
    local words=$1 output status
    shift
    set +e
    output=$(set -e && "$@" 2>&1)
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        echo "was not refused: $output"
        return 1
    fi
    echo "$output"
    grep -qE "$words" <<<"$output"
}

skip() {
    tap_result ok "$1 # SKIP $2"
}

tap_done() {
    echo "1..$TAP_COUNT"
    if [ "$TAP_FAILED" -gt 0 ]; then
        declare -F lab_logs >/dev/null && lab_logs
        exit 1
    fi
    exit 0
}

# Nothing to test here at all.
tap_skip_all() { # REASON
    echo "1..0 # SKIP $1"
    exit 0
}
