#!/usr/bin/env bash
# What is published of a version: the program for Linux on amd64 and arm64, a
# Debian package of each, and their checksums, in dist/. make release calls it.
# The version is that of the tag (v1.2.3); between tags it is the one that the go
# command makes of the last tag and the commit.
set -euo pipefail
cd "$(dirname "$0")/.."
out=dist
rm -rf "$out"
mkdir -p "$out"

for arch in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch ${GO:-go} build -trimpath -buildvcs=true -ldflags '-s -w' -o "$out/pse-linux-$arch" ./cmd/pse
done
# As the program itself says it, whatever machine this is.
version=$(${GO:-go} version -m "$out/pse-linux-amd64" | awk '$1 == "mod" { print $3 }')
if [ "$version" = "(devel)" ] || [ -z "$version" ]; then
	echo "release: no version; make it in a clone with its tags" >&2
	exit 1
fi
host=$out/pse-linux-$(${GO:-go} env GOHOSTARCH)
date=$(git log -1 --format=%ct)

for arch in amd64 arm64; do
	root=$(mktemp -d)
	chmod 0755 "$root"
	install -D -m 0755 "$out/pse-linux-$arch" "$root/usr/bin/pse"
	install -D -m 0644 <(sed 's|/usr/local/bin/pse|/usr/bin/pse|; /^#.*make build/,/^#.*install/d' deploy/pse.service) "$root/lib/systemd/system/pse.service"
	install -D -m 0644 deploy/pse.yaml "$root/usr/share/doc/pse/pse.yaml"
	"$host" completion bash | install -D -m 0644 /dev/stdin "$root/usr/share/bash-completion/completions/pse"
	"$host" completion zsh | install -D -m 0644 /dev/stdin "$root/usr/share/zsh/vendor-completions/_pse"
	"$host" completion fish | install -D -m 0644 /dev/stdin "$root/usr/share/fish/vendor_completions.d/pse.fish"
	install -D -m 0644 LICENSE "$root/usr/share/doc/pse/copyright"
	mkdir "$root/DEBIAN"
	cat >"$root/DEBIAN/control" <<-EOF
		Package: pse
		Version: $(sed 's/^v//; s/-/~/; s/+/./' <<<"$version")
		Architecture: $arch
		Maintainer: the PSE team <pse@localhost>
		Depends: ffmpeg, ca-certificates
		Section: video
		Priority: optional
		Installed-Size: $(du -sk "$root" | cut -f1)
		Homepage: https://github.com/helios-h2020/pse
		Description: live streaming, calls and file transfer on a box of your own
		 Phones publish over RTMP, browsers watch by low-latency HLS; video calls with
		 a relay of their own; files that survive a lost network. One program.
	EOF
	cat >"$root/DEBIAN/postinst" <<-'EOF'
		#!/bin/sh
		set -e
		if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
			systemctl daemon-reload
			if [ -n "$2" ]; then
				systemctl try-restart pse.service
			else
				systemctl enable --now pse.service
			fi
		fi
	EOF
	cat >"$root/DEBIAN/prerm" <<-'EOF'
		#!/bin/sh
		set -e
		if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
			systemctl disable --now pse.service
		fi
	EOF
	chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
	find "$root" -exec touch -h -d "@$date" {} +
	SOURCE_DATE_EPOCH=$date dpkg-deb --root-owner-group -Zxz --build "$root" "$out/pse_$arch.deb" >/dev/null
	rm -rf "$root"
done

cd "$out"
sha256sum -- * >SHA256SUMS
echo "pse $version:"
cat SHA256SUMS
