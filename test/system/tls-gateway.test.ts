/** A gateway that speaks TLS, the agents that dial it, and what either says of files that do not do. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent as HttpsAgent, request } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Agent, type AgentOptions } from '../../agent/index.js'
import { folderOf, ID } from '../helpers/agent-rig.js'
import { CALLER, CALLERS, CERTIFICATE, ENCRYPTED, RENEWED, tlsFiles } from '../helpers/certificate.js'
import { ENGINES } from '../helpers/engine-suite.js'
import { secureAsk } from '../helpers/tls-caller.js'
import { LogTape, startGateway } from '../helpers/tunnel.js'

const BOTH = [CERTIFICATE.cert, RENEWED.cert]

/** An agent that says hi. */
const hello = (gateway: string, options: Partial<AgentOptions> = {}): Agent =>
  new Agent({ gateway, tunnelId: ID, fetch: () => new Response('hi'), ...options })

/** Ends with the command's code and what it said on standard error. */
async function run(main: string, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  const path = fileURLToPath(new URL(`../../${main}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folderOf('tls'),
  })
  let text = ''
  child.stderr.on('data', (chunk) => (text += chunk))
  const [code] = (await once(child, 'close')) as [number]
  return { code, lines: text.trim().split('\n') }
}

for (const engine of ENGINES) {
  t.test(`${engine}: certificates change under callers and agents, who notice nothing`, async (t) => {
    const folder = folderOf('tls')
    const { cert, key } = tlsFiles(folder)
    const site = await startGateway(t, { engine, tlsCert: cert, tlsKey: key })
    t.match(site.url, /^https:/)
    const agent = hello(site.url, { tls: { ca: BOTH }, links: 2 })
    t.teardown(() => agent.destroy())
    await agent.start()
    const kept = new HttpsAgent({ keepAlive: true, ca: BOTH })
    t.teardown(() => kept.destroy())
    const ask = (agent: HttpsAgent | false): Promise<string> =>
      new Promise((resolve, reject) => {
        const req = request(`${site.url}/t/${ID}/`, { agent, ca: BOTH }, (res) => {
          let text = `${res.statusCode} `
          res.on('data', (chunk) => (text += chunk)).on('error', reject)
          res.on('end', () => resolve(text))
        })
        req.on('error', reject).end()
      })
    let loading = true
    const said: Record<string, number> = {}
    const load = async (agent: HttpsAgent | false): Promise<void> => {
      while (loading) {
        const answer = await ask(agent).catch((error: Error) => error.message)
        said[answer] = (said[answer] ?? 0) + 1
      }
    }
    const callers = [load(kept), load(kept), load(false)]
    for (let i = 0; i < 2; i += 1) {
      const pair = i % 2 === 0 ? RENEWED : CERTIFICATE
      const name = i % 2 === 0 ? 'renewed' : 'localhost'
      writeFileSync(cert, pair.cert)
      writeFileSync(key, pair.key)
      while ((await secureAsk(site.port)).name !== name) await once(site.log, 'line')
      t.equal((await secureAsk(site.port, { servername: 'localhost' })).name, name)
    }
    loading = false
    await Promise.all(callers)
    t.strictSame(Object.keys(said), ['200 hi'])
    t.equal(site.log.lines.filter(({ msg }) => msg === 'agent connected').length, 2)
    t.notOk(site.log.lines.some(({ msg }) => msg === 'agent disconnected'))
    const { changed } = await site.gateway.reload(site.gateway.options)
    t.strictSame(changed, [], 'a reload finds nothing new')
    writeFileSync(cert, 'nothing')
    await t.rejects(site.gateway.reload(site.gateway.options), /cert\.pem holds no certificate in PEM/)
    t.equal(await ask(false), '200 hi', 'the certificate from before is in force')
  })

  t.test(`${engine}: an agent verifies whom it dials, and shows who it is`, async (t) => {
    const { cert, key, ca } = tlsFiles(folderOf('tls'), { ca: CALLERS })
    const site = await startGateway(t, { engine, tlsCert: cert, tlsKey: key, tlsCa: ca })
    const distrusting = new LogTape()
    const first = hello(site.url, { log: distrusting.logger, tls: CALLER })
    const started = first.start()
    started.catch(() => {})
    while (!distrusting.lines.some((line) => /self-signed/.test(JSON.stringify(line))))
      await once(distrusting, 'line')
    first.destroy()
    for (const trust of [{ ca: BOTH }, { insecure: true }]) {
      const agent = hello(site.url, { tls: { ...CALLER, ...trust } })
      await agent.start()
      await agent.stop()
    }
    t.equal(site.log.lines.filter(({ msg }) => msg === 'agent connected').length, 2)
  })
}

t.test('a token goes nowhere in the clear', async (t) => {
  const token = 'a'
  t.throws(() => hello('ws://gw.example.com', { token }), /would carry the token in the clear/)
  t.throws(() => hello('http://gw.example.com', { token: () => token }), TypeError)
  const guarded = { public: true, basicAuth: 'a:b' }
  t.throws(() => hello('ws://gw.example.com', guarded), /would carry what basicAuth asks for in the clear/)
  hello('ws://localhost', guarded)
  for (const gateway of ['http://localhost', 'http://127.0.0.1:1', 'https://gw.example.com'])
    hello(gateway, { token })
  hello('http://gw.example.com', { token, tls: { insecure: true } })
  const { code, lines } = await run('agent/main.js', '--gateway', 'http://gw.example.com', '--token', token)
  t.equal(code, 2)
  t.match(lines, [
    /--gateway: ws:\/\/gw\.example\.com\/ws would carry the token in the clear; .* --insecure$/,
  ])
})

t.test('files that do not do end the commands with 2, by name', async (t) => {
  const folder = folderOf('tls')
  const { cert, key } = tlsFiles(folder, { key: ENCRYPTED.key })
  const none = join(folder, 'none.pem')
  const [pair, gone, locked, agent] = await Promise.all([
    run('gateway/main.js', '--tls-key', key, '--tls-ca', none),
    run('gateway/main.js', '--tls-cert', none, '--tls-key', key),
    run('gateway/main.js', '--tls-cert', cert, '--tls-key', key),
    run('agent/main.js', '--ca', none, '--client-cert', cert, '--client-key', key, '--token-file', none),
  ])
  t.match(pair, { code: 2, lines: [/--tls-key needs --tls-cert$/, /--tls-ca needs --tls-cert$/] })
  t.match(gone, { code: 2, lines: [/--tls-cert: \/.*none\.pem cannot be read \(ENOENT/] })
  t.match(locked, { code: 2, lines: [/--tls-key: \/.*key\.pem is encrypted and no passphrase is given$/] })
  t.match(agent, {
    code: 2,
    lines: [
      /--ca: \/.*none\.pem cannot be read \(ENOENT/,
      /--client-key: \/.*key\.pem is encrypted and no passphrase is given$/,
      /--token-file: \/.*none\.pem cannot be read \(ENOENT/,
    ],
  })
})
