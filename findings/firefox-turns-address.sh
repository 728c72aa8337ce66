#!/usr/bin/env bash
# A TURN server over TLS may be named by an address (turns:203.0.113.1:5349?transport=tcp, RFC 7065), and its certificate may have that
# among its names. Here coturn has a certificate for an address and for a name, of a root that both browsers were told to trust; a page
# gathers candidates of type relay by each, in a network of its own.
#
# Versions: Firefox ESR 153, Chromium 156 and coturn 4.6.1 of Debian 12. Needs root, for the network.
# Seen:     Firefox gathers none by the address, and does not say so: it does not connect, there is no exception, no icecandidateerror,
#           and gathering is complete at once. Only its log (MOZ_LOG=mtransport:5) has "TLS requires FQDN, not IP address". RFC 8489
#           (6.2.3) is on its side: it has clients compare names, and says nothing of addresses. By the name of the same server and
#           certificate Firefox does gather, also when the address stands beside it, and over UDP and TCP it does by the address.
#           Chromium gathers by all of them.
set -euo pipefail
if [ -z "${INSIDE:-}" ]; then
	packages=(coturn openssl firefox-esr chromium libnss3-tools python3 iproute2)
	dpkg -s "${packages[@]}" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }
	dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
	INSIDE=$dir timeout 180 unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0"
	exit
fi
cd "$INSIDE"
ip link set lo up; ip link add eth0 type veth peer name other; ip link set other up; ip link set eth0 up # as if it had a network
ip addr add 203.0.113.1/24 dev eth0; ip route add default dev eth0
printf '127.0.0.1 localhost\n203.0.113.1 relay.test\n' >hosts; mount --bind hosts /etc/hosts

key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${key[@]}" -keyout ca.key -out ca.pem -days 30 -subj '/CN=an own root' -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req "${key[@]}" -keyout leaf.key -out leaf.csr -subj '/CN=relay' 2>/dev/null
printf 'subjectAltName=DNS:relay.test,IP:203.0.113.1\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' >names
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile names -out leaf.pem 2>/dev/null
for db in firefox chromium/.pki/nssdb; do
	mkdir -p $db; certutil -N -d sql:$db --empty-password; certutil -A -n root -t C,, -i ca.pem -d sql:$db
done
turnserver -n --no-cli -L 203.0.113.1 -E 203.0.113.1 --cert leaf.pem --pkey leaf.key -a -r test -u ann:secret --log-file stdout --pidfile pid >turn.log 2>&1 &

cat >page.html <<'H'
<script>
const at = (host) => `turns:${host}:5349?transport=tcp`
const gather = (...urls) => new Promise((done) => {
  const c = new RTCPeerConnection({ iceServers: [{ urls, username: 'ann', credential: 'secret' }], iceTransportPolicy: 'relay' })
  let relays = 0, errors = 0
  c.onicecandidateerror = () => errors++
  c.onicecandidate = (e) => { if (e.candidate?.type === 'relay') relays++ }
  c.onicegatheringstatechange = () => {
    if (c.iceGatheringState !== 'complete') return
    c.close()
    done(`${urls.join(' and ')}: ${relays ? 'a relay' : errors ? 'an error' : 'nothing'}`)
  }
  c.createDataChannel('')
  c.setLocalDescription()
});
(async () => {
  const seen = []
  for (const urls of [['turn:203.0.113.1?transport=udp'], ['turn:203.0.113.1?transport=tcp'], [at('203.0.113.1')], [at('relay.test')], [at('203.0.113.1'), at('relay.test')]])
    seen.push(await gather(...urls))
  await fetch('seen', { method: 'POST', body: seen.join('\n') })
})()
</script>
H
cat >serve.py <<'P'
import http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_POST(self):
        open('seen.new', 'wb').write(self.rfile.read(int(self.headers['Content-Length'])))
        os.rename('seen.new', 'seen')
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Handler).serve_forever()
P
python3 serve.py &
for port in 8000 3478 5349; do
	for _ in $(seq 100); do ss -Hltn "sport = $port" | grep -q . && break; sleep 0.1; done
done
answer() { # what the page says in a browser
	rm -f seen
	"$@" http://127.0.0.1:8000/page.html >/dev/null 2>&1 & local browser=$!
	for _ in $(seq 140); do [ -e seen ] && break; sleep 0.5; done
	kill $browser; wait $browser 2>/dev/null || true
	cat seen
}
firefox-esr --version; chromium --version 2>/dev/null; turnserver --version 2>/dev/null | tail -n 1
export MOZ_LOG=mtransport:5 MOZ_LOG_FILE=$PWD/log
seen="Firefox:
$(HOME=$PWD/firefox answer firefox-esr --headless --no-remote --profile firefox)
$(grep -ohm1 'TLS requires FQDN.*' log*)
Chromium:
$(HOME=$PWD/chromium answer chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --user-data-dir=chromium)"
echo "$seen"
[ "$seen" = 'Firefox:
turn:203.0.113.1?transport=udp: a relay
turn:203.0.113.1?transport=tcp: a relay
turns:203.0.113.1:5349?transport=tcp: nothing
turns:relay.test:5349?transport=tcp: a relay
turns:203.0.113.1:5349?transport=tcp and turns:relay.test:5349?transport=tcp: a relay
TLS requires FQDN, not IP address
Chromium:
turn:203.0.113.1?transport=udp: a relay
turn:203.0.113.1?transport=tcp: a relay
turns:203.0.113.1:5349?transport=tcp: a relay
turns:relay.test:5349?transport=tcp: a relay
turns:203.0.113.1:5349?transport=tcp and turns:relay.test:5349?transport=tcp: a relay' ] || { echo "changed"; exit 1; }
