/**
 * What the session engine takes: `node build/bench/session-log.js [sessions] [seconds]`. First as many events as it
 * can (8 runs at once, to a file), then many sessions with 10 events a second each and one reader each.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sessions } from '../shared/sessions/engine.js'
import type { Execution } from '../shared/sessions/execution.js'
import { inProcessRunner } from '../shared/sessions/in-process.js'
import type { SessionPrincipal } from '../shared/sessions/session.js'

const WHO: SessionPrincipal = { id: 'admin', admin: true }
const [sessionCount = 1000, seconds = 10] = process.argv.slice(2).map(Number)
const WORDS = 'a token or two of an answer that is streamed as it comes '

const line = (name: string, figures: Record<string, number | string>): void =>
  void process.stdout.write(
    `${name}: ${Object.entries(figures)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}\n`,
  )

async function appended(dataDir: string): Promise<void> {
  const each = 25_000
  const sessions = new Sessions({
    dataDir,
    runner: inProcessRunner(async function* () {
      for (let i = 0; i < each; i++) yield { type: 'text', data: { text: WORDS } }
    }),
  })
  const ids = Array.from({ length: 8 }, () => sessions.create(WHO, { user_id: 'u' }).session_id)
  const began = performance.now()
  const cpu = process.cpuUsage()
  await Promise.all(
    ids.map(async (id) => {
      const { runId, after } = sessions.execute(WHO, id, { user_input: '' })
      const reader = sessions.subscribe(WHO, id, { after, runId })
      while ((await reader.read()) !== undefined);
    }),
  )
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  line('append', {
    'events/s': Math.round((ids.length * each * 1000) / ms),
    'µs of CPU an event': ((user + system) / (ids.length * each)).toFixed(1),
    'MB in the store': (statSync(join(dataDir, 'sessions.db')).size / 1e6).toFixed(1),
  })
  sessions.close()
}

async function streamed(dataDir: string): Promise<void> {
  const delays: number[] = []
  const sessions = new Sessions({
    dataDir,
    runner: inProcessRunner(async function* ({ signal }: Execution) {
      // Spread over the tenth of a second, as callers come.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      for (let due = performance.now(); !signal.aborted; due += 100) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
        yield { type: 'text', data: { text: WORDS, at: performance.now() } }
      }
    }),
  })
  const read = async (id: string, after: number, runId: string): Promise<void> => {
    const reader = sessions.subscribe(WHO, id, { after, runId })
    for (let items = await reader.read(); items !== undefined; items = await reader.read()) {
      const now = performance.now()
      for (const { type, json } of items) if (type === 'text') delays.push(now - JSON.parse(json).data.at)
    }
  }
  const runs = Array.from({ length: sessionCount }, () => {
    const { session_id: id } = sessions.create(WHO, { user_id: 'u' })
    const { runId, after } = sessions.execute(WHO, id, { user_input: '' })
    return { id, runId, done: read(id, after, runId) }
  })
  const cpu = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const { user, system } = process.cpuUsage(cpu)
  for (const { id, runId } of runs) sessions.cancel(WHO, id, runId)
  await Promise.all(runs.map(({ done }) => done))
  delays.sort((a, b) => a - b)
  const share = (part: number): string => delays[Math.floor(part * (delays.length - 1))]!.toFixed(0)
  line(`${sessionCount} sessions, 10 events/s each`, {
    'events/s': Math.round(delays.length / seconds),
    'ms p50': share(0.5),
    'ms p99': share(0.99),
    'ms max': share(1),
    'cores busy': ((user + system) / 1e6 / seconds).toFixed(2),
    'MB of memory': (process.memoryUsage().rss / 1e6).toFixed(0),
  })
  sessions.close()
}

for (const measure of [appended, streamed]) {
  const dataDir = mkdtempSync(join(tmpdir(), 'gw-sessions-'))
  try {
    await measure(dataDir)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
