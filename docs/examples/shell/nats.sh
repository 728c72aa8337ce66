# A client of NATS in bash, to be sourced: enough to subscribe, to answer and to
# read the log FEED. Without TLS; for more there is the command line tool of NATS.

# nats_connect FILE: connects to the address in integrator.url.
nats_connect() {
	local url user password host port line
	url=$(<"$1")
	if [[ ! $url =~ ^nats://([^:]+):([^@]+)@(.+):([0-9]+)$ ]]; then
		echo "$1 is not nats://user:password@host:port" >&2
		return 1
	fi
	user=${BASH_REMATCH[1]} password=${BASH_REMATCH[2]} host=${BASH_REMATCH[3]} port=${BASH_REMATCH[4]}
	exec {nats}<>"/dev/tcp/$host/$port" || return
	read -r line <&"$nats" # INFO
	nats_send "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"user\":\"$user\",\"pass\":\"$password\",\"name\":\"$0\",\"lang\":\"bash\",\"version\":\"1\",\"protocol\":1}"
	inbox=_INBOX.$$.$RANDOM$RANDOM
	subscriptions=0
	nats_flush
}

nats_send() { printf '%s\r\n' "$1" >&"$nats"; }

# nats_flush returns when the server has seen all that was sent.
nats_flush() {
	local line
	nats_send PING
	while IFS= read -r line <&"$nats"; do
		case ${line%$'\r'} in
		PONG) return 0 ;;
		-ERR*) echo "nats: $line" >&2 && return 1 ;;
		esac
	done
	return 1
}

# nats_subscribe SUBJECT [QUEUE]
nats_subscribe() {
	subscriptions=$((subscriptions + 1))
	nats_send "SUB $1 ${2:-} $subscriptions"
}

# nats_publish SUBJECT TEXT [REPLY]
nats_publish() {
	local LC_ALL=C
	printf 'PUB %s %s %d\r\n%s\r\n' "$1" "${3:-}" "${#2}" "$2" >&"$nats"
}

# nats_next waits for a message: subject, reply, headers and payload.
nats_next() {
	local LC_ALL=C line words size head
	while IFS= read -r line <&"$nats"; do
		line=${line%$'\r'}
		read -ra words <<<"$line"
		head=0
		case $line in
		PING) nats_send PONG && continue ;;
		MSG\ *) ;;
		HMSG\ *) head=${words[-2]} && unset 'words[-2]' ;;
		-ERR*) echo "nats: $line" >&2 && return 1 ;;
		*) continue ;;
		esac
		subject=${words[1]} size=${words[-1]} reply=
		[ ${#words[@]} -eq 5 ] && reply=${words[3]}
		IFS= read -r -N $((size + 2)) payload <&"$nats"
		headers=${payload:0:head} payload=${payload:head:size-head}
		return 0
	done
	return 1
}

# nats_consumer NAME POLICY FILTER...: makes a durable consumer on FEED, or takes it
# up. POLICY is all (from the oldest there is) or new (from now on).
nats_consumer() {
	local name=$1 policy=$2
	shift 2
	nats_subscribe "$inbox.>"
	nats_publish "\$JS.API.CONSUMER.DURABLE.CREATE.FEED.$name" "$(
		jq -nc --arg name "$name" --arg policy "$policy" '{stream_name: "FEED", config: {durable_name: $name,
			deliver_policy: $policy, ack_policy: "explicit", max_ack_pending: 1, filter_subjects: $ARGS.positional}}' --args "$@"
	)" "$inbox.made"
	nats_next || return
	if [ "$(jq -r '.error.description // empty' <<<"$payload")" ]; then
		echo "consumer $name: $payload" >&2
		return 1
	fi
	consumer=$name
}

# nats_fetch [SECONDS] waits for the consumer's next event, for so long or for
# ever; nats_ack says that it is done with, nats_nak has it come again.
nats_fetch() {
	while nats_publish "\$JS.API.CONSUMER.MSG.NEXT.FEED.$consumer" "{\"batch\":1,\"expires\":${1:-20}000000000}" "$inbox.next" && nats_next; do
		[[ $reply == '$JS.ACK.'* ]] && return 0 # else a status: there was none
		[ -n "${1:-}" ] && return 1
		sleep 0.2
	done
	return 1
}
nats_ack() { nats_publish "$reply" +ACK; }
nats_nak() { nats_publish "$reply" '-NAK {"delay":2000000000}'; }
