// Package engineio serves the Engine.IO protocol, revision 4, and revision 3
// for clients that ask with EIO=3: sessions over HTTP long-polling, over
// WebSocket, or the first upgraded to the second.
//
// Section names in comments are those of the protocol documents
// "Engine.IO Protocol", revisions 4 and 3. What they leave open is done as
// the Node.js server does it, since that is what clients were tested with.
//
// A session belongs to the worker that opened it, and its id begins with the
// token of that worker. A request that reaches another worker is carried to
// the owner by a Forward, so a balancer in front needs no sticky sessions.
//
// What is kept for a session:
//   - Messages of a client are given to its Handler one at a time, in order,
//     whatever transport they came by.
//   - Packets sent to a client leave in the order of Send, across an upgrade too.
//   - Handler.Close comes once, after the last Message returned.
//
// What is not promised: that a packet arrived. A poll that is cancelled, or a
// connection that breaks, ends the session, as the protocol's test suite
// wants it; the application must send again what was on its way (package
// socketio: connection state recovery).
//
// Lock order: sessions.mu is never held when a Session's mu is taken, nor the
// other way round; tasks.mu comes after it. Session.in (held while a Handler runs) comes before
// Session.mu. No lock but Session.in is held when a Handler is called.
package engineio
