#!/usr/bin/env bash
# govulncheck, which needs its database from outside: no database, no verdict.
set -euo pipefail
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if go tool govulncheck ./... >"$out" 2>&1; then
	tail -n 3 "$out"
elif grep -q 'fetching vulnerabilities' "$out"; then
	echo "govulncheck skipped: database not reachable"
else
	cat "$out"
	exit 1
fi
