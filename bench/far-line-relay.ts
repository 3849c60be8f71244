import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { LineOrder } from './far-line.js'

/** The long line's process: what was sent counts against the window for a whole round trip. */
const { target, roundTripMs, window } = JSON.parse(process.argv[2] ?? '{}') as LineOrder
const [host = '', port = ''] = target.split(':')

function carry(from: Socket, to: Socket): void {
  let onTheWay = 0
  from.setNoDelay(true)
  from.on('error', () => to.destroy())
  from.on('end', () => setTimeout(() => to.end(), roundTripMs / 2))
  from.on('data', (bytes: Buffer) => {
    onTheWay += bytes.length
    if (onTheWay >= window) from.pause()
    setTimeout(() => void (to.destroyed || to.write(bytes)), roundTripMs / 2)
    setTimeout(() => {
      onTheWay -= bytes.length
      if (onTheWay < window) from.resume()
    }, roundTripMs)
  })
}

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host, port: Number(port), allowHalfOpen: true })
  carry(near, far)
  carry(far, near)
})

server.listen(0, '127.0.0.1', () =>
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`),
)
