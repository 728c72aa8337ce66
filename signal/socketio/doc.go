// Package socketio serves the Socket.IO protocol, revision 5, on package
// engineio, and revision 4 to clients of Engine.IO 3: namespaces, events with
// acknowledgements both ways, binary attachments both ways, and connection
// state recovery as socket.io 4.6 has it.
//
// Arguments of events are raw JSON that is never decoded here: what a client
// sent can be passed on byte by byte, the order of keys unchanged.
//
// Section names in comments are those of the documents "Socket.IO Protocol",
// revisions 5 and 4. What they leave open is done as the Node.js server does
// it, since that is what clients were tested with.
//
// Lock order: Socket.in (held while a Handler runs), client.mu, Socket.mu. No
// lock but Socket.in is held when the application is called.
package socketio
