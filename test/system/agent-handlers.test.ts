/** Functions from a request to a response. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadHandlers } from '../../agent/index.js'
import { ResetCode } from '../../shared/frames.js'
import { rig } from '../helpers/agent-rig.js'
import type { Ask } from '../helpers/fake-exchange.js'

t.test('fetch', async (t) => {
  const cases: { name: string; fetch: (request: Request) => unknown; ask?: Ask; want: object }[] = [
    {
      name: 'url, method, headers',
      fetch: (request) => new Response(`${request.method} ${request.url} ${request.headers.get('x-a')}`),
      ask: {
        target: '/p?q=1',
        headers: ['host', 'h.test', 'x-forwarded-proto', 'https', 'x-a', '1', 'x-a', '2'],
      },
      want: { status: 200, text: 'GET https://h.test/p?q=1 1, 2', oneFrame: true },
    },
    {
      name: 'is a Request, and clones',
      fetch: async (request) => {
        const copy = request.clone()
        return Response.json([request instanceof Request, await request.text(), await copy.text()])
      },
      ask: { method: 'POST', body: Buffer.from('b') },
      want: { text: '[true,"b","b"]', oneFrame: true },
    },
    {
      name: 'headers as they are',
      fetch: () => {
        const headers = new Headers([
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['connection', 'close'],
        ])
        return new Response(null, { status: 201, statusText: 'Made', headers })
      },
      want: { status: 201, reason: 'Made', headers: ['set-cookie', 'a=1', 'set-cookie', 'b=2'], bytes: 0 },
    },
    {
      name: 'HEAD has no body',
      fetch: () => new Response('hello', { headers: { 'content-length': '5' } }),
      ask: { method: 'HEAD' },
      want: { status: 200, bytes: 0, ended: 'complete' },
    },
    {
      name: 'throws',
      fetch: () => {
        throw new Error('boom')
      },
      want: { ended: { code: ResetCode.failed, message: 'handler threw: boom' } },
    },
    {
      name: 'rejects',
      fetch: () => Promise.reject(new Error('later')),
      want: { ended: { message: 'handler threw: later' } },
    },
    {
      name: 'returns nothing',
      fetch: () => undefined,
      want: { ended: { message: /undefined, not a Response/ } },
    },
    { name: 'returns a string', fetch: () => 'hi', want: { ended: { message: /string, not a Response/ } } },
    { name: 'returns an error', fetch: () => Response.error(), want: { ended: { message: /status 0/ } } },
    {
      name: 'body fails after the head',
      fetch: () =>
        new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(Buffer.from('part')),
            pull: () => Promise.reject(new Error('broke')),
          }),
        ),
      want: { ended: { kind: 'peer', code: ResetCode.failed, message: /broke/ } },
    },
  ]
  for (const { name, fetch, ask, want } of cases) {
    const { link } = await rig(t, { fetch: fetch as (request: Request) => Response })
    t.match(await link.ask(ask).done, want, name)
    t.equal(link.closed, undefined, `${name}: the link lives`)
  }
})

t.test('fetch streams both ways', async (t) => {
  const { link } = await rig(t, {
    fetch: (request) =>
      new Response(request.body, { headers: { 'x-length': request.headers.get('content-length') ?? '' } }),
  })
  const bytes = 20 * 1024 * 1024
  const exchange = link.ask({ method: 'POST', end: false, digest: true })
  const digest = await exchange.upload(bytes)
  await exchange.done
  t.equal(exchange.ended, 'complete')
  t.equal(exchange.digest, digest)
})

t.test('a module of handlers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gw-'))
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const served: [name: string, text: string, status: number][] = [
    ['named.mjs', 'export const fetch = () => new Response("ok")', 200],
    ['default.mjs', 'export default { word: "ok", fetch() { return new Response(this.word) } }', 200],
    ['other.mjs', 'export function execute() {}', 501],
  ]
  for (const [name, text, status] of served) {
    const { link } = await rig(t, { handlers: await loadHandlers(write(name, text)) })
    t.match(await link.ask().done, { status, text: status === 200 ? 'ok' : /no handler/ }, name)
  }
  const faults: [name: string, text: string, message: RegExp][] = [
    ['none.mjs', 'export const nothing = 1', /none\.mjs exports none of fetch/],
    ['kind.mjs', 'export const fetch = 1', /kind\.mjs exports fetch as number/],
    ['syntax.mjs', 'export const', /syntax\.mjs cannot be loaded/],
  ]
  for (const [name, text, message] of faults)
    await t.rejects(loadHandlers(write(name, text)), { message }, name)
})
