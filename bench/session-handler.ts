/** The agent of `session-callers.ts`: 10 events a second with the time in them, until it is cancelled. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Execution } from '../shared/sessions/execution.js'

const WORDS = 'a token or two of an answer that is streamed as it comes '
const EVERY = 100

export async function* execute({ signal }: Execution): AsyncGenerator<object, void> {
  await sleep(Math.random() * EVERY)
  for (let due = performance.now(); !signal.aborted; due += EVERY) {
    await sleep(Math.max(0, due - performance.now()))
    yield { type: 'text', data: { text: WORDS, at: Date.now() } }
  }
}
