#!/usr/bin/env bash
# api.sh [REVISION]: what changed since REVISION (default: the newest tag, else the
# commit before this one) in what packages export. Changes that break those who
# import a package come first.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
base=${1:-$(git describe --tags --abbrev=0 2>/dev/null || echo HEAD~1)}
module=$($go list -m)
work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null || true; rm -rf "$work"' EXIT

git worktree add -q --detach "$work/base" "$base"
cp -r web/dist "$work/base/web/" # a package that embeds pages needs some
# Not among go.mod's tools: what it needs of golang.org/x/exp is newer than what tusd's log can go with.
GOBIN=$work $go install golang.org/x/exp/cmd/apidiff@v0.0.0-20261113113407-e3970619a1a4
apidiff=$work/apidiff
(cd "$work/base" && "$apidiff" -m -w "$work/base.api" "$module")
"$apidiff" -m -w "$work/new.api" "$module"
changes=$("$apidiff" -m "$work/base.api" "$work/new.api" 2>/dev/null) # it names each internal package it leaves out
echo "Exported API since $(git rev-parse --short "$base"):"
echo "${changes:-  no change}"
