// Package bus is what the workers of PSE share: logs, records, leases, events,
// hooks and requests on NATS, and the embedded NATS server. It is the
// contract between them: what two workers must agree on is a type in here.
//
// The same code runs on the embedded server of this process (Options.Server),
// on that of another, and on an operator's NATS cluster (Options.URL). How NATS
// does it is package conn's, which knows no event and no log's name; the embedded
// server is package server's. Nobody but bus imports either.
//
// # Logs
//
// The media log (Chunk) holds the last 30 s of each source in memory, the
// parts log (Part) the window that viewers may seek in, in files. Readers
// (FollowMedia, FollowParts) get each message once and in the log's order,
// over lost connections and restarts of the server; they may start anywhere.
//
//   - A part whose publish was acked is not lost when a process dies, the
//     server's too. When the power goes up to a second of acked parts may be.
//   - The media log is gone with the server. Its readers go on with what is
//     published next; the gap is for them to see (Chunk.N).
//   - PublishPart is fenced: two writers of a rendition can never both
//     succeed after the same part. That, not the lease, keeps output right.
//   - PublishChunk and PublishPart do not retry by themselves: on ErrAway
//     call again with the same message, which is then stored once. While the
//     bus is away they fail at once, so pause a little.
//   - A message is at most MaxPayload long, headers included.
//   - GetPart and LastPart ask any replica of a cluster's log; just after a
//     fail-over one may lag. A writer with an old idea of the last part is
//     told so by ErrFenced.
//
// Logs are made by who finds them missing. Those that are there follow the
// settings that a process has been given when it starts (Options.Adjust), once:
// the one started last has its way, and the others say so.
//
// # Records
//
// LIVE has one record per stream name (StreamRecord), changed by compare-and-set
// (UpdateStreamRecord). WatchStreamRecords shows every state it can, not every state there
// was: changes in quick succession, or while away, may come as one.
//
// ROOMS has one record per call (Room), changed the same way (UpdateRoom): who
// is in it and how many is exact, whoever changes it. A room without members
// has no record.
//
// RELAYS has records of the allocations at the relay (Relays), each its
// worker's alone until somebody who finds that one gone claims it.
//
// # Calls
//
// The log of calls holds what members of rooms get (Signal), system events
// too, for a minute and more. Every signal worker reads all of it in order
// (FollowSignals). A batch whose PublishSignals returned nil outlives the
// server's death, and is stored once however often it is published within
// CallsAge. Workers also ask each other directly, by Bus.ID (RequestDirect,
// DialDirect); that is neither stored nor repeated.
//
// # Leases
//
// A lease (Leases) keeps two workers from doing the same work. It is no lock:
// one that was stopped (SIGSTOP) may believe for a moment after it wakes. A
// killed holder is found out within about 0.1 s, a hanging one after
// LeaseTimeout. After a restart of the server holders keep their leases if
// they are back within LeaseTimeout.
//
// # Events
//
// Events are facts (Publish, Outbox): CloudEvents 1.0 in JSON, whose Go
// type is their topic. The types are in bus/event, schemas and an AsyncAPI document
// in bus/schema. Who hears them durably does so by package client.
//
//   - An event whose Publish returned nil is delivered to every durable
//     subscription at least once.
//   - What a subscription gave up is kept as a dead letter (EachDead).
//   - An event with a Key is stored once however often it is published
//     within an hour, and by an Outbox however long ago that was. Workers publish
//     by one what follows from state, each fact until it is stored; after a crash
//     whoever finds the state tells it again.
//   - There is no order between events and other logs: when segment.ready
//     comes, the segment is there; when a segment is there its event may
//     still be on its way.
//   - The log keeps 7 days, and of one topic and resource the last 20,000 (of
//     segment.ready some hours). A subscription that is away longer misses some.
//
// Hints (PublishHint) look like events, but are neither stored nor repeated.
//
// # Hooks and requests
//
// A hook (AskHook) is a question that integrators may veto, within a deadline;
// what silence means is HookConfig's. A request (Request) goes to one of the
// workers that Serve an endpoint. Neither is stored or repeated: no answer is
// an error, and says nothing about whether it was heard.
//
// # Who may do what
//
// On the embedded server workers share the account PSE. Integrators have
// INTEGRATORS: they read events, durably too, from a mirror (FEED), answer
// hooks, and leave dead letters; nothing else of ours is there. The passwords are in the data
// directory. For an operator's servers deploy/nats.conf does the same, and allows
// each user no more than it needs; FEED is made there by workers.
//
// # Not promised
//
// That a slow reader sees everything: logs drop their oldest by age and size,
// and a reader that fell out of the window goes on with the oldest there is.
// Exactly-once handling of events. Order across streams. That anybody
// listens. That the clocks of two machines agree: nothing here compares them.
package bus
