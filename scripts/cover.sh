#!/usr/bin/env bash
# cover.sh [PACKAGE...]: how much of each package its own tests run, the least first,
# and the total. Whole-program tests run programs, which are not counted.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
packages=("$@")
[ $# -gt 0 ] || mapfile -t packages < <($go list ./... | grep -v -e '/cmd/pse$' -e '/web$' -e '/bench/' -e '/docs/')
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT

$go test -short -coverprofile "$profile" "${packages[@]}" |
	awk '$1 == "ok" { for (i = 3; i < NF; i++) if ($i == "coverage:") print $(i + 1), $2; next } $1 != "?" && !/no test files|coverage: 0.0%/' | sort -n
$go tool cover -func "$profile" | tail -n 1
