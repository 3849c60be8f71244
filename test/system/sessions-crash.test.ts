import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { markOf, mayLive } from '../../shared/process-mark.js'
import { Sessions } from '../../shared/sessions/engine.js'
import { inProcessRunner } from '../../shared/sessions/in-process.js'
import { claimStore } from '../../shared/sessions/owner.js'
import { MIGRATIONS } from '../../shared/sessions/sqlite-tables.js'
import { openDatabase } from '../../shared/store/database.js'
import { directoryFor } from '../helpers/directory.js'
import { HeldClock } from '../helpers/session-rig.js'

const POINTS = Number(process.env.GW_TEST_KILLS ?? 12)
const WHO = { id: 'token:a', admin: false }
const HOST = hostname()
const CHILD = fileURLToPath(new URL('../helpers/session-child.js', import.meta.url))

interface Said {
  session: string
  runs: string[]
  /** By seq. */
  events: Map<number, string>
}

/** Kills it once so many events were delivered; more come until the signal does. */
async function runAndKill(dataDir: string, session: string | undefined, events: number): Promise<Said> {
  const child = spawn(process.execPath, [CHILD, dataDir, ...(session === undefined ? [] : [session])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: Said = { session: '', runs: [], events: new Map() }
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    const [word, first = ''] = line.split(' ', 2)
    if (word === 'session') said.session = first
    if (word === 'run') said.runs.push(first)
    if (word === 'event') said.events.set(Number(first), line.slice(word.length + first.length + 2))
    if (said.runs.length > 0 && said.events.size === events) child.kill('SIGKILL')
  })
  await Promise.all([once(child, 'exit'), once(lines, 'close')])
  return said
}

function check(t: Test, dataDir: string, said: Said, name: string): void {
  const sessions = new Sessions({ runner: inProcessRunner(undefined), dataDir })
  try {
    const kept = new Map<number, string>()
    for (let after = 0; ; ) {
      const { events, lastSeq } = sessions.events(WHO, said.session, { after, limit: 1000 })
      for (const event of events) kept.set(event.seq, event.json)
      after = events.at(-1)?.seq ?? after
      if (after >= lastSeq) break
    }
    t.same(
      [...kept.keys()],
      Array.from(kept.keys(), (_, i) => i + 1),
      `${name}: seqs without gap`,
    )
    const lost = [...said.events].filter(([seq, json]) => kept.get(seq) !== json)
    t.same(lost, [], `${name}: none of ${said.events.size} delivered events is lost or changed`)
    const dones = new Map<string, number>()
    const runs = new Set(said.runs)
    for (const json of kept.values()) {
      const { type, run_id: run = '', data } = JSON.parse(json)
      runs.add(run)
      if (type !== 'done') continue
      dones.set(run, (dones.get(run) ?? 0) + 1)
      const text = [...kept.values()]
        .map((each) => JSON.parse(each))
        .filter((each) => each.type === 'text' && each.run_id === run)
      t.equal(data.output, text.map((each) => each.data.text).join(''), `${name}: output of ${run}`)
    }
    t.same(
      [...runs].filter((run) => dones.get(run) !== 1),
      [],
      `${name}: one done for each of ${runs.size} runs`,
    )
    t.equal(sessions.get(WHO, said.session).status, 'idle')
  } finally {
    sessions.close()
  }
}

t.test(`kill -9 at ${POINTS} points of runs`, async (t) => {
  const dataDir = directoryFor(t)
  let session: string | undefined
  for (let point = 0; point < POINTS; point++) {
    const events = point === 0 ? 0 : Math.floor(Math.random() * 120)
    // A new session now and then, so that a history does not get long.
    const said = await runAndKill(dataDir, point % 4 === 3 ? undefined : session, events)
    session = said.session
    check(t, dataDir, said, `killed after ${events} events`)
  }
})

t.test('a store has one owner, and a dead one is none', async (t) => {
  const dataDir = directoryFor(t)
  const runner = inProcessRunner(async function* () {})
  const first = new Sessions({ runner, dataDir })
  first.announce('http://127.0.0.1:3000')
  t.throws(() => new Sessions({ runner, dataDir }), {
    code: 'conflict',
    message: new RegExp(`process ${process.pid} since 20.*, which listens on http://127\\.0\\.0\\.1:3000`),
  })
  first.close()
  first.close()
  new Sessions({ runner, dataDir }).close()

  // As another process, or a later one with the same id, would have left it.
  const database = openDatabase({ path: join(dataDir, 'sessions.db'), migrations: MIGRATIONS })
  t.teardown(() => database.close())
  const clock = new HeldClock()
  const holder = (pid: number, started: string | null, host?: string): void => {
    claimStore(database, clock).release()
    database
      .prepare('INSERT INTO owner VALUES (1, ?, ?, ?, ?, ?, NULL)')
      .run(pid, started, host ?? HOST, clock.now(), clock.now())
  }
  const taken = (): boolean => {
    try {
      claimStore(database, clock).release()
      return false
    } catch {
      database.prepare('DELETE FROM owner').run()
      return true
    }
  }
  const child = spawn('sleep', ['60'])
  t.teardown(() => void child.kill('SIGKILL'))
  const pid = child.pid!
  const start = markOf(pid)!.began
  holder(pid, start)
  t.ok(taken(), 'a living one')
  holder(pid, 'another start')
  t.notOk(taken(), 'the id is used again')
  holder(pid, start, 'another-host')
  t.ok(taken(), 'on another host, seen just now')
  holder(pid, start, 'another-host')
  clock.advance(60_000)
  t.notOk(taken(), 'on another host, not seen for a minute')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.notOk(mayLive(pid, start))
  holder(pid, start)
  t.notOk(taken(), 'a dead one')
})
