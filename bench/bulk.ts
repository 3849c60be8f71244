import { createHash } from 'node:crypto'
import { get, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import type { Reading } from './figure.js'
import { peakRss, resetPeak, rss } from './kernel.js'
import { Material, randomSeed } from './material.js'
import { Meter } from './meter.js'
import type { Work } from './scenario.js'
import type { Member, Service } from './service.js'
import type { Trial } from './trial.js'

type Bulk = Extract<Work, { kind: 'bulk' }>

const MIB = 1024 * 1024
/** A transfer that has not ended by then never will. */
const LIMIT_MS = 120_000

/** One big body each way: is it the same at the far end, how fast, and what did memory do meanwhile? */
export async function measureBulk({ subject, origin }: Trial, work: Bulk): Promise<Reading[]> {
  const seed = randomSeed()
  const expected = new Material(seed).hash(work.bytes)
  const members = [...subject.members, ...(origin?.members ?? [])]
  const growth = new Growth(subject.members)
  const way = async (name: 'down' | 'up', transfer: () => Promise<string>): Promise<Reading[]> => {
    growth.begin()
    const meter = new Meter(members)
    const began = performance.now()
    const hash = await transfer()
    const seconds = (performance.now() - began) / 1000
    if (hash !== expected)
      throw new Error(`${name}: the body arrived changed (SHA-256 ${hash} for ${expected})`)
    const cpu = meter.read(work.bytes / MIB, 'MiB').filter((reading) => reading.name.endsWith('CPU'))
    return [
      { name, unit: 'MiB/s', value: work.bytes / MIB / seconds },
      ...cpu.map((reading) => ({ ...reading, name: `${reading.name} ${name}` })),
      ...growth.read(name),
    ]
  }
  const down = await way('down', () => download(subject, work.bytes, seed))
  return [...down, ...(await way('up', () => upload(subject, work.bytes, seed)))]
}

/** How far memory rose at its highest in each transfer, from where it stood before the first. */
class Growth {
  readonly #before: readonly { readonly member: Member; readonly rss: number }[]

  constructor(members: readonly Member[]) {
    this.#before = members.map((member) => ({ member, rss: rss(member.pid) }))
  }

  begin(): void {
    for (const { member } of this.#before) resetPeak(member.pid)
  }

  read(way: string): Reading[] {
    return this.#before.map(({ member, rss: before }) => ({
      name: `${member.name} growth ${way}`,
      unit: 'MiB',
      value: Math.max(0, peakRss(member.pid) - before) / MIB,
    }))
  }
}

async function download(subject: Service, bytes: number, seed: string): Promise<string> {
  const path = `${subject.base}/download?bytes=${bytes}&seed=${seed}`
  const signal = AbortSignal.timeout(LIMIT_MS)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`http://${subject.host}${path}`, { agent: false, signal }, resolve).on('error', reject)
  })
  if (response.statusCode !== 200) throw new Error(`down: answered ${response.statusCode}`)
  const hash = createHash('sha256')
  for await (const piece of response as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}

async function upload(subject: Service, bytes: number, seed: string): Promise<string> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const outgoing = request(`http://${subject.host}${subject.base}/upload?hash=1`, {
    method: 'POST',
    agent: false,
    signal,
    headers: { 'content-type': 'application/octet-stream', 'content-length': bytes },
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  const pieces = Readable.from(new Material(seed).pieces(bytes), { highWaterMark: 16 })
  const [response] = await Promise.all([answered, pipeline(pieces, outgoing)])
  if (response.statusCode !== 200) throw new Error(`up: answered ${response.statusCode}`)
  const [counted, hash = ''] = (await text(response)).split(' ')
  if (Number(counted) !== bytes) throw new Error(`up: ${counted} of ${bytes} bytes arrived`)
  return hash
}
