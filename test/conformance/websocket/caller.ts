/** A caller that writes the frames of a case, however wrong they are, and keeps what comes back. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { closing, frame, type Message, Op, type SocketCase, type SocketVerdict } from './case.js'

/** Who is not served and not cut by then hangs. */
const HANG = process.env.GW_CONFORMANCE_FULL === '1' ? 60_000 : 30_000
/** Pieces past this many are written without a turn of the loop between. */
const TURNS = 200

export class FrameCaller {
  readonly messages: Message[] = []
  readonly pongs: Buffer[] = []
  /** Of the close frame; 1005: it had none. Undefined: no close frame came. */
  code: number | undefined
  ended = false
  /** What the other side may not send. */
  readonly faults: string[] = []
  readonly #socket: Socket
  #rest = Buffer.alloc(0)
  #came: Buffer[] = []
  #size = 0
  /** So many bytes make the next frame. */
  #needed = 0
  #open = false
  #told = Promise.resolve()
  #tell = (): void => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#await()
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      this.#came.push(chunk)
      this.#size += chunk.length
      // A large frame is joined once.
      if (this.#size < this.#needed) return
      this.#rest = Buffer.concat(this.#came)
      this.#read()
      this.#came = [this.#rest]
      this.#size = this.#rest.length
      this.#wake()
    })
    socket.on('close', () => {
      this.ended = true
      this.#wake()
    })
  }

  /** Resolves once the handshake is answered. */
  static async open(port: number, path: string): Promise<FrameCaller> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    const caller = new FrameCaller(socket)
    const key = randomBytes(16).toString('base64')
    const fields = `Host: conformance.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`
    socket.write(`GET ${path} HTTP/1.1\r\n${fields}\r\n\r\n`)
    await caller.#until(() => caller.#open)
    if (!caller.#open) throw new Error('the handshake was not accepted')
    return caller
  }

  /** Writes the case and stays until it is over. */
  async play({ pieces }: SocketCase, verdict: SocketVerdict): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (this.ended) break
      this.#socket.write(piece)
      if (i < TURNS) await turn()
    }
    if (verdict.kind === 'echo') {
      const { messages, pongs } = verdict
      await this.#until(() => this.messages.length >= messages.length && this.pongs.length >= pongs.length)
      if (!this.ended) this.#socket.write(closing(1000))
    }
    await this.end()
  }

  /** Stays until the connection is at its end, and answers a close frame as a caller does. */
  async end(): Promise<void> {
    await this.#until(() => this.ended || this.code !== undefined)
    if (!this.ended) this.#socket.write(closing(1000))
    await this.#until(() => this.ended)
    this.#socket.destroy()
  }

  async #until(met: () => boolean): Promise<void> {
    const late = sleep(HANG, 'late', { ref: false })
    while (!met() && !this.ended) if ((await Promise.race([this.#told, late])) === 'late') return
  }

  #await(): void {
    this.#told = new Promise((resolve) => (this.#tell = resolve))
  }

  #wake(): void {
    this.#tell()
    this.#await()
  }

  #read(): void {
    if (!this.#open) {
      const at = this.#rest.indexOf('\r\n\r\n')
      if (at < 0) return
      this.#open = this.#rest.toString('latin1', 0, at).startsWith('HTTP/1.1 101')
      if (!this.#open) this.#socket.destroy()
      this.#rest = this.#rest.subarray(at + 4)
    }
    while (this.#open && this.#frame()) {}
  }

  #frame(): boolean {
    const bytes = this.#rest
    if (bytes.length < 2) return false
    const short = bytes[1]! & 0x7f
    const from = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length < from) return false
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
    this.#needed = from + length
    if (bytes.length < this.#needed) return false
    this.#needed = 0
    const payload = bytes.subarray(from, from + length)
    this.#rest = bytes.subarray(from + length)
    this.#take(bytes[0]!, payload, (bytes[1]! & 0x80) !== 0)
    return true
  }

  #take(first: number, payload: Buffer, masked: boolean): void {
    if (masked || (first & 0xf0) !== 0x80) this.faults.push(`a frame begins with ${first}, masked: ${masked}`)
    if (this.code !== undefined) this.faults.push('a frame behind the close frame')
    const opcode = first & 0x0f
    if (opcode === Op.pong) this.pongs.push(payload)
    else if (opcode === Op.close) this.code = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
    else if (opcode === Op.ping) this.#socket.write(frame(Op.pong, payload))
    else this.messages.push({ opcode, payload })
  }
}

/** @returns what breaks the verdict, a sentence each. */
export function judge(verdict: SocketVerdict, caller: FrameCaller): string[] {
  const found = [...caller.faults]
  if (!caller.ended) found.push('it hangs')
  const { code, messages, pongs } = caller
  const alike = (some: readonly Message[], all: readonly Message[]): boolean =>
    some.every(({ opcode, payload }, i) => all[i]?.opcode === opcode && all[i].payload.equals(payload))
  switch (verdict.kind) {
    case 'echo':
      if (messages.length !== verdict.messages.length || !alike(messages, verdict.messages))
        found.push(`${messages.length} messages came back, not the ${verdict.messages.length} that were sent`)
      if (pongs.length !== verdict.pongs.length || !verdict.pongs.every((pong, i) => pongs[i]?.equals(pong)))
        found.push(`${pongs.length} pongs came, not those ${verdict.pongs.length} that were asked for`)
      if (code !== 1000) found.push(`its close was answered with ${code}`)
      return found
    case 'closed':
      if (code === undefined || !verdict.codes.includes(code))
        found.push(`its close was answered with ${code}`)
      if (verdict.messages.length > 0 && !alike(messages, verdict.messages))
        found.push('what came back is not what was sent')
      return found
    case 'failed':
      if (code !== undefined && !verdict.codes.includes(code)) found.push(`it failed with ${code}`)
      if (messages.length > 1) found.push(`${messages.length} messages came back`)
      return found
  }
}
