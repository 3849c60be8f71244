/** A model API that streams tokens, read by fetch as its clients do, and by curl. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import t from 'tap'
import { installed, listening, runProgram, startTunnel } from '../helpers/processes.js'

const TOKENS = Array.from({ length: 50 }, (_, i) => `token ${i} – „ü“ `)
const event = (content: string): string =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ delta: { content } }] })}\n\n`

/** Writes each token when `next` says so. */
const server = () => {
  let next: () => void = () => {}
  const left: Promise<unknown>[] = []
  const web = createServer(async (request, response: ServerResponse) => {
    left.push(once(response, 'close'))
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { stream, paced, messages } = JSON.parse(Buffer.concat(chunks).toString())
    if (!stream) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ choices: [{ message: { content: messages[0].content } }] }))
      return
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-request-id': 'r',
    })
    for (const token of TOKENS) {
      const asked = new Promise<void>((resolve) => (next = resolve))
      response.write(event(token))
      if (paced) await asked
    }
    response.end('data: [DONE]\n\n')
  })
  return { web, next: () => next(), left }
}

const ask = (url: string, body: object, signal?: AbortSignal) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hé' }], ...body }),
    ...(signal && { signal }),
  })

t.test('tokens come one by one, and a client that stops is noticed', async (t) => {
  const { web, next, left } = server()
  const tunnel = await startTunnel(t, await listening(t, web))

  const whole = (await (await ask(tunnel.url, {})).json()) as { choices: [{ message: { content: string } }] }
  t.equal(whole.choices[0].message.content, 'hé')

  const response = await ask(tunnel.url, { stream: true, paced: true })
  const decoder = new TextDecoder()
  const pieces: string[] = []
  for await (const chunk of response.body!) {
    pieces.push(decoder.decode(chunk, { stream: true }))
    next()
  }
  t.equal(pieces.join(''), `${TOKENS.map(event).join('')}data: [DONE]\n\n`)
  t.ok(pieces.length >= TOKENS.length, 'each token came by itself')

  const stop = new AbortController()
  const stopped = await ask(tunnel.url, { stream: true, paced: true }, stop.signal)
  await stopped.body!.getReader().read()
  stop.abort()
  await left.at(-1)
})

t.test('curl -N reads the stream', installed('curl'), async (t) => {
  const { web } = server()
  const tunnel = await startTunnel(t, await listening(t, web))
  const body = '{"stream":true,"messages":[]}'
  const args = ['-sSN', '--fail', '-d', body, `${tunnel.url}/v1/chat/completions`]
  const { out, err } = await runProgram('curl', args)
  t.equal(out, `${TOKENS.map(event).join('')}data: [DONE]\n\n`, err)
})
