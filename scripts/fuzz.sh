#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME each; what is found is kept in testdata/fuzz.
set -euo pipefail
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 3s "$package"
	done
done
