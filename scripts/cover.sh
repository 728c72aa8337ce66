#!/usr/bin/env bash
# cover.sh: how much of each package the quick tests run, the least first, and the
# total. What runs in programs that tests start is not counted.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
GO=${GO:-go} scripts/quick.sh -coverprofile "$profile" |
	awk '$1 == "ok" { for (i = 3; i < NF; i++) if ($i == "coverage:") print $(i + 1), $2; next } $1 == "FAIL" || $1 == "---"' | sort -n
${GO:-go} tool cover -func "$profile" | tail -n 1
