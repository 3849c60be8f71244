/** Agents that say whatever they like: their callers get an error, they themselves the end of their link, and nobody else anything. */
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Encoder } from '../../shared/codec.js'
import { field, RawCaller, type RawResponse } from '../helpers/engine-rig.js'
import { ENGINES } from '../helpers/engine-suite.js'
import type { RawAgent, RawExchange } from '../helpers/raw-agent.js'
import { call, type Site, startGateway } from '../helpers/tunnel.js'
import type { AgentCase, Said } from './agents/case.js'
import { FRAME_CASES } from './agents/frames.js'
import { HEAD_CASES } from './agents/heads.js'
import { SOCKET_AGENT_CASES, type SocketAgentCase } from './agents/sockets.js'
import { FrameCaller } from './websocket/caller.js'

/** Who is not answered and not cut by then hangs. */
const HANG = 30_000
const AGENT_CASES = [...HEAD_CASES, ...FRAME_CASES]
/** Agents at once. */
const WIDTH = 16

/** A message takes frames up to about this size; the wire's bound is four times it. */
const FULL = 64 * 1024
const encoder = new Encoder()

/** Frames together in messages, as an agent sends them. */
function say(agent: RawAgent, said: readonly Said[]): void {
  const flush = (): void => {
    if (encoder.length > 0) agent.raw(Buffer.from(encoder.take()))
  }
  for (const each of said) {
    if (Buffer.isBuffer(each) || typeof each === 'string') {
      flush()
      agent.raw(each)
      continue
    }
    encoder.add(each)
    if (encoder.length > FULL) flush()
  }
  flush()
}

const NOTHING: RawResponse = {
  ...{ status: 0, reason: '', headers: [] },
  body: Buffer.alloc(0),
  complete: false,
  rest: Buffer.alloc(0),
}

/** @returns what is not as the case wants it. */
async function play(site: Site, good: RawAgent, one: AgentCase): Promise<string[]> {
  const serve = (exchange: RawExchange): void => say(agent, one.say(exchange.stream.id))
  const agent: RawAgent = await site.agent({ serve })
  const { method = 'GET' } = one
  const caller = new RawCaller(site.port)
  const behind = `GET /t/${good.tunnelId}/ HTTP/1.1\r\nHost: conformance.test\r\n\r\n`
  caller.send(`${method} /t/${agent.tunnelId}/ HTTP/1.1\r\nHost: conformance.test\r\n\r\n`)
  // Where the head was not out either, the caller sees the end of its connection alone.
  const answer = await caller.response(method).catch(() => NOTHING)
  const found: string[] = []
  const status = answer.complete ? answer.status : 'cut'
  if (status !== one.caller) found.push(`the caller got ${status}, not ${one.caller}`)
  if (one.code !== undefined && code(answer) !== one.code) found.push(`with the code ${code(answer)}`)
  if (one.body !== undefined && answer.body.toString() !== one.body)
    found.push(`with the body ${answer.body}`)
  for (const name of one.lacks ?? [])
    if (field(answer.headers, name) !== undefined) found.push(`with ${name}`)
  if (answer.complete && answer.rest.length > 0)
    found.push(`with ${JSON.stringify(answer.rest.toString('latin1', 0, 80))} behind it`)
  if (status !== 'cut') {
    // The same connection still works, and nothing of that answer is left on it.
    caller.clear()
    const next = await caller.send(behind).response()
    if (next.status !== 200 || next.body.toString() !== 'good')
      found.push(`the next answer is ${next.status}`)
  } else await caller.closed
  caller.socket.destroy()
  if (one.link !== undefined) {
    const ended = await agent.ended()
    const is = ended.code === one.link || (one.link === 1006 && ended.code === 1009)
    if (!is) found.push(`the link ended with ${ended.code} ${ended.reason}`)
  } else {
    if (agent.closed !== undefined)
      found.push(`the link ended with ${agent.closed.code} ${agent.closed.reason}`)
    await agent.kill()
  }
  return found
}

/** @returns what the caller of a WebSocket sees otherwise than the case has it. */
async function playSocket(site: Site, one: SocketAgentCase): Promise<string[]> {
  const serve = (exchange: RawExchange): void => {
    exchange.begin(101, one.headers)
    for (const bytes of one.bytes) exchange.stream.write(bytes)
    if (one.ends) exchange.stream.end()
  }
  const agent = await site.agent({ serve })
  const caller = await FrameCaller.open(site.port, `/t/${agent.tunnelId}/`).catch(() => undefined)
  const found: string[] = []
  if (caller === undefined || one.refused) {
    if ((caller === undefined) !== (one.refused === true)) found.push(`refused: ${caller === undefined}`)
  } else {
    await caller.end()
    const { messages, code } = caller
    found.push(...caller.faults)
    if (!caller.ended) found.push('it hangs')
    if (!one.codes.includes(code)) found.push(`closed with ${code}`)
    if (messages.length !== (one.messages ?? 0)) found.push(`${messages.length} messages`)
  }
  if (agent.closed !== undefined) found.push(`the link ended with ${agent.closed.code}`)
  await agent.kill()
  return found
}

const code = ({ headers, body }: RawResponse): string | undefined =>
  field(headers, 'content-type')?.includes('problem+json') ? JSON.parse(body.toString()).code : undefined

for (const engine of ENGINES) {
  t.test(`${engine}: ${AGENT_CASES.length} hostile agents`, async (t: Test) => {
    const site = await startGateway(t, { engine, accessLog: 'off' })
    const good = await site.agent({ serve: (exchange) => exchange.respond(200, 'good') })
    let busy = true
    const failures: string[] = []
    let asked = 0
    const beside = (async () => {
      for (; busy; asked++) {
        const { status, body } = await call(`${site.url}/t/${good.tunnelId}/`)
        if (status !== 200 || body !== 'good') failures.push(`${status} ${body}`)
        await sleep(5)
      }
    })()
    const waiting = [...AGENT_CASES]
    const found = new Map<AgentCase, string[]>()
    await Promise.all(
      Array.from({ length: WIDTH }, async () => {
        for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
          const late = sleep(HANG, ['it hangs'], { ref: false })
          found.set(one, await Promise.race([play(site, good, one).catch((error) => [String(error)]), late]))
        }
      }),
    )
    busy = false
    await beside
    for (const one of AGENT_CASES) t.same(found.get(one), [], one.name)
    t.same(failures, [], 'a good agent serves on')
    t.ok(asked > 10, `${asked} requests beside`)
    t.equal(good.closed, undefined)
    t.same(
      site.log.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })

  t.test(`${engine}: ${SOCKET_AGENT_CASES.length} hostile agents of WebSockets`, async (t: Test) => {
    const site = await startGateway(t, { engine, accessLog: 'off' })
    await Promise.all(
      SOCKET_AGENT_CASES.map(async (one) => t.same(await playSocket(site, one), [], one.name)),
    )
    t.same(
      site.log.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })
}
