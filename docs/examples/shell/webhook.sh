#!/usr/bin/env bash
# webhook.sh FILE-OF-THE-URL FILTER URL
#
# Posts every event that matches the filter, as stream.> or upload.completed.*,
# to a URL. What is not taken comes again, also what happened while this
# program, the receiver or PSE was away: up to 7 days.
set -euo pipefail
source "$(dirname "$0")/nats.sh"
nats_connect "$1"
nats_consumer webhook-shell all "events.v1.$2"
echo posting
while nats_fetch; do
	if curl -sSf -m 10 -o /dev/null -H 'Content-Type: application/cloudevents+json' --data-binary @- "$3" <<<"$payload"; then
		nats_ack
	else
		nats_nak
	fi
done
