#!/usr/bin/env bash
# Says in one line what there is too little of to build and test PSE. make runs
# it before anything else, for what comes of an old Go or Node explains nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

atLeast() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

wrong=()
for tool in git npm; do
	command -v "$tool" >/dev/null || wrong+=("$tool (not found)")
done

go=$(awk '$1 == "go" { print $2 }' go.mod)
# A Go from 1.21 on fetches the one that go.mod asks for; an older one cannot read go.mod.
have=$(cd / && "${GO:-go}" version 2>/dev/null | awk '{ sub("go", "", $3); print $3 }') || true
if [ -z "$have" ]; then
	wrong+=("Go $go or newer (not found)")
elif ! atLeast "$go" "$have" && ! have=$("${GO:-go}" env GOVERSION 2>/dev/null); then
	wrong+=("Go $go or newer (here: ${have:-$("${GO:-go}" version | awk '{ print $3 }')})")
fi

node=$(node --version 2>/dev/null | tr -d v) || true
case "$node" in
"") wrong+=("Node 20.19, 22.12 or newer (not found)") ;;
20.* | 21.*) atLeast 20.19 "$node" && [ "${node%%.*}" = 20 ] || wrong+=("Node 20.19, 22.12 or newer (here: $node)") ;;
*) atLeast 22.12 "$node" || wrong+=("Node 20.19, 22.12 or newer (here: $node)") ;;
esac

[ ${#wrong[@]} -eq 0 ] && exit 0
list=$(printf ' and %s' "${wrong[@]}")
echo "PSE needs ${list# and }: \"What it needs\" in README.md says where to get it." >&2
exit 1
