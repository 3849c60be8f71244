/**
 * Every byte of every valid message changed to every other, and random spoiling of recorded links, against the decoder
 * and against a link that is up: frames come, or a `ProtocolError` ends that link, and nothing else happens.
 * `GW_CONFORMANCE_MUTATIONS`: how many at random.
 */
import t from 'tap'
import { Decoder, Encoder } from '../../shared/codec.js'
import { ProtocolError } from '../../shared/errors.js'
import { type Frame, Kind } from '../../shared/frames.js'
import { MAX_MESSAGE } from '../../shared/limits.js'
import { Chance } from '../helpers/chaos-chance.js'
import { ASKED, Fleet, UNHEARD } from '../helpers/fleet.js'
import { vectors } from '../helpers/vectors.js'

const MUTATIONS = Number(process.env.GW_CONFORMANCE_MUTATIONS ?? 50_000)
const SEED = Number(process.env.GW_CONFORMANCE_SEED ?? Math.floor(Math.random() * 2 ** 32))
const MIB = 1024 * 1024

const valid = vectors
  .filter(({ expect }) => expect === 'frame')
  .map(({ name, hex }) => ({ name, message: Buffer.from(hex, 'hex') }))
const decoder = new Decoder()

/** @returns what is wrong with what came of `message`; undefined where it is refused or decoded. */
function fault(message: Buffer): string | undefined {
  let frames = 0
  try {
    decoder.decode(message, (frame) => {
      frames++
      if (!isSound(frame)) throw new Error(`took ${JSON.stringify(frame)}`)
    })
  } catch (error) {
    return error instanceof ProtocolError ? undefined : String(error)
  }
  return frames > 0 && frames <= message.length / 2
    ? undefined
    : `${frames} frames of ${message.length} bytes`
}

/** What the code behind relies on without another look. */
function isSound(frame: Frame): boolean {
  switch (frame.kind) {
    case Kind.open:
    case Kind.head:
      return (
        frame.headers.length % 2 === 0 &&
        (frame.kind === Kind.open || (frame.status >= 100 && frame.status <= 599))
      )
    case Kind.data:
      return frame.id >= 1 && frame.body.length >= 1
    case Kind.credit:
      return frame.bytes >= 1
    case Kind.end:
      return frame.id >= 1 && frame.trailers.length % 2 === 0
    case Kind.reset:
      return frame.id >= 1 && frame.code >= 1 && frame.code <= 5
    default:
      return true
  }
}

t.test('every change of one byte of every valid message', async (t) => {
  const wrong: string[] = []
  let count = 0
  for (const { name, message } of valid) {
    for (let at = 0; at < message.length; at++) {
      const original = message[at]!
      // The middle of a long body is like its ends.
      if (message.length > 200 && at > 80 && at < message.length - 16) continue
      for (let byte = 0; byte < 256; byte++) {
        message[at] = byte
        const found = fault(message)
        count++
        if (found !== undefined) wrong.push(`${name}, ${byte} at ${at}: ${found}`)
      }
      message[at] = original
    }
  }
  t.same(wrong, [])
  t.ok(count > 150_000, `${count} changes`)
})

/** One valid message spoilt in one of the ways that bytes are spoilt in. */
function spoil(chance: Chance): Buffer {
  const pick = (): Buffer => chance.pick(valid as [(typeof valid)[0]]).message
  let bytes = Buffer.from(pick())
  for (let left = chance.whole(1, 4); left > 0; left--) {
    const at = chance.whole(0, bytes.length)
    const size = chance.whole(1, 12)
    switch (chance.whole(0, 5)) {
      case 0:
        if (at < bytes.length) bytes[at] = chance.whole(0, 255)
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + size), bytes.subarray(at)])
        break
      case 3:
        bytes = Buffer.concat([bytes, pick()])
        break
      case 4:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from([chance.whole(0x90, 0xdf)]),
          bytes.subarray(at),
        ])
        break
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), pick().subarray(0, size)])
    }
  }
  return bytes.subarray(0, MAX_MESSAGE + 1)
}

t.test(`${MUTATIONS} messages spoilt at random, seed ${SEED}`, async (t) => {
  const chance = new Chance(SEED)
  const wrong: string[] = []
  const before = process.memoryUsage().rss
  for (let i = 0; i < MUTATIONS; i++) {
    const message = spoil(chance)
    const found = fault(message)
    if (found !== undefined) wrong.push(`${message.toString('hex')}: ${found}`)
  }
  t.same(wrong, [])
  const grown = process.memoryUsage().rss - before
  t.ok(grown < 256 * MIB, `${Math.round(grown / MIB)} MiB`)
})

t.test('a link that is up takes what is spoilt, or ends by itself and alone', async (t) => {
  const chance = new Chance(SEED + 1)
  const fleet = new Fleet(t, { maxStreams: 100 })
  const beside = fleet.join()
  let ended = 0
  const wrong: string[] = []
  let link = fleet.join()
  for (let i = 0; i < MUTATIONS / 10; i++) {
    if (link.state === 'closed' || link.state === 'draining') link = fleet.join()
    const socket = fleet.socket(link)
    while (link.wire.streams < 4) link.wire.open({ ...ASKED, end: chance.oneIn(2) }, UNHEARD)
    // Frames that may be right are what brings a link into odd states.
    const message = chance.oneIn(3) ? likely(chance, link.wire.streams) : spoil(chance)
    try {
      link.wire.message(message, true)
    } catch (error) {
      wrong.push(`${message.toString('hex')}: ${error}`)
    }
    if (socket.closed === undefined) continue
    ended++
    if (![4400, 1008].includes(socket.closed.code)) wrong.push(`closed with ${JSON.stringify(socket.closed)}`)
    if (link.wire.streams > 0) wrong.push(`${link.wire.streams} streams outlive their link`)
    fleet.sockets.delete(link)
  }
  t.same(wrong, [])
  t.ok(ended > MUTATIONS / 100, `${ended} links ended`)
  t.equal(beside.state, 'ready', 'and no other one')
  t.equal(fleet.socket(beside).closed, undefined)
})

const encoder = new Encoder()

/** A message of frames that a link may send, though not in this order. */
function likely(chance: Chance, streams: number): Buffer {
  const id = chance.whole(1, streams + 2)
  const status = chance.whole(100, 599)
  const frames: [Frame, ...Frame[]] = [
    { kind: Kind.head, id, status, reason: null, headers: ['a', 'b'], body: null, end: chance.oneIn(3) },
    { kind: Kind.data, id, body: Buffer.alloc(chance.whole(1, 2000)) },
    { kind: Kind.end, id, trailers: [] },
    {
      kind: Kind.credit,
      id: chance.whole(0, streams + 1),
      bytes: chance.pick([1, 1000, 2 ** 31, 2 ** 32 - 1]),
    },
    { kind: Kind.reset, id, code: 1, message: '' },
  ]
  for (let left = chance.whole(1, 3); left > 0; left--) encoder.add(chance.pick(frames))
  return Buffer.from(encoder.take())
}
