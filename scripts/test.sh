#!/usr/bin/env bash
# test.sh: all that must hold, in three jobs beside each other, and at the end the
# seconds of each package. What runs at once runs with the race detector; the house
# tests read the sources alone, which with it would take them five times as long.
#
# The whole program and the pages are looked at for stalls, one package after the
# other; they mostly wait. What they leave of the processors goes, at a lower
# priority, to the packages' own tests and to the static checks.
set -u
cd "$(dirname "$0")/.."

go=${GO:-go}
timeout=${TESTTIMEOUT:-20m}
# Vet is a job of its own; without tables for debuggers a test is linked in two thirds of the time.
flags=(-race -timeout "$timeout" -vet=off '-ldflags=-s -w')
whole=(./cmd/pse ./web)
# The longest begin first, so that none of them is left to run alone at the end.
longest=(./transcode ./transfer ./bus ./turn ./signal ./ingest)

packages() {
	# shellcheck disable=SC2046
	$go test "${flags[@]}" -p 3 "${longest[@]}" $($go list ./... | grep -v -e '/cmd/pse$' -e '/web$' -e '/internal/housetest$')
}

logs=$(mktemp -d)
declare -A jobs # process groups, by name
stop() { # an interrupted run leaves nothing behind
	for job in "${jobs[@]}"; do kill -- "-$job" 2>/dev/null; done
	rm -rf "$logs"
}
trap stop EXIT
trap 'exit 130' INT TERM

# beside NAME COMMAND... starts a job in a process group of its own.
beside() {
	set -m
	(
		renice -n 4 $BASHPID >/dev/null
		"${@:2}"
	) >"$logs/$1" 2>&1 &
	set +m
	jobs[$1]=$!
}
$go build -o "$logs/pse" ./cmd/pse || exit # once, for all tests that run it (internal/process)
export TEST_PSE=$logs/pse
beside check make --no-print-directory check
beside packages packages
$go test "${flags[@]}" -p 1 -parallel 3 "${whole[@]}" 2>&1 | tee "$logs/whole"
[ "${PIPESTATUS[0]}" -eq 0 ] && failed=() || failed=(whole)
for job in "${!jobs[@]}"; do
	wait "${jobs[$job]}" || failed+=("$job")
done
jobs=()

cat "$logs/check" "$logs/packages"
echo "Seconds of the longest packages:"
awk '($1 == "ok" || $1 == "FAIL") && $3 ~ /s$/ { print $3 + 0, $2 }' "$logs/whole" "$logs/packages" | sort -rn | head -n 15 |
	awk '{ printf "  %7.1f  %s\n", $1, $2 }'
[ ${#failed[@]} -eq 0 ] && exit
echo "FAILED: ${failed[*]}"
exit 1
