/** The server behind it all: writes exactly what its script says, keeps exactly what it got. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Marks } from './marks.js'
import { fieldOf, framingOf, type Message, MessageReader } from './message.js'
import type { OriginStep } from './script.js'
import { write } from './writing.js'

/** One run of a case, from the origin's side. */
export interface Play {
  readonly marks: Marks
  readonly scripts: readonly (readonly OriginStep[])[]
  /** In the order in which their heads came. */
  readonly requests: Message[]
}

export class Origin {
  readonly #server: Server
  readonly #plays = new Map<string, Play>()
  readonly #sockets = new Set<Socket>()

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket))
  }

  static async start(): Promise<Origin> {
    const origin = new Origin()
    origin.#server.listen(0, '127.0.0.1')
    await once(origin.#server, 'listening')
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Requests whose `x-case` is `key` belong to `play`. */
  expect(key: string, play: Play): void {
    this.#plays.set(key, play)
  }

  forget(key: string): void {
    this.#plays.delete(key)
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    let play: Play | undefined
    let busy = Promise.resolve()
    let failed = false
    const gone = new Promise<void>((resolve) => socket.once('close', resolve))
    const reader = new MessageReader({
      head: (message) => {
        const found = this.#plays.get(fieldOf(message.fields, 'x-case') ?? '')
        if (found === undefined) {
          socket.destroy()
          return 0
        }
        play = found
        found.requests.push(message)
        const script = found.scripts[Math.min(found.requests.length, found.scripts.length) - 1]!
        const nth = found.requests.length
        busy = busy.then(() => perform(socket, script, found.marks, nth, gone))
        found.marks.add('asked')
        return framingOf(message.fields) ?? 0
      },
      body: (bytes) => play?.marks.add('up', bytes),
      end: (message) => {
        if (message.ending === 'complete') play?.marks.add('request')
      },
    })
    socket.on('data', (chunk) => reader.feed(chunk))
    socket.on('error', () => {
      failed = true
    })
    let over = false
    const left = () => {
      if (!over) play?.marks.add('left')
      over = true
    }
    // Whoever has only closed its half is still answered.
    socket.on('end', () => {
      left()
      void busy.then(() => socket.end())
    })
    socket.on('close', () => {
      this.#sockets.delete(socket)
      reader.finish(failed ? 'reset' : 'truncated')
      left()
    })
  }
}

/** `nth`: which request of the case it answers, from 1. */
async function perform(
  socket: Socket,
  script: readonly OriginStep[],
  marks: Marks,
  nth: number,
  gone: Promise<void>,
): Promise<void> {
  for (const step of script) {
    if (step === 'half') socket.end()
    else if (step === 'close') socket.destroySoon()
    else if (step === 'reset') socket.resetAndDestroy()
    else if (typeof step === 'string' || 'fill' in step) await write(socket, step, gone)
    else {
      const { wait, count = wait === 'request' ? nth : 1 } = step
      await Promise.race([marks.reach(wait, count), gone])
    }
  }
}
