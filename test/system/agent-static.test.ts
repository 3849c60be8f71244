/** `--static`: a directory's files by way of the link. */
import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { ResetCode } from '../../shared/frames.js'
import { folderOf, ID, listen, rig } from '../helpers/agent-rig.js'
import { FakeSocket } from '../helpers/fake-socket.js'
import { startGateway } from '../helpers/tunnel.js'

const PAGE = '<!doctype html><title>é</title>'
const DIGITS = '0123456789'
const MODIFIED = 'Thu, 02 Jan 2020 03:04:05 GMT'
const LATER = 'Fri, 03 Jan 2020 03:04:05 GMT'
const EARLIER = 'Wed, 01 Jan 2020 03:04:05 GMT'

/** A directory `site` and what lies beside it. */
async function site(t: Parameters<typeof listen>[0]): Promise<string> {
  const around = folderOf('static')
  const root = join(around, 'site')
  mkdirSync(join(root, 'docs', 'empty'), { recursive: true })
  mkdirSync(join(root, '.git'))
  mkdirSync(join(around, 'site-secret'))
  const files = {
    'site/index.html': PAGE,
    'site/digits.txt': DIGITS,
    'site/app.js': 'let a',
    'site/data.json': '{}',
    'site/image.svg': '<svg/>',
    'site/wasm.wasm': '\0asm',
    'site/README': 'no type',
    'site/nothing.css': '',
    'site/with space é.txt': 'named',
    'site/a:b.txt': 'colon',
    'site/docs/index.html': 'docs',
    'site/.env': 'secret',
    'site/.git/config': 'secret',
    'secret.txt': 'secret',
    'site-secret/index.html': 'secret',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(around, name), text)
  utimesSync(join(root, 'digits.txt'), new Date(MODIFIED), new Date(MODIFIED))
  symlinkSync('digits.txt', join(root, 'inside.txt'))
  symlinkSync('../secret.txt', join(root, 'outside.txt'))
  symlinkSync('../site-secret', join(root, 'outside'))
  symlinkSync('docs', join(root, 'inside'))
  mkdirSync(join(root, 'linked'))
  symlinkSync('../../secret.txt', join(root, 'linked', 'index.html'))
  symlinkSync('nowhere', join(root, 'dangling'))
  await listen(t, createServer(), { path: join(root, 'socket') })
  return root
}

interface Case {
  target: string
  want: { status: number; text?: string | RegExp; headers?: Record<string, string | RegExp | undefined> }
  method?: string
  fields?: string[]
}

const UTF8 = 'text/html; charset=utf-8'
const ok = (target: string, text: string, type?: string): Case => ({
  target,
  want: { status: 200, text, ...(type === undefined ? {} : { headers: { 'content-type': type } }) },
})
const missing = (target: string): Case => ({ target, want: { status: 404, text: 'Not Found\n' } })
const digits = (fields: string[], want: Case['want'], method = 'GET'): Case => ({
  target: '/digits.txt',
  fields,
  want,
  method,
})

const CASES: Case[] = [
  ok('/', PAGE, UTF8),
  ok('/?a=b', PAGE, UTF8),
  ok('/index.html', PAGE, UTF8),
  ok('/app.js', 'let a', 'text/javascript; charset=utf-8'),
  ok('/data.json', '{}', 'application/json; charset=utf-8'),
  ok('/image.svg', '<svg/>', 'image/svg+xml'),
  ok('/wasm.wasm', '\0asm', 'application/wasm'),
  ok('/README', 'no type', 'application/octet-stream'),
  ok('/nothing.css', '', 'text/css; charset=utf-8'),
  ok('/with%20space%20%C3%A9.txt', 'named'),
  ok('/a:b.txt', 'colon'),
  ok('/a%3Ab.txt?x', 'colon'),
  ok('/docs/', 'docs'),
  ok('/docs/../docs/index.html', 'docs'),
  ok('//docs//index.html', 'docs'),
  ok('/inside.txt', DIGITS),
  ok('/inside/', 'docs'),
  {
    target: '/digits.txt',
    method: 'HEAD',
    want: { status: 200, text: '', headers: { 'content-length': '10' } },
  },
  digits([], {
    status: 200,
    headers: {
      'last-modified': MODIFIED,
      etag: /^W\/"a-/,
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
      'content-length': '10',
    },
  }),

  // Where a relative Location leads does not depend on what stands before the path.
  { target: '/docs', want: { status: 301, headers: { location: './docs/' } } },
  { target: '/docs?a=b?c', want: { status: 301, headers: { location: './docs/?a=b?c' } } },
  { target: '/inside/empty', want: { status: 301, headers: { location: './empty/' } } },
  { target: '//docs', want: { status: 301, headers: { location: './docs/' } } },

  digits(['if-modified-since', MODIFIED], { status: 304, text: '' }),
  digits(['if-modified-since', LATER], { status: 304 }),
  digits(['if-modified-since', EARLIER], { status: 200 }),
  digits(['if-unmodified-since', EARLIER], { status: 412 }),
  digits(['if-unmodified-since', MODIFIED], { status: 200 }),
  digits(['if-none-match', '*'], { status: 304 }),
  digits(['if-none-match', '"other"'], { status: 200 }),
  digits(['if-match', '"other"'], { status: 412 }),
  digits(['if-modified-since', MODIFIED], { status: 304 }, 'HEAD'),

  digits(['range', 'bytes=2-4'], { status: 206, text: '234', headers: { 'content-range': 'bytes 2-4/10' } }),
  digits(['range', 'bytes=7-'], { status: 206, text: '789', headers: { 'content-length': '3' } }),
  digits(['range', 'bytes=-2'], { status: 206, text: '89' }),
  digits(['range', 'bytes=0-99'], { status: 206, text: DIGITS }),
  digits(['range', 'bytes=99-'], {
    status: 416,
    headers: { 'content-range': 'bytes */10', etag: undefined, 'cache-control': undefined },
  }),
  digits(['range', 'bytes=0-1,5-6'], { status: 200, text: DIGITS }),
  digits(['range', 'lines=0-1'], { status: 200, text: DIGITS }),
  digits(['range', 'bytes=2-4', 'if-range', MODIFIED], { status: 206, text: '234' }),
  digits(['range', 'bytes=2-4', 'if-range', EARLIER], { status: 200, text: DIGITS }),
  digits(['range', 'bytes=2-4'], { status: 206, text: '', headers: { 'content-length': '3' } }, 'HEAD'),

  missing('/nothing-here'),
  missing('/docs/empty/'),
  missing('/digits.txt/'),
  missing('/dangling'),
  missing('/socket'),
  missing('/.env'),
  missing('/.git/config'),
  missing('/docs/../.env'),
  missing('/%2eenv'),
  missing('/../secret.txt'),
  missing('/docs/../../secret.txt'),
  missing('/%2e%2e/secret.txt'),
  missing('/..%2fsecret.txt'),
  missing('/../site-secret/'),
  missing('/../site-secret/index.html'),
  missing('/outside.txt'),
  missing('/outside'),
  missing('/outside/'),
  missing('/outside/index.html'),
  missing('/linked/'),
  missing('/..%5csecret.txt'),
  missing('/%252e%252e/secret.txt'),
  { target: '/%', want: { status: 400 } },
  { target: '/%00', want: { status: 400 } },
  { target: '/%ff', want: { status: 400 } },
  { target: `/${'a'.repeat(300)}`, want: { status: 404 } },
  { target: `/${'a/'.repeat(3000)}`, want: { status: 404 } },
  ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'].map((method) => ({
    target: '/index.html',
    method,
    want: { status: 405, headers: { allow: 'GET, HEAD' } },
  })),
]

t.test('a table of requests', async (t) => {
  const { link } = await rig(t, { static: await site(t) })
  for (const { target, method = 'GET', fields = [], want } of CASES) {
    const name = `${method} ${target.slice(0, 40)} ${fields.join(' ')}`
    const exchange = await link.ask({ target, method, headers: ['host', 'h.test', ...fields] }).done
    const { status, text, headers = {} } = want
    t.equal(exchange.ended, 'complete', name)
    t.equal(exchange.status, status, name)
    if (text !== undefined) t.equal(exchange.text, text, name)
    for (const [field, value] of Object.entries(headers))
      t.match(exchange.field(field), value, `${name} ${field}`)
    t.equal(exchange.field('x-powered-by'), undefined)
  }
})

t.test('an entity tag is good for itself', async (t) => {
  const { link } = await rig(t, { static: await site(t) })
  const etag = (await link.ask({ target: '/digits.txt' }).done).field('etag') ?? ''
  const fields = ['if-none-match', etag]
  t.match(await link.ask({ target: '/digits.txt', headers: ['host', 'h', ...fields] }).done, {
    status: 304,
    bytes: 0,
  })
})

t.test('a large file, one that shrinks, and a caller who leaves', async (t) => {
  const root = await site(t)
  const bytes = 32 * 1024 * 1024
  const large = Buffer.alloc(bytes, 'large ')
  writeFileSync(join(root, 'large.bin'), large)
  const { link, agent } = await rig(t, { static: root })
  const whole = await link.ask({ target: '/large.bin', digest: true }).done
  t.equal(whole.digest, createHash('sha256').update(large).digest('hex'))

  const left = await link.ask({ target: '/large.bin', hold: true }).answered
  left.stream.reset(ResetCode.cancelled, 'the caller left')

  const held = await link.ask({ target: '/large.bin', hold: true, digest: true }).answered
  truncateSync(join(root, 'large.bin'), bytes / 2)
  held.release()
  t.match((await held.done).ended, { kind: 'peer', code: ResetCode.failed }, 'no answer that looks complete')
  t.equal((await link.ask({ target: '/' }).done).status, 200)
  t.equal(agent.inFlight, 0)
})

t.test('many at once, uploads that nobody wants, WebSockets', async (t) => {
  const { link } = await rig(t, { static: await site(t) })
  const all = await Promise.all(Array.from({ length: 200 }, () => link.ask({ target: '/docs/' }).done))
  t.ok(all.every(({ status, text }) => status === 200 && text === 'docs'))
  const upload = link.ask({ method: 'POST', end: false })
  void upload.upload(8 * 1024 * 1024)
  t.equal((await upload.answered).status, 405)
  t.match(await new FakeSocket(link, {}).completed(), { status: 501, text: /no WebSockets/ })
})

t.test('under a prefix that only the gateway knows', async (t) => {
  const { url } = await startGateway(t)
  const agent = new Agent({ gateway: url, tunnelId: ID, static: await site(t) })
  t.teardown(() => agent.destroy())
  await agent.start()
  const base = `${url}/t/${ID}`
  for (const query of ['', '?a=b']) {
    const answer = await fetch(`${base}/inside${query}`)
    t.equal(answer.url, `${base}/inside/${query}`)
    t.equal(await answer.text(), 'docs')
  }
})

t.test('what is no directory', async (t) => {
  const file = join(folderOf('static'), 'file')
  writeFileSync(file, '')
  for (const folder of [file, `${file}-nowhere`])
    t.throws(() => new Agent({ tunnelId: ID, static: folder }), { message: /static: .* is not a directory/ })
})
