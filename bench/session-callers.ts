/**
 * Many sessions through a whole gateway, each role in a process of its own:
 * `node build/bench/session-callers.js [sessions] [seconds]`. Each session's agent yields 10 events a second with the
 * time in them; one reader a session, over server-sent events, tells how late they come.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Running } from './process.js'

const [sessionCount = 1000, seconds = 10] = process.argv.slice(2).map(Number)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Runs, and half of them again: an agent takes no more at once. */
const PLACES = String(sessionCount * 2)
/** Callers begin spread over this long, as callers do. */
const RAMP_MS = 3000
const TICKS = 100

const dir = mkdtempSync(join(tmpdir(), 'gw-sessions-'))
const start = (name: string, bin: string, args: readonly string[], env: Record<string, string>): Running =>
  new Running(
    { name, file: process.execPath, args: [join(ROOT, bin), ...args], env },
    dir,
    join(dir, `${name}.log`),
  )

const gateway = start('gateway', 'gateway/bin/gw-gateway.js', ['--port', '0', '--max-streams', PLACES], {
  GW_ACCESS_LOG: 'off',
  GW_INSPECT: 'false',
  GW_DATA_DIR: join(dir, 'data'),
})
const [, url = ''] = await gateway.waitFor(/listening on (http:[^\s"]+)/)
const handlers = fileURLToPath(new URL('./session-handler.js', import.meta.url))
const agent = start(
  'agent',
  'agent/bin/gw-agent.js',
  ['--gateway', url, '--handlers', handlers, '--max-concurrent', PLACES],
  {
    GW_TUNNEL_ID: 'agent_550e8400-e29b-41d4-a716-446655440000_bench',
  },
)
await agent.waitFor(/connected/)

const late: number[] = []
let measuring = false

const leaving = new AbortController()

/** Resolves once the first of its events is there; reads on until all leave. */
async function talk(): Promise<void> {
  const made = await fetch(`${url}/api/v1/sessions`, { method: 'POST', body: '{"user_id":"u"}' })
  const { session_id: id } = (await made.json()) as { session_id: string }
  const { body } = await fetch(`${url}/api/v1/sessions/${id}/execute`, {
    method: 'POST',
    headers: { accept: 'application/x-ndjson' },
    body: '{"user_input":"","detach":false}',
    signal: leaving.signal,
  })
  await new Promise<void>((resolve) => void read(body!, resolve).catch(() => {}))
}

async function read(body: ReadableStream<Uint8Array>, begun: () => void): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    begun()
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop()!
    if (!measuring) continue
    const now = Date.now()
    for (const line of lines) {
      const at = /"at":(\d+)/.exec(line)?.[1]
      if (at !== undefined) late.push(now - Number(at))
    }
  }
}

/** CPU seconds and MiB of a process. */
function cost(pid: number): { cpu: number; rss: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return {
    cpu: (Number(fields[11]) + Number(fields[12])) / TICKS,
    rss: (Number(fields[21]) * 4096) / 2 ** 20,
  }
}

try {
  const began = performance.now()
  await Promise.all(
    Array.from({ length: sessionCount }, async (_, i) => {
      await sleep((i * RAMP_MS) / sessionCount - (performance.now() - began))
      await talk()
    }),
  )
  await sleep(1000)
  const before = cost(gateway.pid)
  measuring = true
  await sleep(seconds * 1000)
  measuring = false
  const after = cost(gateway.pid)
  late.sort((a, b) => a - b)
  const at = (share: number): string => `${late[Math.floor(late.length * share)] ?? '–'} ms`
  console.log(`${sessionCount} sessions, 10 events a second each, ${seconds} s`)
  console.log(`events a second: ${Math.round(late.length / seconds)}`)
  console.log(`late: p50 ${at(0.5)}, p99 ${at(0.99)}, most ${late.at(-1)} ms`)
  console.log(
    `gateway: ${((after.cpu - before.cpu) / seconds).toFixed(2)} cores, ${Math.round(after.rss)} MiB`,
  )
  leaving.abort()
} finally {
  await agent.close()
  await gateway.close()
  rmSync(dir, { recursive: true, force: true })
}
process.exit()
