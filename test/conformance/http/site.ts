/** A gateway, an agent and an origin, all real; and callers that send the bytes of a case and those of one more request. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from '../../../agent/index.js'
import { Gateway } from '../../../gateway/gateway.js'
import { createLogger } from '../../../shared/log.js'
import type { Engine } from '../../fidelity/limits.js'
import { fieldOf, framingOf, MessageReader } from '../../fidelity/message.js'
import type { StrictRequest } from '../../fuzz/strict.js'
import { HOST, type HttpCase, PATH, TAG, TUNNEL } from './case.js'
import { Origin } from './origin.js'

/** Who is not answered and not cut by then hangs. */
const HANG = 30_000
/** Who is told that the connection ends with an answer need not wait for the end, but for what comes in spite of it. */
const GOODBYE = 500
/** Connections that are being made at once: well below what a listener keeps waiting. */
const CONNECTING = 64
/** Between the pieces of a case, so that they come by themselves. */
const PIECE_PAUSE = 20

export interface Told {
  readonly status: number
  /** The target that the origin answered; undefined where the answer is not the origin's. */
  readonly to: string | undefined
  /** It is a problem of the gateway's own. */
  readonly problem: boolean
  /** It says that the connection ends with it. */
  readonly last: boolean
  readonly whole: boolean
}

export interface Outcome {
  /** What reached the origin: of the case, of what was in its body, and behind it. */
  readonly served: readonly StrictRequest[]
  readonly smuggled: number
  readonly canary: number
  readonly answers: readonly Told[]
  /** It ended, or an answer said that it will. */
  readonly closed: boolean
  /** It was not ended, and there is no answer to the request behind the case. */
  readonly hangs: boolean
}

export class Site {
  readonly engine: Engine
  readonly errors: string[]
  readonly #gateway: Gateway
  readonly #agent: Agent
  readonly #origin: Origin
  #connecting = 0
  readonly #waiting: (() => void)[] = []
  #next = 0

  private constructor(engine: Engine, errors: string[], gateway: Gateway, agent: Agent, origin: Origin) {
    this.engine = engine
    this.errors = errors
    this.#gateway = gateway
    this.#agent = agent
    this.#origin = origin
  }

  static async start(engine: Engine): Promise<Site> {
    const errors: string[] = []
    const log = createLogger({ level: 'error', write: (line) => errors.push(line) })
    const origin = await Origin.start()
    const gateway = await Gateway.start({ port: 0, engine, accessLog: 'off', log, maxBody: 1024 * 1024 })
    const agent = new Agent({
      gateway: gateway.url,
      tunnelId: TUNNEL,
      forward: `127.0.0.1:${origin.port}`,
      maxConcurrent: 1000,
    })
    await agent.start()
    return new Site(engine, errors, gateway, agent, origin)
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#gateway.destroy()
    this.#origin.stop()
  }

  /** What the origin got that is no request, or nobody's. */
  get strange(): readonly string[] {
    return this.#origin.strange
  }

  /** One that is connected. */
  async #caller(method: string): Promise<Caller> {
    if (this.#connecting === CONNECTING) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#connecting++
    const caller = new Caller(Number(new URL(this.#gateway.url).port), method)
    await caller.connected
    const next = this.#waiting.shift()
    if (next === undefined) this.#connecting--
    else next()
    return caller
  }

  /** `together`: the request behind it comes with the bytes of the case; else it waits for their answer. */
  async play(one: HttpCase, together: boolean): Promise<Outcome> {
    const tag = `c${String(++this.#next).padStart(4, '0')}`
    const named = (text: string): Buffer => Buffer.from(text.replaceAll(TAG, tag), 'latin1')
    const canary = named(`GET ${PATH}/canary HTTP/1.1\r\n${HOST}\r\n\r\n`)
    const pieces = typeof one.bytes === 'string' ? [one.bytes] : one.bytes
    const caller = await this.#caller(methodOf(pieces[0]!))
    const late = sleep(HANG, undefined, { ref: false })
    if (together) caller.send(Buffer.concat([...pieces.map(named), canary]))
    else {
      for (const piece of pieces) {
        caller.send(named(piece))
        if (pieces.length > 1) await sleep(PIECE_PAUSE)
      }
      await Promise.race([caller.answered, caller.closed, late])
      caller.send(canary)
    }
    const parted = caller.parted.then(() => sleep(GOODBYE))
    await Promise.race([caller.closed, caller.canary, parted, late])
    const { answers } = caller
    const closed = caller.ended || answers.some(({ last }) => last)
    const hangs = !closed && !answers.some(({ to }) => to?.endsWith('/canary'))
    caller.leave()
    await caller.closed
    const got = this.#origin.byTag.get(tag) ?? []
    const of = (name: string): number => got.filter(({ target }) => target === `/${tag}/${name}`).length
    return {
      served: got.filter(({ target }) => !/\/(?:smuggled|canary)$/.test(target)),
      smuggled: of('smuggled'),
      canary: of('canary'),
      answers,
      closed,
      hangs,
    }
  }
}

const methodOf = (text: string): string => /[A-Z]+/.exec(text)?.[0] ?? 'GET'

class Caller {
  readonly answers: Told[] = []
  ended = false
  readonly connected: Promise<unknown>
  readonly closed: Promise<void>
  /** The first answer is complete; the one to the request behind the case is. */
  readonly answered: Promise<void>
  readonly canary: Promise<void>
  /** An answer said that nothing follows. */
  readonly parted: Promise<void>
  readonly #socket: Socket

  constructor(port: number, method: string) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket = socket
    this.connected = once(socket, 'connect')
    let first!: () => void
    let last!: () => void
    let part!: () => void
    this.answered = new Promise((resolve) => (first = resolve))
    this.canary = new Promise((resolve) => (last = resolve))
    this.parted = new Promise((resolve) => (part = resolve))
    const reader = new MessageReader({
      head: ({ line, fields }) => {
        const status = line.split(' ')[1] ?? ''
        if (status === '100') return undefined
        if ((method === 'HEAD' && this.answers.length === 0) || status === '204') return 0
        return framingOf(fields) ?? 'close'
      },
      body() {},
      end: ({ line, fields, ending }) => {
        const to = fieldOf(fields, 'x-for')
        this.answers.push({
          status: Number(line.split(' ')[1]),
          to,
          problem: fieldOf(fields, 'content-type') === 'application/problem+json',
          last: fieldOf(fields, 'connection') === 'close',
          whole: ending === 'complete',
        })
        first()
        if (this.answers.at(-1)!.last) part()
        if (to?.endsWith('/canary')) last()
      },
    })
    socket.on('error', () => {})
    socket.on('data', (chunk) => reader.feed(chunk))
    socket.on('end', () => (this.ended = true))
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.ended = true
        reader.finish('truncated')
        resolve()
      })
    })
  }

  send(bytes: Buffer): void {
    if (!this.ended) this.#socket.write(bytes)
  }

  leave(): void {
    this.#socket.destroy()
  }
}
