/** Agents as callers find them, each with what its caller does: the same must come of them wherever they run. */
import type { ExecuteFunction, Execution } from '../../shared/sessions/execution.js'

export interface Script {
  readonly execute: ExecuteFunction
  /** The caller answers the first `input_required` with it. */
  readonly answer?: unknown
  /** The caller cancels when it has seen so many events. */
  readonly cancelAfter?: number
}

const text = (words: string) => ({ type: 'text', data: { text: words } })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export const SCRIPTS: Readonly<Record<string, Script>> = {
  text: {
    execute: async function* ({ userInput, context, maxIterations, session }: Execution) {
      yield text(`${userInput} ${JSON.stringify(context)} ${maxIterations} ${session.userId}`)
      yield { ...text('stamped'), seq: 9, timestamp: 'never', run_id: 'mine' }
    },
  },
  tools: {
    execute: async function* () {
      yield { type: 'tool_call', data: { id: 'call_1', name: 'ListDir', input: { path: '/' } } }
      yield { type: 'tool_result', data: { tool_call_id: 'call_1', result: ['a', null, 1.5, { b: false }] } }
      yield { type: 'iteration_end', data: { iteration: 1 } }
      return { usage: { input_tokens: 10, output_tokens: 3 } }
    },
  },
  error: {
    execute: async function* () {
      yield { type: 'error', data: { code: 'tool_failed', message: 'once' } }
      yield text('went on')
    },
  },
  slow: {
    execute: async function* () {
      for (let i = 0; i < 5; i++) {
        await pause(15)
        yield text(`${i} `)
      }
    },
  },
  cancelled: {
    execute: async function* ({ signal }: Execution) {
      yield text('first')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      yield text('too late')
    },
    cancelAfter: 1,
  },
  'cancelled, and throws': {
    execute: async function* ({ signal }: Execution) {
      yield text('first')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    cancelAfter: 1,
  },
  input: {
    execute: async function* ({ input }: Execution) {
      yield { type: 'input_required', data: { prompt: 'Which?' } }
      for await (const answer of input) {
        yield text(JSON.stringify(answer))
        return
      }
    },
    answer: { choice: ['both', '☃'] },
  },
  'large events': {
    execute: async function* () {
      for (const size of [300_000, 900_000]) yield text('x'.repeat(size))
    },
  },
  'too large': {
    execute: async function* () {
      yield text('small')
      yield text('x'.repeat(1_100_000))
    },
  },
  unicode: {
    execute: async function* () {
      yield text('Grüße ☃ 𝒳 \u0000\u2028\ud800"\\\n')
      throw new Error('Fehler: ☃ 𝒳')
    },
  },
  'many small events': {
    execute: async function* () {
      for (let i = 0; i < 2000; i++) yield text(`${i},`)
    },
  },
  none: { execute: async function* () {} },
  'no generator': { execute: () => undefined },
  'wrong result': { execute: () => 42 },
  throwing: {
    execute: () => {
      throw new TypeError('before it began')
    },
  },
  'invalid event': {
    execute: async function* () {
      yield text('good')
      yield { type: 'text', data: { words: 'bad' } }
      yield text('never')
    },
  },
  'done by itself': {
    execute: async function* () {
      yield text('a')
      yield { type: 'done', data: { usage: { n: 1 }, status: 'failed' } }
      yield text('never')
    },
  },
  endless: {
    execute: async function* ({ signal }: Execution) {
      yield text('begun')
      for (;;) {
        await pause(1)
        if (signal.aborted) yield text('after its end')
      }
    },
    cancelAfter: 1,
  },
}
