/** The socket by which commands talk to a running gateway. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { control } from '../../gateway/control/client.js'
import { ControlServer } from '../../gateway/control/server.js'
import { ControlError, type Verbs } from '../../gateway/control/verbs.js'
import { Problem } from '../../shared/errors.js'
import { createLogger } from '../../shared/log.js'
import { directoryFor } from '../helpers/directory.js'
import { folder } from '../helpers/processes.js'

const VERBS: Verbs = {
  echo: (args) => args,
  later: async () => 'done',
  nothing: () => undefined,
  refuse: () => {
    throw new ControlError('not_now', 'try later')
  },
  problem: () => {
    throw new Problem('not_found', 'no such token')
  },
  broken: () => {
    throw new TypeError('x is undefined')
  },
  never: () => new Promise(() => {}),
}

async function served(t: Test, dataDir = join(folder(t), 'data')) {
  const lines: string[] = []
  const log = createLogger({ write: (chunk) => void lines.push(chunk) })
  const server = await ControlServer.listen(dataDir, VERBS, log)
  t.teardown(() => server?.close())
  return { dataDir, server, log, lines, path: join(dataDir, 'control.sock') }
}

/** All that comes back for these bytes. */
function raw(path: string, bytes: string | Buffer, end = false): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(path, () => (end ? socket.end(bytes) : socket.write(bytes)))
    socket.on('data', (chunk) => (text += chunk))
    socket.on('close', () => resolve(text))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(text) : reject(error),
    )
  })
}

t.test('a verb is asked and answers', async (t) => {
  const { dataDir, path } = await served(t)
  t.strictSame(await control(dataDir, 'echo', { a: [1, 'ü\n'] }), { answer: { a: [1, 'ü\n'] } })
  t.strictSame(await control(dataDir, 'later'), { answer: 'done' })
  t.strictSame(await control(dataDir, 'nothing'), { answer: null })
  await t.rejects(control(dataDir, 'refuse'), { code: 'not_now', message: 'try later' })
  await t.rejects(control(dataDir, 'problem'), { code: 'not_found', message: 'no such token' })
  await t.rejects(control(dataDir, 'broken'), { code: 'failed', message: 'x is undefined' })
  await t.rejects(control(dataDir, 'constructor'), { code: 'unknown_verb' })
  await t.rejects(control(dataDir, 'never', {}, 20), { code: 'timeout' })
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(dataDir).mode & 0o777, 0o700)
})

t.test('nobody listens: no directory, no socket, a socket that was left', async (t) => {
  const { dataDir, server, path } = await served(t)
  t.equal(await control(join(dataDir, 'none'), 'echo'), undefined)
  await server!.close()
  t.notOk(existsSync(path), 'the socket is removed')
  t.equal(await control(dataDir, 'echo'), undefined)
  // What a killed gateway leaves: bound, and nobody accepts.
  const bind = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', bind])
  t.ok(existsSync(path), 'it is left')
  t.equal(await control(dataDir, 'echo'), undefined)
  const again = await served(t, dataDir)
  t.ok(again.server)
  t.strictSame(await control(dataDir, 'later'), { answer: 'done' })
})

t.test('the second gateway on a data directory goes without', async (t) => {
  const first = await served(t)
  const second = await served(t, first.dataDir)
  t.equal(second.server, undefined)
  second.log.flush()
  t.match(second.lines.join(''), /another gateway runs on this data directory/)
  t.strictSame(await control(first.dataDir, 'later'), { answer: 'done' }, 'the first still answers')
})

t.test('a directory that cannot be used is a warning', async (t) => {
  const file = join(directoryFor(t, { file: '' }), 'file')
  const { server, log, lines } = await served(t, join(file, 'data'))
  t.equal(server, undefined)
  log.flush()
  t.match(lines.join(''), /no control socket/)
})

t.test('a path longer than a socket may have', { skip: process.platform !== 'linux' }, async (t) => {
  const dataDir = join(folder(t), 'long'.repeat(40))
  const { server } = await served(t, dataDir)
  t.ok(server)
  t.strictSame(await control(dataDir, 'later'), { answer: 'done' })
  await server!.close()
  t.notOk(existsSync(join(dataDir, 'control.sock')))
})

t.test('what is no question is refused, and the next is answered', async (t) => {
  const { path, dataDir } = await served(t)
  const cases: [string | Buffer, RegExp][] = [
    ['nonsense\n', /"bad_request"/],
    ['null\n', /"bad_request"/],
    ['[]\n', /"bad_request"/],
    ['{"verb":1}\n', /"bad_request"/],
    ['{"verb":"echo","args":[]}\n', /"bad_request"/],
    ['{"verb":"__proto__"}\n', /"unknown_verb"/],
    ['{"verb":"echo","args":{"__proto__":{"x":1}}}\n', /^\{"answer":\{"__proto__":\{"x":1\}\}\}\n$/],
    ['{"verb":"later"}\n{"verb":"later"}\n', /^\{"answer":"done"\}\n$/],
    [Buffer.from([0xff, 0xfe, 0x0a]), /"bad_request"/],
  ]
  for (const [bytes, expected] of cases) t.match(await raw(path, bytes), expected, String(bytes))
  t.equal(await raw(path, '{"verb":"later"}', true), '', 'a line without its end')
  t.equal(await raw(path, '', true), '', 'nothing')
  t.equal(await raw(path, 'x'.repeat(200_000)), '', 'a line without bound')
  t.equal(await raw(path, '{"verb":"later"}\n', true), '{"answer":"done"}\n', 'an end after the line')
  t.strictSame(await control(dataDir, 'later'), { answer: 'done' })
})

t.test('what is no gateway is told from one', async (t) => {
  const dataDir = folder(t)
  const replies = ['{"answer"\n', '']
  const impostor = createServer((socket) => socket.end(replies.shift() ?? ''))
  t.teardown(() => impostor.close())
  await new Promise<void>((resolve) => impostor.listen(join(dataDir, 'control.sock'), resolve))
  await t.rejects(control(dataDir, 'later'), { code: 'bad_answer' })
  await t.rejects(control(dataDir, 'later'), { code: 'no_answer' })
  const plain = folder(t)
  mkdirSync(join(plain, 'other'))
  writeFileSync(join(plain, 'other', 'control.sock'), '')
  t.equal(await control(join(plain, 'other'), 'later'), undefined, 'a plain file')
})
