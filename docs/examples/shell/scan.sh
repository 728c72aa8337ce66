#!/usr/bin/env bash
# scan.sh FILE-OF-THE-URL PROGRAM [ARGUMENT...]
#
# Has a scanner look at each file before anybody gets it. The program is given
# the file's path, and ends with 0 (clean) or 1 (not), as clamscan does; any
# other end is no verdict, and the file is asked about again. It must run where
# the files are. PSE waits for transfer.complete.timeout.
set -euo pipefail
source "$(dirname "$0")/nats.sh"
nats_connect "$1"
shift
nats_subscribe hooks.v1.complete hooks
nats_flush
echo answering
while nats_next; do
	status=0
	"$@" "$(jq -r .path <<<"$payload")" >&2 </dev/null || status=$?
	case $status in
	0) nats_publish "$reply" '{"allow":true}' ;;
	1) nats_publish "$reply" '{"allow":false,"reason":"the scanner found something in it"}' ;;
	*) nats_publish "$reply" '{}' ;;
	esac
done
