/** Two gateways, one on each engine, with the same agent and origin behind each; and one caller after another. */
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent } from '../../agent/index.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import type { Engine } from '../fidelity/limits.js'
import { framingOf, MessageReader } from '../fidelity/message.js'
import { type Input, TUNNEL } from './material.js'
import { Origin } from './origin.js'
import type { StrictRequest } from './strict.js'

export interface Told {
  /** Such as `200`. */
  readonly status: string
  /** Which of the origin's requests it answers, from 1; undefined where it is not the origin's. */
  readonly nth: number | undefined
  /** It is a problem of the gateway's own, and not one of the engine. */
  readonly problem: boolean
  readonly whole: boolean
  /** It says that the connection ends with it. */
  readonly last: boolean
}

export interface Outcome {
  /** What reached the origin. */
  readonly requests: readonly StrictRequest[]
  readonly faults: readonly string[]
  readonly answers: readonly Told[]
  /** The gateway ended the connection, or said that it will. */
  readonly closed: boolean
}

/** How long nothing may happen until all has: turns of the loop that all of it shares, and milliseconds. */
export interface Patience {
  readonly turns: number
  readonly ms: number
}
export const BRISK: Patience = { turns: 20, ms: 0 }
export const PATIENT: Patience = { turns: 200, ms: 100 }

/** One engine, with an origin that serves nobody else: one caller at a time. */
export class Lane {
  readonly #origin: Origin
  readonly #gateway: Gateway
  readonly #agent: Agent
  readonly #port: number
  /** Errors that the gateway logged. */
  readonly errors: string[] = []

  private constructor(origin: Origin, gateway: Gateway, agent: Agent, errors: string[]) {
    this.#origin = origin
    this.#gateway = gateway
    this.#agent = agent
    this.#port = Number(new URL(gateway.url).port)
    this.errors = errors
  }

  static async start(engine: Engine): Promise<Lane> {
    const errors: string[] = []
    const log = createLogger({ level: 'error', write: (line) => errors.push(line) })
    const origin = await Origin.start()
    const gateway = await Gateway.start({ port: 0, engine, accessLog: 'off', log })
    const agent = new Agent({ gateway: gateway.url, tunnelId: TUNNEL, forward: `127.0.0.1:${origin.port}` })
    await agent.start()
    return new Lane(origin, gateway, agent, errors)
  }

  /** Connections of the agent to the origin, while nothing happens. */
  get connections(): number {
    return this.#origin.connections
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#gateway.destroy()
    this.#origin.stop()
  }

  /** `linger`: milliseconds that a caller without any answer waits for the end of its connection. */
  async play(
    { pieces }: Input,
    methods: readonly string[],
    patience: Patience,
    linger: number,
  ): Promise<Outcome> {
    const origin = this.#origin
    origin.begin()
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    let events = 0
    let closed = false
    const answers: Told[] = []
    const reader = answersOf(methods, answers)
    socket.on('data', (chunk) => {
      events++
      reader.feed(chunk)
    })
    socket.on('error', () => {})
    const gone = new Promise<void>((resolve) => {
      socket.on('close', () => {
        events++
        closed = true
        resolve()
      })
    })
    const settled = async (): Promise<void> => {
      for (let turns = 0, seen = -1; turns < patience.turns; turns++) {
        if (turns === patience.turns - 1 && patience.ms > 0) await wait(patience.ms)
        await new Promise((resolve) => setImmediate(resolve))
        const now = events + origin.events
        if (now !== seen) turns = 0
        seen = now
      }
    }
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    for (const piece of pieces) {
      if (closed) break
      socket.write(piece)
      await settled()
    }
    if (linger > 0 && !closed) await Promise.race([gone, wait(linger)])
    const ended = closed || socket.readableEnded || answers.at(-1)?.last === true
    socket.destroy()
    await gone
    await settled()
    reader.finish('truncated')
    return { requests: origin.requests, faults: origin.faults, answers, closed: ended }
  }
}

function answersOf(methods: readonly string[], answers: Told[]): MessageReader {
  return new MessageReader({
    head(message) {
      const status = message.line.split(' ')[1] ?? ''
      if (/^1(?!01)/.test(status)) return undefined
      if (methods[answers.length] === 'HEAD' || /^(?:101|204|304)$/.test(status)) return 0
      return framingOf(message.fields) ?? 'close'
    },
    body() {},
    end({ line, fields, ending }) {
      const status = line.split(' ')[1] ?? ''
      const nth = fields.find((field) => field.startsWith('x-nth: '))?.slice(7)
      answers.push({
        status,
        nth: nth === undefined ? undefined : Number(nth),
        problem: fields.includes('content-type: application/problem+json'),
        whole: ending === 'complete',
        last: fields.includes('connection: close'),
      })
    },
  })
}
