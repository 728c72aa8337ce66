#!/usr/bin/env bash
# bare.sh [--keep] COMMAND...: runs COMMAND in a clone of HEAD, in an empty Debian 12
# that has only what README.md asks for: Go, Node, git, make. What a used machine has
# besides cannot hide what is missing.
#
#	scripts/bare.sh make test
#	scripts/bare.sh sh -c 'make build && ./bin/pse version'
#
# For root. BARE_ROOT names the folder of the root, which then stays; else it is a
# new one, and goes unless --keep is given.
set -euo pipefail
if [ -z "${BARE_MOUNTS:-}" ]; then # what is mounted below goes with this process
	BARE_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
keep=${BARE_ROOT:-}
if [ "${1:-}" = --keep ]; then
	keep=yes
	shift
fi
if [ $# -eq 0 ]; then
	sed -n '2,11s/^# \?//p' "$0"
	exit 2
fi
top=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
root=${BARE_ROOT:-$(mktemp -d /tmp/bare.XXXXXX)}
mkdir -p "$root"
chmod 755 "$root" # it is everybody's /, and mktemp's are for their maker alone
goroot=$(cd "$top" && go env GOROOT)

if [ ! -x "$root/bin/bash" ]; then
	if ! command -v debootstrap >/dev/null; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
	fi
	mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
		awk '!found && (/^URIs:/ || /^deb /) { print $2; found = 1 }')
	if ! debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$root" "$mirror" >"$root.log" 2>&1; then
		tail -n 3 "$root.log" >&2
		exit 1
	fi
fi

leave() {
	umount -R -l "$root" 2>/dev/null || true
	rm -f "$root.log"
	[ -n "$keep" ] || rm -rf --one-file-system "$root"
}
trap leave EXIT
bind() {
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
}
mount --bind "$root" "$root" # a root that is a mount: ip netns exec asks for it
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
bind "$goroot" /usr/local/go
# Node as its makers pack it: the program, and npm beside it.
node=$(readlink -f "$(command -v node)")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
mkdir -p "$root/opt/node/bin"
cp "$node" "$root/opt/node/bin/node"
bind "$npm" /opt/node/lib/node_modules/npm
ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/opt/node/bin/npm"
ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/opt/node/bin/npx"

# How this machine comes to its packages: settings, none of the packages.
cp /etc/resolv.conf /etc/hosts "$root/etc/"
for folder in apt.conf.d sources.list.d trusted.gpg.d preferences.d; do
	[ ! -d "/etc/apt/$folder" ] || cp -r "/etc/apt/$folder" "$root/etc/apt/"
done
if [ -f /etc/apt/sources.list ]; then cp /etc/apt/sources.list "$root/etc/apt/"; else rm -f "$root/etc/apt/sources.list"; fi
for file in "${SSL_CERT_FILE:-}" "${NODE_EXTRA_CA_CERTS:-}" "${GIT_SSL_CAINFO:-}" "${CURL_CA_BUNDLE:-}" /etc/npmrc "$HOME/.npmrc"; do
	if [ -f "$file" ]; then
		to=$root$file
		[ "$file" != "$HOME/.npmrc" ] || to=$root/root/.npmrc
		mkdir -p "$(dirname "$to")"
		cp -L "$file" "$to"
	fi
done
env=(HOME=/root LANG=C.UTF-8 PATH=/usr/local/go/bin:/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
while IFS='=' read -r name value; do
	case $name in
	*PROXY | *proxy | SSL_CERT_FILE | NODE_EXTRA_CA_CERTS | GIT_SSL_* | CURL_CA_BUNDLE | NPM_* | npm_* | CI) env+=("$name=$value") ;;
	esac
done < <(env)
for name in GOPROXY GOSUMDB GOFLAGS; do
	env+=("$name=$(go env $name)")
done

rm -rf "$root/root/project"
git clone -q "$top" "$root/root/project"
env -i "${env[@]}" chroot "$root" sh -c 'cd /root/project && exec "$@"' bare "$@"
