import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Open } from '../shared/frames.js'
import type { CoreOrder, CoreReport } from './core.js'

/** Runs the protocol's code of one build and prints how fast it is, and what it allocates. */
const { root } = JSON.parse(process.argv[2] ?? '{}') as CoreOrder
const load = async <Module>(name: string): Promise<Module> =>
  (await import(pathToFileURL(join(root, 'gateway/dist/shared', `${name}.js`)).href)) as Module

const { Encoder, Decoder } = await load<typeof import('../shared/codec.js')>('codec')
const { Kind, StreamKind } = await load<typeof import('../shared/frames.js')>('frames')
const { Mux } = await load<typeof import('../shared/mux.js')>('mux')
const { WindowPool } = await load<typeof import('../shared/window.js')>('window')
const { LINK_WINDOW, MAX_DATA, MAX_STREAMS, STREAM_WINDOW } =
  await load<typeof import('../shared/limits.js')>('limits')

const HEADERS = [
  ...['host', 'gateway.example.com', 'user-agent', 'curl/8.5.0', 'accept', '*/*'],
  ...['x-forwarded-for', '127.0.0.1', 'x-request-id', '0199d2a1-7c3e-7b5f-9f2e-3c1d5a7b9e0f'],
]
const ANSWER = ['content-type', 'text/plain', 'date', 'Fri, 20 Nov 2026 08:00:00 GMT']
const OPEN: Omit<Open, 'kind' | 'id'> = {
  stream: StreamKind.http,
  method: 'GET',
  target: '/v1/things?limit=20',
  headers: HEADERS,
  body: null,
  end: true,
}
const BODY = Buffer.from('Hello, world!')
const PIECE = Buffer.alloc(MAX_DATA, 'x')
const ROUND_MS = 200
const WARM_MS = 100
/** Pieces of work whose allocations are read at once: far less than the young generation holds. */
const READ = 5_000

const encoder = new Encoder()
const decoder = new Decoder()
const open = { kind: Kind.open, id: 77_777, ...OPEN } as const
const head = {
  kind: Kind.head,
  id: 77_777,
  status: 200,
  reason: null,
  headers: ANSWER,
  body: BODY,
  end: true,
} as const
const packed = (frame: Parameters<typeof encoder.add>[0]): Buffer => {
  encoder.add(frame)
  return Buffer.from(encoder.take())
}
const [packedOpen, packedHead, packedData] = [
  open,
  head,
  { kind: Kind.data, id: 77_777, body: PIECE } as const,
].map(packed)
const ignore = (): void => {}

/** Two ends of a link; a request is opened, answered and over within one exchange. */
function exchange(): () => void {
  const events = { head: ignore, data: ignore, end: ignore, reset: ignore, drain: ignore }
  const common = { pool: new WindowPool(), now: () => 0, wake: ignore, link: ignore }
  const gateway = new Mux(common)
  const agent = new Mux({
    ...common,
    accept: (stream) => {
      stream.head({ status: 200, reason: null, headers: ANSWER, body: BODY, end: true })
      return events
    },
  })
  const limits = { streamWindow: STREAM_WINDOW, linkWindow: LINK_WINDOW, maxStreams: MAX_STREAMS }
  gateway.begin(limits)
  agent.begin(limits)
  const carry = (from: typeof gateway, to: typeof gateway): void => {
    for (let message = from.pull(); message !== undefined; message = from.pull()) {
      to.receive(Buffer.from(message.buffer, message.byteOffset, message.byteLength))
    }
  }
  return () => {
    gateway.open(OPEN, events)
    carry(gateway, agent)
    carry(agent, gateway)
  }
}

const works: Readonly<Record<string, () => void>> = {
  'pack a request': () => {
    encoder.add(open)
    encoder.take()
  },
  'unpack a request': () => decoder.decode(packedOpen!, ignore),
  'pack an answer': () => {
    encoder.add(head)
    encoder.take()
  },
  'unpack an answer': () => decoder.decode(packedHead!, ignore),
  'pack 64 KiB': () => {
    encoder.addData(77_777, PIECE)
    encoder.take()
  },
  'unpack 64 KiB': () => decoder.decode(packedData!, ignore),
  'exchange between two muxes': exchange(),
}

/** Looks at the clock every hundredth time only. */
function rate(work: () => void, ms: number): number {
  const began = performance.now()
  let count = 0
  let now = began
  for (; now - began < ms; now = performance.now()) {
    for (let n = 0; n < 100; n++) work()
    count += 100
  }
  return (count * 1000) / (now - began)
}

function allocated(work: () => void): number {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < READ; n++) work()
  return (process.memoryUsage().heapUsed - before) / READ
}

const reports: CoreReport[] = Object.entries(works).map(([name, work]) => {
  rate(work, WARM_MS)
  return { name, perSecond: rate(work, ROUND_MS), allocated: allocated(work) }
})
console.log(`RESULT ${JSON.stringify(reports)}`)
