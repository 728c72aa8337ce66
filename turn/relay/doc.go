// Package relay is the data plane of the TURN server: it carries the packets,
// pion/turn decides who may send them.
//
// One shard per core owns a UDP socket for every address clients talk to
// (SO_REUSEPORT: the kernel keeps a client on one shard) and the relay sockets
// of the allocations that arrived there. Its loop, on a thread of its own,
// relays ChannelData, Send indications and what peers answer (RFC 8656, 10 to
// 12). All else the kernel gives to sockets of pion's at the same addresses, or,
// where it cannot, the loop over a bounded queue: each shard's sockets are
// net.PacketConns for pion, its relay sockets come from a
// turn.RelayAddressGenerator, and pion's EventHandler tells it of allocations,
// permissions and channels.
//
// The rules of this package:
//   - What a shard's loop owns (tables, buffers, counters) only its thread
//     touches. Others post a function that the loop runs before the next packet
//     it handles. There is no lock on a packet's way, and no allocation.
//   - pion tells of a channel before it answers the client, so the loop knows it
//     before the client's first packet.
//   - A client's requests and its packets are not in order among each other.
//   - The loop closes file descriptors, so a number is never reused under it.
//
// On systems other than Linux, and on kernels without what this needs, New
// returns ErrUnsupported; pion alone then relays, slower.
package relay
