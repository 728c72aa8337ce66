#!/usr/bin/env bash
# Runs every program in bench/, each prints its own table.
set -euo pipefail
for program in bench/*/main.go; do
	echo "== ${program%/main.go}"
	go run "./${program%/main.go}"
done
