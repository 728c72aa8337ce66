#!/usr/bin/env bash
# quick.sh [FLAG...]: vet, and go test with these flags of all tests but those of
# slow.txt and of the pages, without the race detector: what a change is tried with
# before it is tried with all (make test).
#
# quick.sh --update runs all tests and writes the names of those that take a second or
# more into slow.txt: on a machine with nothing else to do, after make clients.
set -uo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
list=scripts/slow.txt
mapfile -t packages < <($go list ./... | grep -v '/web$') # all of it is in browsers

if [ "${1:-}" = --update ]; then
	{
		grep '^#' "$list"
		$go test -json -p 1 -timeout 30m "${packages[@]}" |
			jq -r 'select(.Action == "pass" and .Test != null and .Elapsed >= 1 and (.Test | contains("/") | not)) | .Test' | LC_ALL=C sort -u
	} >"$list.new" && mv "$list.new" "$list"
	exit
fi
# Without tables for debuggers tests are linked in two thirds of the time.
$go vet ./... && $go test -timeout 5m -vet=off '-ldflags=-s -w' -skip "^($(grep -v '^#' "$list" | paste -sd'|'))\$" "$@" "${packages[@]}"
