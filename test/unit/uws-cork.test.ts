/**
 * What uWebSockets.js does to a write that does not fit into what is left of its cork: it sends the cork, and drops the
 * write where the socket did not take all of that.
 */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { NativeResponse } from '../../gateway/edge/uws-native.js'
import { UwsReply } from '../../gateway/edge/uws-reply.js'
import { Turn } from '../../gateway/edge/uws-turn.js'
import { parseResponse } from '../helpers/engine-rig.js'

const CORK = 16 * 1024

/** The engine's response on a socket that takes `room` bytes more. */
class NearlyFull {
  readonly wire: Buffer[] = []
  private room: number
  private left = Buffer.alloc(0)
  private corked: Buffer | undefined
  private framed = false
  private offset = 0
  private onRoom: () => void = () => {}

  constructor(room: number) {
    this.room = room
  }

  /** A callback of the parser: its socket is corked. */
  parse(work: () => void): void {
    this.cork(work)
  }

  /** The reader has read all. */
  drain(): void {
    this.room = Number.POSITIVE_INFINITY
    this.put('')
    this.onRoom()
  }

  cork(work: () => void): void {
    if (this.corked !== undefined) {
      work()
      return
    }
    this.corked = Buffer.alloc(0)
    work()
    if (this.corked !== undefined) this.uncork(Buffer.alloc(0), false)
  }

  onWritable(handler: () => boolean): void {
    this.onRoom = handler
  }

  writeStatus(status: string | Uint8Array): void {
    for (const piece of ['HTTP/1.1 ', status, '\r\n']) this.put(piece)
  }

  writeHeader(name: string, value: string): void {
    this.put(`${name}: ${value}\r\n`)
  }

  write(chunk: Uint8Array): boolean {
    this.frame('transfer-encoding: chunked\r\n')
    this.put(`\r\n${chunk.length.toString(16)}\r\n`)
    return !this.put(chunk)[1]
  }

  tryEnd(chunk: Uint8Array, total: number): [boolean, boolean] {
    this.frame(`content-length: ${total}\r\n\r\n`)
    const [written, failed] = this.put(chunk, true)
    this.offset += written
    return [!failed, this.offset === total]
  }

  getWriteOffset(): number {
    return this.offset
  }

  end(body: string | Uint8Array = ''): void {
    if (this.framed) this.put('\r\n0\r\n\r\n')
    else this.frame(`content-length: ${body.length}\r\n\r\n`)
    this.put(body)
  }

  private frame(field: string): void {
    if (!this.framed) this.put(field)
    this.framed = true
  }

  /** What was taken, and whether the socket is full. */
  private put(piece: string | Uint8Array, optional = false): [number, boolean] {
    const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : Buffer.from(piece)
    this.left = this.left.subarray(this.send(this.left))
    if (this.left.length > 0) {
      if (!optional) this.left = Buffer.concat([this.left, bytes])
      return [optional ? 0 : bytes.length, true]
    }
    if (this.corked !== undefined) {
      if (this.corked.length + bytes.length > CORK) return this.uncork(bytes, optional)
      this.corked = Buffer.concat([this.corked, bytes])
      return [bytes.length, false]
    }
    const sent = this.send(bytes)
    if (!optional) this.left = bytes.subarray(sent)
    return [optional ? sent : bytes.length, sent < bytes.length]
  }

  private uncork(piece: Buffer, optional: boolean): [number, boolean] {
    const waiting = this.corked!
    this.corked = undefined
    return this.put(waiting)[1] ? [0, true] : this.put(piece, optional)
  }

  private send(bytes: Buffer): number {
    const sent = Math.min(this.room, bytes.length)
    this.room -= sent
    this.wire.push(Buffer.from(bytes.subarray(0, sent)))
    return sent
  }
}

const body = Buffer.from(Array.from({ length: 60_000 }, (_, i) => 33 + (i % 89)))
const head = (bytes: number) => ({ status: 200, headers: ['x-a', 'v'.repeat(bytes)] })

/** What a reader gets of an answer that was begun when its socket had room for so many bytes. */
async function answered(room: number, answer: (reply: UwsReply) => void, parsing = false): Promise<Buffer> {
  const errors: unknown[] = []
  const clocks = new Turn((error) => errors.push(error))
  const socket = new NearlyFull(room)
  const reply = new UwsReply(socket as unknown as NativeResponse, clocks, { writable() {}, over() {} })
  clocks.parsing = parsing
  if (parsing) socket.parse(() => answer(reply))
  else answer(reply)
  clocks.parsing = false
  await turn()
  socket.drain()
  await turn()
  clocks.close()
  if (errors.length > 0) throw errors[0]
  return parseResponse(Buffer.concat(socket.wire))!.body
}

const ROOMS = [0, 5, 100, 5000, 12_500, 16_000, 16_400, 17_000, 30_000, 60_000]

for (const parsing of [false, true]) {
  const where = parsing ? 'in the parser’s turn' : 'in a turn of its own'
  t.test(`a body that does not fit beside its head is not lost, ${where}`, async (t) => {
    for (const room of ROOMS)
      for (const size of [100, 4000, 20_000, 60_000]) {
        const sent = body.subarray(0, size)
        const got = await answered(room, (reply) => reply.respond(head(12_000), sent), parsing)
        t.ok(got.equals(sent), `${size} bytes, room for ${room}`)
      }
    const got = await answered(100_000, (reply) => reply.respond(head(20_000), ''), parsing)
    t.equal(got.length, 0, 'no body beside a head that fits into no cork')
  })

  t.test(`nor is a piece of a chunked answer, ${where}`, async (t) => {
    for (const room of ROOMS)
      for (const bytes of [10, 12_000, 15_500]) {
        const got = await answered(
          room,
          (reply) => {
            reply.start(head(bytes))
            reply.write(body.subarray(0, 30_000))
            reply.write(body.subarray(30_000))
            reply.end()
          },
          parsing,
        )
        t.ok(got.equals(body), `head of ${bytes} bytes, room for ${room}`)
      }
  })
}
