/** What the agents of session tests do, and the two places in which their sessions are kept. */
import t, { type Test } from 'tap'
import { Problem } from '../../shared/errors.js'
import type { Execution } from '../../shared/sessions/execution.js'
import { directoryFor } from './directory.js'
import type { RigOptions } from './session-rig.js'

/** Says hello. */
export const hello = async function* ({ userInput }: Execution) {
  yield { type: 'text', data: { text: 'Hello, ' } }
  yield { type: 'text', data: { text: userInput } }
  return { usage: { tokens: 7 } }
}

/** Ends with its signal. */
export const endless = async function* ({ signal }: Execution) {
  for (let i = 1; !signal.aborted; i++) {
    yield { type: 'iteration_end', data: { iteration: i } }
    await turn()
  }
}

/** Takes no notice of its signal. */
export const deaf = async function* () {
  yield { type: 'text', data: { text: 'deaf' } }
  await new Promise(() => {})
}

/** What is due at once has been done. */
export const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Of the Problem that `work` throws; undefined where it throws none. */
export const code = (work: () => unknown): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.code
  }
}

/** Each test once in memory, and once in a file. */
export function both(name: string, work: (t: Test, options: RigOptions) => Promise<void>): void {
  t.test(`${name}, in memory`, (t) => work(t, {}))
  t.test(`${name}, in a file`, (t) => work(t, { dataDir: directoryFor(t) }))
}
