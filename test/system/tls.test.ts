/** https and wss on either engine: certificates that change under load, that do not fit, and those of callers. */
import { once } from 'node:events'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent as HttpsAgent, request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'node:tls'
import t from 'tap'
import WebSocket from 'ws'
import { readCertificates } from '../../gateway/edge/certificates.js'
import type { Caller, Upgrade } from '../../gateway/edge/engine.js'
import { look, Renewal, type WatchState } from '../../gateway/edge/renewal.js'
import { folderOf } from '../helpers/agent-rig.js'
import { CALLER, CALLERS, CERTIFICATE, ENCRYPTED, RENEWED, tlsFiles } from '../helpers/certificate.js'
import { NO_EVENTS } from '../helpers/engine-rig.js'
import { suites } from '../helpers/engine-suite.js'
import { secureAsk, secureConnect } from '../helpers/tls-caller.js'
import { type LogLine, LogTape } from '../helpers/tunnel.js'

const SOCKET = { drain() {}, pong() {}, close() {} }

/** What the engine says of the connection; an upload is counted first. */
function tell(caller: Caller): void {
  const { secure, clientCertificate } = caller.head
  let bytes = 0
  caller.events = {
    ...NO_EVENTS,
    data: (chunk) => (bytes += chunk.length),
    end: () =>
      caller.respond({ status: 200, headers: [] }, JSON.stringify({ secure, clientCertificate, bytes })),
  }
}

function echo(upgrade: Upgrade): void {
  const socket = upgrade.accept(undefined, [], {
    ...SOCKET,
    message: (data, binary) => socket?.send(Buffer.from(data), binary),
  })
}

/** @returns the text that comes back. */
async function echoed(websocket: WebSocket, text: string): Promise<string> {
  websocket.send(text)
  const [data] = (await once(websocket, 'message')) as [Buffer]
  return data.toString()
}

suites(({ engine, rig, test }) => {
  test('https and wss on one port', async (t) => {
    await using site = await rig(tell, echo, { tls: tlsFiles(folderOf('tls')) })
    const { name, body } = await secureAsk(site.port, { servername: 'localhost' })
    t.equal(name, 'localhost')
    t.strictSame(JSON.parse(body), { secure: true, clientCertificate: false, bytes: 0 })
    t.equal((await secureAsk(site.port, { maxVersion: 'TLSv1.2' })).status, 200)
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await t.rejects(secureAsk(site.port, old), 'nothing below 1.2')
    const websocket = new WebSocket(`wss://127.0.0.1:${site.port}/`, { ca: CERTIFICATE.cert })
    await once(websocket, 'open')
    t.equal(await echoed(websocket, 'hi'), 'hi')
    websocket.terminate()
    const plain = connect({ port: site.port, host: '127.0.0.1', rejectUnauthorized: false })
    plain.on('error', () => {}).destroy()
    t.strictSame(site.errors, [])
  })

  test('a renewal loses nothing, and everyone who comes then sees it', async (t) => {
    const folder = folderOf('tls')
    await using site = await rig(tell, echo, { tls: tlsFiles(folder) })
    const { port } = site
    const failures: unknown[] = []
    let answers = 0
    let loading = true
    const ask = (agent: HttpsAgent | false) =>
      new Promise<void>((resolve, reject) => {
        const body = Buffer.alloc(1000)
        const req = request(
          { port, host: '127.0.0.1', method: 'POST', agent, rejectUnauthorized: false },
          (res) => {
            res.on('data', () => {}).on('error', reject)
            res.on('end', () => (res.statusCode === 200 ? resolve() : reject(new Error(`${res.statusCode}`))))
          },
        )
        req.on('error', reject).end(body)
      })
    const load = async (agent: HttpsAgent | false) => {
      while (loading) {
        await ask(agent).catch((error) => failures.push(error))
        answers += 1
      }
    }
    const kept = new HttpsAgent({ keepAlive: true, maxSockets: 4 })
    const websocket = new WebSocket(`wss://127.0.0.1:${port}/`, { rejectUnauthorized: false })
    await once(websocket, 'open')
    // An upload that lasts longer than every certificate.
    const long = request({ port, host: '127.0.0.1', method: 'POST', agent: false, rejectUnauthorized: false })
    long.write('first')
    const answer = once(long, 'response')
    const callers = [load(kept), load(kept), load(kept), load(kept), load(false), load(false)]

    for (let i = 0; i < 5; i += 1) {
      const before = await secureAsk(port)
      const { key, cert } = i % 2 === 0 ? RENEWED : CERTIFICATE
      tlsFiles(folder, { key, cert })
      const { names, expires } = site.engine.renew()
      t.match(names, 'DNS:localhost')
      t.ok(expires.getFullYear() > 2100)
      const expected = i % 2 === 0 ? 'renewed' : 'localhost'
      t.equal((await secureAsk(port)).name, expected, 'without a server name')
      t.equal((await secureAsk(port, { servername: 'localhost' })).name, expected, 'with one')
      t.equal((await secureAsk(port, { session: before.session })).reused, false, 'no session outlives it')
      t.equal(await echoed(websocket, `${i}`), `${i}`)
      const since = answers
      while (answers < since + 40) await wait(5)
    }
    loading = false
    await Promise.all(callers)
    t.strictSame(failures, [])
    long.end('last')
    const [response] = await answer
    t.match(JSON.parse(String(await once(response, 'data'))), { bytes: 9 })
    t.equal(await echoed(websocket, 'last'), 'last')
    websocket.terminate()
    kept.destroy()
    long.destroy()
    while (site.engine.connections > 0) await wait(5)
    t.strictSame(site.errors, [])
  })

  test('what does not fit is named, and what was there stays', async (t) => {
    const folder = folderOf('tls')
    const good = tlsFiles(folder, {
      key: ENCRYPTED.key,
      cert: RENEWED.cert,
      passphrase: `${ENCRYPTED.passphrase}\n`,
    })
    const files = { ...good, ca: tlsFiles(folder, { ca: CALLERS }).ca }
    tlsFiles(folder, { key: ENCRYPTED.key, cert: RENEWED.cert })
    await using site = await rig(tell, undefined, { tls: files })
    const bad: [Parameters<typeof tlsFiles>[1], string, RegExp][] = [
      [
        { cert: CERTIFICATE.cert, key: RENEWED.key },
        'key',
        /key\.pem is not the key of the certificate in .*cert\.pem$/,
      ],
      [{ cert: 'nothing' }, 'cert', /cert\.pem holds no certificate in PEM$/],
      [
        { cert: CERTIFICATE.cert.replace(/MII.*\n/, 'MIIB\n') },
        'cert',
        /cert\.pem holds a certificate that cannot be read/,
      ],
      [{ key: 'nothing' }, 'key', /key\.pem holds no key in PEM$/],
      [
        { key: CERTIFICATE.key.replace(/MIG.*\n/, 'MIGH\n') },
        'key',
        /key\.pem holds a key that cannot be read/,
      ],
      [
        { cert: RENEWED.cert, key: ENCRYPTED.key, passphrase: 'other' },
        'passphrase',
        /passphrase\.pem is not the pass/,
      ],
      [{ ca: '' }, 'ca', /ca\.pem holds no certificate/],
    ]
    for (const [texts, part, message] of bad) {
      tlsFiles(folder, texts)
      t.throws(() => site.engine.renew(), { name: 'CertificateError', part, message })
      t.equal((await secureAsk(site.port)).name, 'renewed', message.source)
      tlsFiles(folder, { passphrase: ENCRYPTED.passphrase, ca: CALLERS })
    }
    const gone = { ...files, key: `${folder}/none.pem` }
    await t.rejects(rig(tell, undefined, { tls: gone }), /none\.pem cannot be read \(ENOENT/)
    writeFileSync(files.key, ENCRYPTED.key)
    const silent = { cert: files.cert, key: files.key }
    writeFileSync(files.cert, RENEWED.cert)
    await t.rejects(
      rig(tell, undefined, { tls: silent }),
      /key\.pem is encrypted and no passphrase is given$/,
    )
    tlsFiles(folder)
    t.match(site.engine.renew().names, 'localhost')
    t.equal((await secureAsk(site.port)).name, 'localhost')
  })

  test("a caller's certificate is there and signed, or it is not", async (t) => {
    await using site = await rig(tell, echo, { tls: tlsFiles(folderOf('tls'), { ca: CALLERS }) })
    const verdict = async (options: object) => {
      const answer = await secureAsk(site.port, options)
      return {
        verified: JSON.parse(answer.body).clientCertificate,
        session: answer.session,
        reused: answer.reused,
      }
    }
    const none = await verdict({})
    t.equal(none.verified, false)
    t.match(await verdict({ session: none.session }), { verified: false, reused: true }, 'nor by resuming')
    const shown = await verdict(CALLER)
    t.equal(shown.verified, true)
    t.match(await verdict({ session: shown.session }), { verified: true, reused: true })
    const websocket = new WebSocket(`wss://127.0.0.1:${site.port}/`, { rejectUnauthorized: false, ...CALLER })
    await once(websocket, 'open')
    websocket.terminate()
    // One that others signed: uws ends the handshake, node lets the gateway say why.
    const foreign = secureAsk(site.port, RENEWED)
    if (engine === 'uws') await t.rejects(foreign, /unknown ca/)
    else t.equal(JSON.parse((await foreign).body).clientCertificate, false)
  })

  test('an engine that closes takes handshakes with it', async (t) => {
    const site = await rig(tell, echo, { tls: tlsFiles(folderOf('tls')) })
    const idle = await secureConnect(site.port)
    const { connect: connectPlain } = await import('node:net')
    const silent = connectPlain(site.port, '127.0.0.1')
    await once(silent, 'connect')
    while (site.engine.connections < 2) await wait(5)
    const ended = [
      once(idle, 'close'),
      once(
        silent.on('error', () => {}),
        'close',
      ),
    ]
    await site.engine.close()
    await Promise.all(ended)
    t.equal(site.engine.connections, 0)
  })
})

t.test('a change is taken up once it has settled', (t) => {
  let state: WatchState = { kind: 'steady', seen: 'a' }
  const marks = ['a', 'b', 'b', 'b', 'c', 'd', 'd', 'a', 'b', 'b']
  const due = marks.map((mark) => {
    const looked = look(state, mark)
    state = looked.state
    return looked.due
  })
  t.strictSame(due, [false, false, true, false, false, false, true, false, false, true])
  t.end()
})

t.test('files are seen to change by whatever way, and what does not fit is told once', async (t) => {
  const folder = folderOf('tls')
  const log = new LogTape()
  for (const version of ['1', '2', '3']) mkdirSync(join(folder, version))
  tlsFiles(join(folder, '1'))
  tlsFiles(join(folder, '2'), RENEWED)
  tlsFiles(join(folder, '3'), { key: RENEWED.key })
  const current = join(folder, 'current')
  symlinkSync('1', current)
  const files = { cert: join(current, 'cert.pem'), key: join(current, 'key.pem') }
  const renewal = new Renewal({ files, log: log.logger, renew: () => readCertificates(files), interval: 20 })
  renewal.start()
  // The watch itself keeps no process alive.
  const awake = setInterval(() => {}, 1000)
  t.teardown(() => {
    clearInterval(awake)
    renewal.close()
  })
  const told = async (level: string): Promise<LogLine> => {
    while (!log.lines.some((line) => line.level === level)) await once(log, 'line')
    await wait(100)
    t.equal(log.lines.length, 1, 'once')
    return log.lines.pop()!
  }
  await wait(100)
  t.strictSame(log.lines, [], 'nothing has changed')

  symlinkSync('2', join(folder, 'next'))
  renameSync(join(folder, 'next'), current)
  t.match(await told('info'), { msg: 'certificate in force', names: /localhost/, expires: /^2\d{3}-/ })
  for (const name of ['cert.pem', 'key.pem']) renameSync(join(folder, '1', name), join(current, name))
  await told('info')
  writeFileSync(files.cert, CERTIFICATE.cert)
  await wait(100)
  t.strictSame(log.lines, [], 'the same again is no news')
  symlinkSync('3', join(folder, 'next'))
  renameSync(join(folder, 'next'), current)
  t.match(await told('error'), {
    msg: /not taken up, the one before stays/,
    file: files.key,
    reason: /is not the key/,
  })
  t.throws(() => renewal.prepare(), { name: 'CertificateError' })
  writeFileSync(files.key, CERTIFICATE.key)
  await told('info')
  t.strictSame(renewal.prepare().changed, [])
  tlsFiles(join(folder, '3'), RENEWED)
  const { changed, apply } = renewal.prepare()
  t.strictSame(changed, ['certificates'])
  apply()
  await told('info')
  rmSync(files.cert)
  t.match(await told('error'), { file: files.cert, reason: /ENOENT/ })
  t.equal(renewal.now(), false, 'and where somebody asks')
})
