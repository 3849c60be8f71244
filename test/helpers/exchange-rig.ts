/** One exchange with a clock that stands still: its caller and its agent are the test. */
import type { Test } from 'tap'
import { OPEN } from '../../gateway/access/gatekeeper.js'
import type { Job } from '../../gateway/agents/dispatch.js'
import type { Link } from '../../gateway/agents/link.js'
import { Backlog } from '../../gateway/edge/backlog.js'
import { Deadlines } from '../../gateway/edge/deadlines.js'
import type { Ended } from '../../gateway/edge/ended.js'
import type { Caller, CallerEvents, RequestHead, ResponseHead } from '../../gateway/edge/engine.js'
import { Exchange } from '../../gateway/edge/exchange.js'
import type { ExchangeHost } from '../../gateway/edge/exchange-host.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { Fleet } from '../helpers/fleet.js'

/** A caller's connection in memory, that takes bytes while it is told to. */
export class FakeCaller implements Caller {
  events: CallerEvents = { data() {}, end() {}, writable() {}, aborted() {} }
  readonly head: RequestHead
  answered: ResponseHead | undefined
  body = ''
  ended = false
  isCut = false
  /** Takes what is written. */
  reading = true

  constructor(method: string, headers: string[]) {
    this.head = {
      method,
      target: '/',
      headers: ['host', 'a', ...headers],
      remoteAddress: '192.0.2.1',
      secure: false,
    }
  }

  pause(): void {}
  resume(): void {}

  respond(head: ResponseHead, body: Uint8Array | string = ''): void {
    this.answered = head
    this.body = Buffer.from(body).toString()
    this.ended = true
  }

  start(head: ResponseHead): void {
    this.answered = head
  }

  write(chunk: Uint8Array): boolean {
    this.body += Buffer.from(chunk).toString()
    return this.reading
  }

  end(): void {
    this.ended = true
  }

  cut(): void {
    this.isCut = true
  }
}

/** An exchange over a fleet of one, whose agent a test plays. */
export function play(
  t: Test,
  { method = 'POST', headers = [] as string[], length = 5 as number | undefined } = {},
) {
  const fleet = new Fleet(t)
  const link = fleet.join()
  const jobs: Job[] = []
  const summaries: Ended[] = []
  const deadlines = new Deadlines(() => fleet.now)
  t.teardown(() => deadlines.close())
  const host: ExchangeHost = {
    settings: {
      policy: 'first',
      trusted: [],
      hold: 0,
      holdLimit: 0,
      responseTimeout: 1000,
      idleTimeout: 2000,
      maxTimeout: 0,
      maxBody: 0,
      minUploadRate: 100,
      maxMessage: 0,
      pingInterval: 15_000,
      pingTimeout: 10_000,
    },
    deadlines,
    backlog: new Backlog(),
    alive: () => true,
    now: () => fleet.now,
    submit: (job) => void jobs.push(job),
    cancel: (job) => void jobs.splice(jobs.indexOf(job), 1),
    released() {},
    moved() {},
    finished: (_, summary) => void summaries.push(summary),
  }
  const caller = new FakeCaller(method, headers)
  const route = { kind: 'proxy', via: 'forward', selector: {}, target: '/' } as const
  const exchange = new Exchange(host, caller, {
    route,
    length,
    requestId: 'the-id',
    startedAt: fleet.now,
    admission: OPEN,
  })
  exchange.start()
  const pass = (ms: number) => {
    fleet.now += ms
    exchange.sweep(fleet.now)
  }
  const dispatch = async () => {
    await turn()
    jobs.shift()!.assigned(link.instance!)
  }
  const hear = (...frames: Frame[]) => fleet.hear(link, ...frames)
  const sent = async () => {
    await turn()
    return fleet.socket(link).sent
  }
  return { fleet, link, jobs, summaries, caller, exchange, pass, dispatch, hear, sent }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const HEAD = {
  kind: Kind.head,
  id: 1,
  status: 200,
  reason: null,
  headers: [],
  body: null,
  end: false,
} as const
export const data = (text: string): Frame => ({ kind: Kind.data, id: 1, body: Buffer.from(text) })
export const END = { kind: Kind.end, id: 1, trailers: [] } as const

/** Sent, with nothing of the body yet. */
export async function asked(t: Test, more?: Parameters<typeof play>[1]) {
  const rig = play(t, more)
  rig.exchange.end()
  await rig.dispatch()
  await turn()
  return rig
}

export type Asked = Awaited<ReturnType<typeof asked>>

export const counted = ({ instance, streams }: Link) => [instance!.inflight, streams]
