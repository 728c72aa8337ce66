// Package client is for programs that stand beside PSE: they hear what happens,
// durably, and have a say in it.
//
//	c, err := client.Connect("/var/lib/pse/integrator.url", client.Options{Name: "archive"})
//	...
//	defer c.Close()
//	err = client.Subscribe(ctx, c, client.Subscription{Durable: "archive"}, func(ctx context.Context, e event.UploadCompleted) error {
//		return archive(e.Upload, e.SHA256)
//	})
//
// It needs the library of NATS and no server. Events and hooks are types of package
// bus/event.
//
// # Promised
//
//   - A durable subscription misses nothing that the log still has (7 days; of a type
//     and resource the last 20,000): it goes on where it was after a restart of the
//     program or of PSE.
//   - Its handler gets one event at a time, in the order of the log, and each at least
//     once: it must bear repeats, which have the same Envelope.ID.
//   - An event whose handler fails comes again, with pauses that grow, before the
//     next one does. After the last try, or when no handler survived it, it goes into
//     PSE's log of dead letters, which `pse events dead` shows, and the next one comes.
//   - A handler may take as long as it likes: PSE is told that it is at work. Of
//     several processes that share a durable name one works at a time; when that is
//     killed another has its event 5 s later.
//   - While PSE is away everything waits, and nothing needs to be done.
//
// # Not promised
//
// Exactly once. Order among subscriptions, or of events with media. That a hook
// which is not answered in time waits: what silence means is PSE's configuration
// (docs/integrators.md).
package client
