/** Bytes onto a socket as a script says, no faster than it takes them. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Fill } from './script.js'

const BLOCK = 64 * 1024
/** No power of two, so that a piece lost or twice is seen. */
const pattern = Buffer.alloc(1_048_573)
for (let i = 0, x = 1; i < pattern.length; i++) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
  pattern[i] = x >>> 24
}

/** Bytes of the pattern from its beginning, in pieces. */
function* blocks(size: number, most: number): Generator<Buffer> {
  for (let at = 0; at < size; ) {
    const from = at % pattern.length
    const piece = pattern.subarray(from, Math.min(from + most, from + size - at))
    at += piece.length
    yield piece
  }
}

async function put(socket: Socket, bytes: Buffer, gone: Promise<void>): Promise<void> {
  if (socket.write(bytes) || socket.destroyed) return
  const controller = new AbortController()
  await Promise.race([once(socket, 'drain', { signal: controller.signal }).catch(() => {}), gone])
  controller.abort()
}

/** `gone` resolves where the connection ends first. */
export async function write(socket: Socket, what: string | Fill, gone: Promise<void>): Promise<void> {
  if (typeof what === 'string') {
    await put(socket, Buffer.from(what, 'latin1'), gone)
    return
  }
  const { fill, chunk } = what
  for (const piece of blocks(fill, chunk ?? BLOCK)) {
    if (socket.destroyed) return
    const framed = Buffer.concat([
      Buffer.from(`${piece.length.toString(16)}\r\n`),
      piece,
      Buffer.from('\r\n'),
    ])
    await put(socket, chunk === undefined ? piece : framed, gone)
  }
}
