// What PSE replaces: the HELIOS signalling server (docs/helios.md, "Calls") on
// Socket.IO's own server, with PSE's ping interval.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const http = createServer()
const io = new Server(http, { pingInterval: 5000, pingTimeout: 5000 })
io.of(/^\/\w+$/).on('connection', (socket) => {
  const room = socket.nsp
  socket.on('message', (message, to) => socket.to(to).emit('message', message, socket.id))
  socket.on('disconnect', () => room.emit('message', 'bye', socket.id))
  const n = room.sockets.size
  if (n > 6) {
    socket.emit('full', room.name)
    socket.disconnect()
  } else if (n === 1) {
    socket.emit('created', room.name, socket.id)
  } else {
    socket.broadcast.emit('join', socket.id)
    socket.emit('joined', room.name)
  }
})
http.listen(Number(process.argv[2]), '127.0.0.1')
