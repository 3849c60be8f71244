/** Frames that break the protocol: the link ends, and whoever was on it is told. */
import { Kind } from '../../../shared/frames.js'
import { type AgentCase, begun, credit, data, end, head, pairs, reset } from './case.js'

/** What ends the link: the caller's exchange is lost with it. */
const broken = (name: string, say: AgentCase['say'], link = 4400): AgentCase => ({
  name,
  say,
  caller: 502,
  code: 'agent_disconnected',
  link,
})

/** A head frame by its bytes: the status is `status`, everything else is none. */
const statusBytes = (id: number, status: string): Buffer =>
  Buffer.concat([
    Buffer.of(0x97, Kind.head, id),
    Buffer.from(status, 'hex'),
    Buffer.of(0xc0, 0x90, 0xc0, 0xc3),
  ])

export const FRAME_CASES: readonly AgentCase[] = [
  broken('a status of 99', (id) => [statusBytes(id, '63')]),
  broken('a status of 0', (id) => [statusBytes(id, '00')]),
  broken('a status of 600', (id) => [statusBytes(id, 'cd0258')]),
  broken('a status of 1000', (id) => [statusBytes(id, 'cd03e8')]),
  broken('a status of -1', (id) => [statusBytes(id, 'ff')]),
  broken('a status of 200 in 64 bits', (id) => [statusBytes(id, 'cf00000000000000c8')]),
  broken('a status of 1.5', (id) => [statusBytes(id, 'ca3fc00000')]),
  broken('a status that is a text', (id) => [statusBytes(id, 'a3323030')]),
  broken('a status that is nil', (id) => [statusBytes(id, 'c0')]),
  broken('a status that is a map', (id) => [statusBytes(id, '80')]),
  broken('257 fields', (id) => [head(id, { headers: pairs(257) })]),
  broken('a name without a value', (id) => [head(id, { headers: ['x'] })]),
  broken('a head of 200 KB', (id) => [head(id, { headers: ['x', 'v'.repeat(200_000)] })]),
  broken('a reason of 2,000 bytes', (id) => [head(id, { reason: 'r'.repeat(2000) })]),
  broken('a char past a byte', (id) => [head(id, { headers: ['x', '\u0100'] })]),
  { ...broken('a head twice', (id) => [begun(id), begun(id)]), caller: 'cut', code: undefined },
  broken('data before the head', (id) => [data(id, 'early')]),
  broken('an end before the head', (id) => [end(id)]),
  broken('an empty data frame', (id) => [Buffer.of(0x93, Kind.data, id, 0xc4, 0)]),
  broken('a head for a stream that never was', (id) => [head(id + 1)]),
  broken('data for a stream that never was', (id) => [data(id + 1000, 'x')]),
  broken('a reset of a stream that never was', (id) => [reset(id + 1)]),
  broken('credit for a stream that never was', (id) => [credit(id + 1, 1)]),
  broken('a head for stream 0', () => [Buffer.of(0x97, Kind.head, 0, 0xcc, 0xc8, 0xc0, 0x90, 0xc0, 0xc3)]),
  broken('credit of 0', (id) => [credit(id, 0)]),
  broken('credit past the largest window', (id) => [credit(id, 2 ** 32 - 1)]),
  broken('credit for the link past the largest window', () => [credit(0, 2 ** 32 - 1)]),
  broken('negative credit', (id) => [Buffer.of(0x93, Kind.credit, id, 0xff)]),
  broken('an open', () => [
    { kind: Kind.open, id: 1000, stream: 1, method: 'GET', target: '/', headers: [], body: null, end: true },
  ]),
  broken('a second hello', () => [Buffer.from('9801a5302e302e31010190909001' + '01', 'hex')]),
  broken('a welcome', () => [
    {
      kind: Kind.welcome,
      gatewayVersion: '',
      linkId: '',
      pingInterval: 1,
      pingTimeout: 1,
      maxStreams: 1,
      streamWindow: 1,
      linkWindow: 1,
      urls: [],
    },
  ]),
  broken('an unknown kind', () => [Buffer.of(0x91, 99)]),
  broken('a going away for no known reason', () => [Buffer.of(0x94, Kind.goAway, 9, 0, 0xa0)]),
  broken('an empty message', () => [Buffer.alloc(0)]),
  broken('a map', () => [Buffer.of(0x81, 0xa1, 0x61, 0x01)]),
  broken('deep arrays', () => [Buffer.alloc(100_000, 0x91)]),
  broken('an array of 2^32 - 1', () => [Buffer.from('ddffffffff', 'hex')]),
  broken('a text of 2^32 - 1', (id) => [
    Buffer.concat([Buffer.of(0x94, Kind.reset, id, 1), Buffer.from('dbffffffff', 'hex')]),
  ]),
  broken('a record of msgpackr', () => [Buffer.from('d4724091a161', 'hex')]),
  broken('half a frame', (id) => [Buffer.of(0x97, Kind.head, id, 0xcc)]),
  broken('a text message', () => ['hello'], 1003),
  broken('a message of 300 KB', () => [Buffer.alloc(300_000)], 1006),
  {
    ...broken(
      'a flood of resets of streams that are over',
      (id) => [head(id), ...Array.from({ length: 1000 }, () => reset(id))],
      1008,
    ),
    caller: 200,
    code: undefined,
  },
]
