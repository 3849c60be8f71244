/**
 * A process that runs sessions in the directory given until it is killed. It says on standard output what its caller
 * may rely on: each run once it is accepted, each event once it is delivered.
 */
import { writeSync } from 'node:fs'
import { Sessions } from '../../shared/sessions/engine.js'
import type { Execution } from '../../shared/sessions/execution.js'
import { inProcessRunner } from '../../shared/sessions/in-process.js'

const [dataDir, sessionId] = process.argv.slice(2) as [string, string | undefined]
const who = { id: 'token:a', admin: false }
const say = (...words: unknown[]): void => void writeSync(1, `${words.join(' ')}\n`)

async function* execute({ userInput }: Execution) {
  const count = 5 + (Number(userInput) % 60)
  for (let i = 0; i < count; i++) {
    yield { type: 'text', data: { text: `${userInput}.${i} ${'x'.repeat((i * 37) % 3000)}` } }
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, i % 5))
  }
}

const sessions = new Sessions({ runner: inProcessRunner(execute), dataDir })
const id = sessionId ?? sessions.create(who, { user_id: 'u' }).session_id
say('session', id)
const reader = sessions.subscribe(who, id)

/** Three in flight, so that some wait when the end comes. */
let count = 0
const more = (): void => say('run', sessions.execute(who, id, { user_input: String(count++) }).runId)
for (let i = 0; i < 3; i++) more()
for (let items = await reader.read(); items !== undefined; items = await reader.read()) {
  for (const { type, seq, json } of items) {
    if (type === 'session_info') continue
    say('event', seq, json)
    if (type === 'done') more()
  }
}
