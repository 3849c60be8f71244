import { createServer, type Socket } from 'node:net'
import { FILES } from './origin.js'

/**
 * The fixed origin where there is no nginx, in a process of its own: requests without a body, told apart by
 * the blank line alone, and answers made beforehand.
 */
const PIECE = Buffer.alloc(1024 * 1024)

const SMALL = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!',
)
const END = '\r\n\r\n'

async function answer(socket: Socket, target: string): Promise<void> {
  const size = Object.entries(FILES).find(([name]) => target === `/${name}`)?.[1]
  if (size === undefined) {
    socket.write(SMALL)
    return
  }
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\n\r\n`)
  for (let left = size; left > 0 && !socket.destroyed; left -= PIECE.length) {
    if (socket.write(PIECE.subarray(0, Math.min(left, PIECE.length)))) continue
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off('drain', go).off('close', go)
        resolve()
      }
      socket.on('drain', go).on('close', go)
    })
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  let turn = Promise.resolve()
  socket.setEncoding('latin1')
  socket.on('error', () => socket.destroy())
  socket.on('data', (data: string) => {
    rest += data
    for (let at = rest.indexOf(END); at >= 0; at = rest.indexOf(END)) {
      const target = rest.slice(rest.indexOf(' ') + 1, rest.indexOf(' ', rest.indexOf(' ') + 1))
      rest = rest.slice(at + END.length)
      if (target === '/') socket.write(SMALL)
      else turn = turn.then(() => answer(socket, target))
    }
  })
})

server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`listening on 127.0.0.1:${address.port}`)
})
