// Package socket sets what a connection's system should do otherwise than it
// does by itself.
package socket
