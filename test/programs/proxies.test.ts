/** Other proxies before the gateway, by the very files of `examples/`: only ports and certificates are the test's. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { freePort } from '../../gateway/edge/free-port.js'
import { CERTIFICATE } from '../helpers/certificate.js'
import { folder, installed, listening, startTunnel } from '../helpers/processes.js'

const example = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url)), 'utf8')

/** Replaces each text, which must be there. */
function fitted(text: string, changes: Record<string, string>): string {
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`the example has no ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

interface Place {
  /** A directory for its files, with `gw.crt`, `gw.key` and both as `gw.pem`. */
  dir: string
  /** To listen on. */
  port: number
  /** The gateway's. */
  gateway: number
}

/** How each is told of the example, and started. @returns program and arguments. */
const PROXIES: Record<string, (place: Place) => [string, string[]]> = {
  nginx({ dir, port, gateway }) {
    const site = fitted(example('nginx.conf'), {
      'server 127.0.0.1:3000': `server 127.0.0.1:${gateway}`,
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      '/etc/nginx/': `${dir}/`,
    })
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    const paths = temporary.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    writeFileSync(
      join(dir, 'nginx.conf'),
      `${user} daemon off; pid ${dir}/pid; error_log stderr error; events {} http { access_log off; ${paths}\n${site}\n}`,
    )
    return ['nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr']]
  },
  haproxy({ dir, port, gateway }) {
    const config = fitted(example('haproxy.cfg'), {
      'server gw 127.0.0.1:3000': `server gw 127.0.0.1:${gateway}`,
      'bind :443': `bind 127.0.0.1:${port}`,
      '/etc/haproxy/': `${dir}/`,
    })
    writeFileSync(join(dir, 'haproxy.cfg'), config)
    return ['haproxy', ['-db', '-q', '-f', join(dir, 'haproxy.cfg')]]
  },
  caddy({ dir, port, gateway }) {
    const site = fitted(example('Caddyfile'), {
      'reverse_proxy 127.0.0.1:3000': `reverse_proxy 127.0.0.1:${gateway}`,
      'X-Forwarded-Port 443': `X-Forwarded-Port ${port}`,
      'gw.example.com {': `https://localhost:${port} {\n\ttls ${dir}/gw.crt ${dir}/gw.key`,
    })
    writeFileSync(join(dir, 'Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`)
    return ['caddy', ['run', '--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile']]
  },
}

/** @returns the port on which it answers. */
async function startProxy(t: Test, name: string, gateway: number): Promise<number> {
  const dir = folder(t)
  writeFileSync(join(dir, 'gw.crt'), CERTIFICATE.cert)
  writeFileSync(join(dir, 'gw.key'), CERTIFICATE.key)
  writeFileSync(join(dir, 'gw.pem'), CERTIFICATE.cert + CERTIFICATE.key)
  mkdirSync(join(dir, 'home'))
  const port = await freePort('127.0.0.1')
  const [program, args] = PROXIES[name]!({ dir, port, gateway })
  const child = spawn(program, args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin`, HOME: join(dir, 'home') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  t.teardown(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`)
    const probe = connect(port, '127.0.0.1')
    const up = await Promise.race([
      once(probe, 'connect').then(
        () => true,
        () => false,
      ),
    ])
    probe.destroy()
    if (up) return port
    await wait(20)
  }
}

/** An application, and what reached it. */
class Application {
  readonly server = createServer((req, res) => this.#serve(req, res))
  readonly requests: IncomingMessage[] = []
  /** Ends the stream of events that is open. */
  more: (text: string) => void = () => {}
  left = Promise.resolve<unknown>(undefined)
  #uploading: (bytes: number) => void = () => {}
  readonly uploading = new Promise<number>((resolve) => (this.#uploading = resolve))

  constructor() {
    const websockets = new WebSocketServer({ server: this.server })
    websockets.on('connection', (socket) =>
      socket.on('message', (data, binary) => socket.send(data, { binary })),
    )
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    this.requests.push(req)
    if (req.url === '/events') {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
      this.more = (text) => res.write(`data: ${text}\n\n`)
      this.left = once(res, 'close')
      return
    }
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      this.#uploading(bytes)
    })
    req.on('end', () => res.end(`${bytes} bytes`))
  }
}

const ca = CERTIFICATE.cert

for (const name of Object.keys(PROXIES)) {
  t.test(`${name}, by its example`, installed(name), async (t) => {
    const application = new Application()
    const tunnel = await startTunnel(t, await listening(t, application.server), [
      '--trusted-proxies',
      '127.0.0.1',
    ])
    const port = await startProxy(t, name, tunnel.port)
    const path = new URL(tunnel.url).pathname
    const ask = (under: string, options: object = {}) =>
      request({
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        ca,
        path: `${path}${under}`,
        agent: false,
        ...options,
      })
    const headers = { host: `localhost:${port}` }
    const body = async (response: IncomingMessage): Promise<string> => String(await once(response, 'data'))

    await t.test('the forwarded fields are its own', async (t) => {
      const lies = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-prefix': '/evil', forwarded: 'for=6.6.6.6' }
      const more = { 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'evil', 'x-forwarded-port': '6' }
      const req = ask('/fields', { headers: { ...headers, ...lies, ...more } }).end()
      const [response] = (await once(req, 'response')) as [IncomingMessage]
      t.equal(await body(response), '0 bytes')
      const seen = application.requests.at(-1)!.headers
      t.match(seen, {
        'x-forwarded-proto': 'https',
        'x-forwarded-host': `localhost:${port}`,
        'x-forwarded-port': String(port),
        'x-forwarded-prefix': path,
      })
      t.match(seen['x-forwarded-for'], /^127\.0\.0\.1(, 127\.0\.0\.1)?$/)
      t.notMatch(JSON.stringify(seen), /6\.6\.6\.6|evil|gopher/)
    })

    await t.test('a stream comes as it is said, and its end where the caller leaves', async (t) => {
      const req = ask('/events', { headers }).end()
      const [response] = (await once(req, 'response')) as [IncomingMessage]
      t.equal(await body(response), 'data: one\n\n')
      application.more('two')
      t.equal(await body(response), 'data: two\n\n')
      response.on('error', () => {})
      req.destroy()
      await application.left
    })

    await t.test('an upload arrives as it is sent', async (t) => {
      const req = ask('/upload', { method: 'POST', headers })
      req.write('first')
      t.equal(await application.uploading, 5)
      req.end(Buffer.alloc(3_000_000))
      const [response] = (await once(req, 'response')) as [IncomingMessage]
      t.equal(await body(response), '3000005 bytes')
    })

    await t.test('a WebSocket', async (t) => {
      const socket = new WebSocket(`wss://127.0.0.1:${port}${path}/`, { ca, headers })
      await once(socket, 'open')
      for (const text of ['hi', 'x'.repeat(100_000)]) {
        socket.send(text)
        t.equal(String((await once(socket, 'message'))[0]), text)
      }
      socket.close(4000, 'done')
      t.equal((await once(socket, 'close'))[0], 4000)
    })
  })
}
