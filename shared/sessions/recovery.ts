/** After a start: runs that a crash cut get their one `done`. Their owner is gone, else the store would be taken. */
import { MAX_OUTPUT, PAGE_BYTES, PAGE_EVENTS } from './bounds.js'
import type { Clock } from './clock.js'
import { type DoneData, parseEvent, storedEvent } from './event.js'
import type { SessionRecord } from './session.js'
import type { Retention, SessionStore, StoredRun, Write } from './store.js'

/** @returns how many there were. */
export function recover(store: SessionStore, clock: Clock, retention: Retention): number {
  const open = store.openRuns()
  const records = new Map<string, SessionRecord>()
  for (const { record: found, run } of open) {
    const record = records.get(found.id) ?? found
    records.set(record.id, record)
    record.status = 'idle'
    const data: DoneData = {
      run_id: run.id,
      status: 'failed',
      ...outputOf(store, record, run),
      reason: 'interrupted',
    }
    const seq = ++record.lastSeq
    const event = storedEvent('done', data, { at: clock.now(), seq, runId: run.id })
    const write: Write = { kind: 'event', record, event }
    store.write([write], retention)
  }
  return open.length
}

function outputOf(
  store: SessionStore,
  record: SessionRecord,
  run: StoredRun,
): Pick<DoneData, 'output' | 'output_truncated'> {
  let output = ''
  let after = run.fromSeq - 1
  for (;;) {
    const page = store.read(record, after, PAGE_EVENTS, PAGE_BYTES)
    if (page.length === 0) return { output }
    after = page.at(-1)!.seq
    for (const event of page) {
      if (event.type !== 'text' || event.runId !== run.id) continue
      output += String(parseEvent(event).data.text)
      if (output.length > MAX_OUTPUT) return { output: output.slice(0, MAX_OUTPUT), output_truncated: true }
    }
  }
}
