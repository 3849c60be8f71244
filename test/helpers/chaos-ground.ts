/** What a scenario stands on: an origin, a gateway, replicas of one tunnel, relays between; all of it real processes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Ask } from './chaos-ask.js'
import { type Call, type CallOptions, call } from './chaos-caller.js'
import { Child, until } from './chaos-child.js'
import { balance, type Outage } from './chaos-ledger.js'
import type { OriginReport, OriginSays } from './chaos-origin.js'
import type { ChaosProxy } from './chaos-proxy.js'
import type { Tally } from './chaos-tally.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const TUNNEL = 'agent_550e8400-e29b-41d4-a716-446655440000_chaos'

/** Of /connections, as much as is looked at. */
export interface Connection {
  readonly link_id: string
  readonly instance_id: string
  readonly labels: Readonly<Record<string, string>>
  readonly state: string
  readonly inflight: number
}

/** One agent, across its restarts. */
export interface Replica {
  readonly name: string
  child: Child
  start(): Child
}

export interface GroundOptions {
  readonly gateway?: readonly string[]
  readonly originPorts?: number
}

export class Ground {
  readonly base = `/t/${TUNNEL}`
  readonly origin: Child
  readonly originPorts: readonly number[]
  readonly replicas: Replica[] = []
  readonly proxies: ChaosProxy[] = []
  readonly outages: Outage[] = []
  gateway: Child
  readonly port: number
  agent = new HttpAgent({ keepAlive: true })
  readonly #tally: Tally
  readonly #dir: string
  readonly #options: GroundOptions
  readonly #gatewayLogs: string[] = []
  #logs = 0
  #keys = 0
  #closing = false

  private constructor(
    tally: Tally,
    dir: string,
    origin: Child,
    ports: readonly number[],
    port: number,
    options: GroundOptions,
  ) {
    this.port = port
    this.#tally = tally
    this.#dir = dir
    this.#options = options
    this.origin = origin
    this.originPorts = ports
    this.gateway = this.#spawnGateway()
  }

  static async make(tally: Tally, options: GroundOptions = {}): Promise<Ground> {
    const dir = mkdtempSync(join(tmpdir(), 'gw-chaos-'))
    const file = fileURLToPath(new URL('./chaos-origin.js', import.meta.url))
    const origin = new Child(
      'origin',
      [file, String(options.originPorts ?? 1)],
      join(dir, 'origin.log'),
      true,
    )
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      origin.process.on('message', (word: OriginSays) => {
        if (word.kind === 'listening') resolve(word.ports)
      })
      void origin.exit.then(() => reject(new Error(`the origin ended: ${origin.output}`)))
    })
    const ground = new Ground(tally, dir, origin, ports, await freePort(), options)
    await ground.listening()
    return ground
  }

  /** Ends the gateway by `signal`, and after `rest` milliseconds starts it anew, on the port it had. */
  async restartGateway(signal: 'SIGTERM' | 'SIGKILL', rest: number): Promise<void> {
    const outage = { from: performance.now(), to: Number.POSITIVE_INFINITY, killed: signal === 'SIGKILL' }
    this.outages.push(outage)
    this.gateway.signal(signal)
    await this.gateway.ends()
    await sleep(rest)
    this.gateway = this.#spawnGateway()
    await this.listening()
    outage.to = performance.now()
  }

  async listening(): Promise<void> {
    await this.gateway.printed(/listening on/)
  }

  /** Makes a replica and starts it. `through`: the port it dials, where that is not the gateway's. */
  add(name: string, through?: number, origin = 0): Replica {
    const start = (): Child => {
      const child = new Child(
        name,
        [
          join(ROOT, 'agent/bin/gw-agent.js'),
          ...['--tunnel-id', TUNNEL, '--gateway', `http://127.0.0.1:${through ?? this.port}`],
          ...['--forward', `127.0.0.1:${this.originPorts[origin]}`, '--label', `replica=${name}`],
          ...['--log-format', 'json'],
        ],
        this.#log(name),
      )
      this.#watch(child)
      replica.child = child
      return child
    }
    const replica: Replica = { name, start, child: undefined as unknown as Child }
    start()
    this.replicas.push(replica)
    return replica
  }

  async connections(): Promise<readonly Connection[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/connections`, {
      signal: AbortSignal.timeout(5000),
    })
    return ((await answer.json()) as { connections: Connection[] }).connections
  }

  /** Resolves once every replica has a ready link, and nobody else one. */
  ready(ms = 30_000): Promise<void> {
    return until('every replica is ready', ms, async () => {
      const now = await this.connections().catch(() => [])
      return now.length === this.replicas.length && now.every(({ state }) => state === 'ready')
    })
  }

  /** Keys never repeat in a run. */
  ask(shape: Omit<Ask, 'key'>): Ask {
    return { key: `k${++this.#keys}`, ...shape }
  }

  call(shape: Omit<Ask, 'key'>, options: Partial<CallOptions> = {}): Promise<Call> {
    const { port, base, agent } = this
    return call(this.ask(shape), { port, base, agent, bound: 60_000, ...options })
  }

  report(): Promise<OriginReport> {
    return new Promise((resolve, reject) => {
      const heard = (word: OriginSays): void => {
        if (word.kind !== 'report') return
        this.origin.process.off('message', heard)
        resolve(word.report)
      }
      this.origin.process.on('message', heard)
      void this.origin.exit.then(() => reject(new Error('the origin ended')))
      this.origin.process.send('report')
    })
  }

  /**
   * Ends the gateway and holds what callers saw against what the origin and every gateway wrote down.
   * @returns moves.
   */
  async account(): Promise<number> {
    this.gateway.signal('SIGTERM')
    await this.gateway.ends()
    const tally = this.#tally
    tally.settle(await this.report())
    const log = this.#gatewayLogs.map((file) => readFileSync(file, 'utf8')).join('\n')
    const { breaches, moves } = balance(tally.calls, log, this.outages)
    tally.breaches.push(...breaches)
    return moves
  }

  /** Ends everything that was started. Where something broke, what was logged stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.agent.destroy()
    await Promise.all(
      [this.origin, this.gateway, ...this.replicas.map(({ child }) => child)].map((child) => child.kill()),
    )
    for (const proxy of this.proxies) await proxy.stop()
    if (this.#tally.breaches.length === 0) rmSync(this.#dir, { recursive: true, force: true })
    else this.#tally.figure(`the logs are in ${this.#dir}`)
  }

  #spawnGateway(): Child {
    const log = this.#log('gateway')
    this.#gatewayLogs.push(log)
    const { gateway = [] } = this.#options
    const args = ['--port', String(this.port), '--log-format', 'json', ...gateway]
    const child = new Child('gateway', [join(ROOT, 'gateway/bin/gw-gateway.js'), ...args], log)
    this.#watch(child)
    return child
  }

  /** One that ends though nobody asked it to has broken. */
  #watch(child: Child): void {
    void child.exit.then(({ code, signal }) => {
      if (this.#closing || child.doomed) return
      this.#tally.breach(
        `${child.name} ended by itself (${signal ?? `exit ${code}`}): ${child.output.slice(-2000)}`,
      )
    })
  }

  #log(name: string): string {
    return join(this.#dir, `${++this.#logs}-${name}.log`)
  }
}

/** Below those that the system hands out: while no gateway listens, none of its callers must get its port. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
