/** How the house lies: who may know whom, one door for each foreign thing, and the page of the protocol. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { Decoder } from '../../shared/codec.js'
import { PROBLEMS } from '../../shared/errors.js'
import { type Frame, Kind, ResetCode } from '../../shared/frames.js'
import { SHAPES } from '../../shared/grammar.js'
import * as limits from '../../shared/limits.js'
import { directoryFor } from '../helpers/directory.js'
import { readDocument } from '../helpers/vectors.js'

const ROOMS = ['shared', 'gateway', 'agent', 'bench', 'test']
const LONGEST = 250
const LONGEST_TEST = 750
/** What one file alone may import; `ws` has a door at either end. */
const DOORS = ['uWebSockets.js', 'msgpackr', 'undici', 'yargs', 'yaml', 'ws', 'libsql', 'jose', 'croner']
/** Through these the programs around it (bench, examples) know a package. */
const ENTRANCES = /^(gateway|agent)\/(gateway|agent|index|main|options)\.ts$/
/** Bytes and "now" in, frames and events out. */
const CORE =
  'backoff codec errors frames grammar headers heartbeat limits mux frame-fields frame-reader frame-writer outbox stream stream-events stream-queue stream-table window'.split(
    ' ',
  )

interface Source {
  path: string
  room: string
  text: string
  /** Files of ours that it imports. */
  files: string[]
  /** Those of which it imports more than types: what is there when it runs. */
  values: string[]
  /** Packages and built-ins that it imports. */
  packages: string[]
}

/** `import type … from`, and `import { type …, type … } from`. */
const OF_TYPES = /^(?:im|ex)port (?:type (?:\w+|\{[^}]*\})|\{(?:\s*type [^,}]+,?)+\s*\}) from '[^'\n]+'/gm

const namesIn = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\() ?'([^'\n]+)'/g)].map(([, name]) => name!)

function read(path: string): Source {
  const text = readFileSync(path, 'utf8')
  const filesOf = (names: string[]): string[] =>
    names
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(path), name)).replace(/\.js$/, '.ts'))
  const names = namesIn(text)
  return {
    path,
    room: path.split('/')[0]!,
    text,
    files: filesOf(names),
    values: filesOf(namesIn(text.replace(OF_TYPES, ''))),
    packages: names.filter((name) => !name.startsWith('.')),
  }
}

const sources = ROOMS.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .map((name) => `${room}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !/\/(node_modules|dist)\//.test(path))
    .map(read),
)
const code = sources.filter(({ room }) => room !== 'test')
/** `@a/b/c` → `@a/b`, `a/b` → `a`. */
const packageOf = (name: string) => name.match(/^(?:@[^/]+\/)?[^/]+/)![0]

function json(path: string): Record<string, Record<string, unknown>> {
  return JSON.parse(readFileSync(path, 'utf8'))
}

t.test('gateway and agent know shared, and neither knows the other', async (t) => {
  t.ok(sources.length > 60)
  const allowed: Record<string, RegExp> = {
    shared: /^shared\//,
    gateway: /^(shared|gateway)\//,
    agent: /^(shared|agent)\//,
    bench: new RegExp(`^(shared|bench)/|${ENTRANCES.source}`),
  }
  const breaches = code.flatMap(({ path, room, files }) =>
    files.filter((file) => !allowed[room]!.test(file)).map((file) => `${path} imports ${file}`),
  )
  t.same(breaches, [])
})

t.test('no room knows itself by way of another', async (t) => {
  // `gateway/edge`, `agent/handlers`; a file beside the rooms is one of its own.
  const roomOf = (path: string) => path.split('/').slice(0, 2).join('/')
  const known = new Map<string, Set<string>>()
  for (const { path, values } of code) {
    const rooms = known.get(roomOf(path)) ?? new Set()
    known.set(roomOf(path), rooms)
    for (const file of values) if (roomOf(file) !== roomOf(path)) rooms.add(roomOf(file))
  }
  t.ok(known.get('gateway/edge')!.has('gateway/guard'))
  // What only knows rooms that are gone goes next; what is left stands in a circle or above one.
  const left = new Map(known)
  for (let before = -1; before !== left.size; ) {
    before = left.size
    for (const [room, rooms] of left) if (![...rooms].some((other) => left.has(other))) left.delete(room)
  }
  t.same([...left.keys()], [])
})

t.test('each foreign thing has one door', async (t) => {
  for (const door of DOORS) {
    const importers = code.filter(({ packages }) => packages.some((name) => packageOf(name) === door))
    const sides = door === 'ws' ? ['gateway', 'agent'] : ['']
    for (const side of sides) {
      const paths = importers.map(({ path }) => path).filter((path) => path.startsWith(side))
      t.ok(paths.length <= 1, `${door}: ${paths.join(', ')}`)
    }
  }
})

t.test('what a package imports it depends on, exactly', async (t) => {
  const manifests = new Map(['gateway', 'agent'].map((room) => [room, json(`${room}/package.json`)]))
  for (const { path, room, packages } of code) {
    const homes = room === 'shared' ? ['gateway', 'agent'] : [room]
    for (const name of packages) {
      if (room === 'bench' || name.startsWith('node:')) continue
      for (const home of homes) {
        const { dependencies, optionalDependencies, peerDependencies } = manifests.get(home)!
        const known = { ...dependencies, ...optionalDependencies, ...peerDependencies }
        t.ok(known[packageOf(name)], `${path}: ${name} in ${home}`)
      }
    }
  }
  for (const path of ['package.json', 'shared/package.json', 'gateway/package.json', 'agent/package.json']) {
    const manifest = json(path)
    for (const group of [
      'dependencies',
      'devDependencies',
      'optionalDependencies',
      'peerDependencies',
      'overrides',
    ]) {
      for (const [name, version] of Object.entries(manifest[group] ?? {}))
        t.match(version, /^(npm:[^@]+@)?\d+\.\d+\.\d+$/, `${path}: ${name} is pinned`)
    }
  }
  const lock = readFileSync('package-lock.json', 'utf8')
  t.notMatch(lock, /"resolved": "(?!shared"|gateway"|agent")/, 'the lock file names no registry')
})

t.test('the core of the protocol does no input or output and reads no clock', async (t) => {
  const core = CORE.map((name) => `shared/${name}.ts`)
  for (const { path, files, packages, text } of code.filter(({ path }) => core.includes(path))) {
    t.same(
      files.filter((file) => !core.includes(file)),
      [],
      path,
    )
    t.same(
      packages.filter((name) => name !== 'msgpackr'),
      [],
      path,
    )
    t.notMatch(
      text,
      /\bDate\b|\bperformance\.|\bset(Timeout|Interval|Immediate)\b|\bMath\.random\b|\bprocess\./,
      path,
    )
  }
})

t.test('a file is one noun on a few screens', async (t) => {
  for (const { path, text } of sources) {
    const lines = text.split('\n').length - 1
    // A file of tests costs half a second, so those are few and long.
    const longest = path.endsWith('.test.ts') ? LONGEST_TEST : LONGEST
    t.ok(lines <= longest, `${path} has ${lines} lines, at most ${longest}`)
    t.notMatch(path, /\b(utils?|helpers?|misc|common)\.ts$/i)
  }
})

t.test("a test's directory has one door, and is there until the test's teardowns have run", async (t) => {
  t.same(
    sources.filter(({ text }) => /\.testdir\(/.test(text)).map(({ path }) => path),
    ['test/helpers/directory.ts'],
  )
  let directory = ''
  await t.test('ended', async (t) => {
    directory = directoryFor(t)
    t.teardown(() => void writeFileSync(join(directory, 'late'), ''))
  })
  t.notOk(existsSync(directory))
})

t.test('the page of the protocol lists every frame and bound as the code has them', async (t) => {
  const page = readDocument('protocol.md')
  for (const kind of Object.values(Kind)) {
    const { name, fields } = SHAPES[kind]!
    const row = page.split('\n').find((line) => line.startsWith(`| ${kind} | \`${name}\` |`)) ?? ''
    const places = fields.map((field) => row.indexOf(`\`${field.name}\` `))
    t.ok(
      places.every((place, i) => place > (places[i - 1] ?? 0)),
      `${name}: ${places}`,
    )
  }
  for (const [name, code] of Object.entries(ResetCode)) t.match(page, `| ${code} | \`${name}\` |`)
  const { MAX_MESSAGE, MAX_HEAD, MAX_INLINE_BODY, MAX_DATA, STREAM_WINDOW, LINK_WINDOW, MAX_STREAM_ID } =
    limits
  for (const bound of [
    MAX_MESSAGE,
    MAX_HEAD,
    MAX_INLINE_BODY,
    MAX_DATA,
    STREAM_WINDOW,
    LINK_WINDOW,
    MAX_STREAM_ID,
  ])
    t.match(page, bound.toLocaleString('en'))
  const refusals = [...page.matchAll(/^\| (\d{3}(?:, \d{3})*) \| ((?:`\w+`(?:, )?)+) \|/gm)]
  t.equal(refusals.length, 6)
  for (const [, statuses, names] of refusals) {
    for (const [, name] of names!.matchAll(/`(\w+)`/g))
      t.match(statuses, String(PROBLEMS[name as keyof typeof PROBLEMS]?.status))
  }
})

t.test('the exchange in hex on the page of the protocol is what it says', async (t) => {
  const lines = readDocument('protocol.md').match(/^ {4}(?:[0-9a-f]{2} )+[0-9a-f]{2}$/gm) ?? []
  const frames: Frame[] = []
  for (const line of lines)
    new Decoder().decode(Buffer.from(line.replaceAll(' ', ''), 'hex'), (frame) => frames.push(frame))
  t.match(frames, [
    { kind: Kind.hello, agentVersion: '0.1.0', maxConcurrent: 256, weight: 1, labels: ['region', 'eu'] },
    { kind: Kind.welcome, linkId: 'l1', pingInterval: 15_000, pingTimeout: 10_000, maxStreams: 1000 },
    { kind: Kind.ping, nonce: 1 },
    { kind: Kind.pong, nonce: 1 },
    { kind: Kind.open, id: 1, method: 'GET', target: '/hi', headers: ['host', 'gw'], body: null, end: true },
    { kind: Kind.head, id: 1, status: 200, reason: null, body: Buffer.from('hello'), end: true },
    { kind: Kind.open, id: 2, method: 'POST', target: '/up', body: null, end: false },
    { kind: Kind.data, id: 2, body: Buffer.from('hello') },
    { kind: Kind.end, id: 2, trailers: [] },
    { kind: Kind.credit, id: 2, bytes: 5 },
    { kind: Kind.head, id: 2, status: 204, body: null, end: true },
    { kind: Kind.reset, id: 3, code: ResetCode.cancelled, message: 'caller left' },
    { kind: Kind.goAway, reason: 1, delay: 2000, message: 'restart' },
  ])
  t.equal(frames.length, 13)
})
