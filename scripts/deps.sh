#!/usr/bin/env bash
# Installs the Debian packages that are missing: deps.sh run|test|bench.
# ffmpeg is all that PSE itself needs; the rest are real publishers, players
# and peers for the tests and measurements.
set -euo pipefail

run=(ffmpeg)
tests=("${run[@]}" gcc libc6-dev librtmp-dev chromium firefox-esr nginx libnginx-mod-rtmp
	gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
	gstreamer1.0-libav mpv systemd coturn caddy nftables iproute2 openssl libnss3-tools curl jq)
bench=("${tests[@]}" wrk)

case "${1:-test}" in
run) want=("${run[@]}") ;;
test) want=("${tests[@]}") ;;
bench) want=("${bench[@]}") ;;
*) echo "usage: $0 run|test|bench" >&2; exit 2 ;;
esac

if [ "${1:-test}" = run ] && command -v ffmpeg >/dev/null; then
	exit 0 # from wherever
fi
if ! command -v dpkg-query >/dev/null; then
	echo "Not a Debian: see that these are here: ${want[*]}" >&2
	exit 0
fi

missing=()
for p in "${want[@]}"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "Missing packages. Run: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Nobody wants a web server started by a test's dependency.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
	trap 'rm -f $policy' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
