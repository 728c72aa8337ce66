#!/usr/bin/env bash
# refuse.sh FILE-OF-THE-URL NAME
#
# Refuses publishers of one stream name, and lets all others in.
set -euo pipefail
source "$(dirname "$0")/nats.sh"
nats_connect "$1"
nats_subscribe hooks.v1.publish hooks # of several programs in this queue group one is asked
nats_flush
echo answering
while nats_next; do
	if [ "$(jq -r .name <<<"$payload")" = "$2" ]; then
		nats_publish "$reply" "$(jq -nc --arg name "$2" '{allow: false, reason: "nobody publishes \($name) here"}')"
	else
		nats_publish "$reply" '{"allow":true}'
	fi
done
