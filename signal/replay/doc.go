// Package replay is what a worker makes of the log of calls: a fold that it reads
// from the beginning, entry by entry. Signals go through it to the members whose
// sockets are at this worker (Recipient), and it keeps what was for each member,
// here or at any worker, so that a client that reconnects gets what it missed.
//
// It publishes nothing and changes no record: a worker that restarts reads the log
// again and has the same.
//
// # Promised
//
//   - A recipient gets each signal for it once, in the log's order, its welcome
//     before all others. Offsets (Position) rise with each.
//   - Restore gives all signals after an offset or reports that it cannot.
//   - Memory is bounded by Config, whatever is in the log.
//
// # Lock order
//
// Buffer.mu may be taken while a handler of socketio runs. Under it no handler is
// called, only Socket.Emit and the functions given to Stale and Sweep.
package replay
