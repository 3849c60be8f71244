/** The caller's part of a case: bytes out as the script says, and what came back. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Marks } from './marks.js'
import { emptyMessage, type Framing, framingOf, type Message, MessageReader } from './message.js'
import { type Answer, type Ask, renderAsk, type Step } from './script.js'
import { write } from './writing.js'

/** How a request goes: to the origin itself, or through the gateway. */
export interface Way {
  readonly name: 'direct' | 'path' | 'host'
  readonly port: number
  readonly prefix: string
  readonly host: string
}

const isAsk = (step: Step): step is Ask =>
  typeof step === 'object' && !('fill' in step) && !('wait' in step) && !('note' in step)

/** The methods that `steps` ask with, in turn. */
export const methodsOf = (steps: readonly Step[]): string[] =>
  steps.filter(isAsk).map(({ method = 'GET' }) => method)

export interface Told {
  answers: Answer[]
  notes: number[]
}

export interface Calling {
  /** Names the case to the origin. */
  key: string
  steps: readonly Step[]
  marks: Marks
  /** What was sent before has passed. */
  settled(): Promise<void>
}

/** Takes the steps, then waits for the answers that are due. */
export async function call(way: Way, { key, steps, marks, settled }: Calling): Promise<Told> {
  const socket = connect({ port: way.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const methods = methodsOf(steps)
  const answers = answersOf(socket, methods, marks)
  const notes: number[] = []
  const gone = new Promise<void>((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  let left = false
  for (const step of steps) {
    if (step === 'close') socket.destroy()
    else if (step === 'reset') socket.resetAndDestroy()
    else if (step === 'half') socket.end()
    else if (typeof step === 'string' || 'fill' in step) await write(socket, step, gone)
    else if ('wait' in step)
      await Promise.race([marks.reach(step.wait, step.count ?? 1), step.wait === 'left' ? NEVER : gone])
    else if ('note' in step) {
      await settled()
      notes.push(marks.get(step.note))
      marks.add('noted')
    } else {
      const pieces = renderAsk(step, { prefix: way.prefix, host: way.host, key })
      if (step.cut !== undefined) {
        const head = pieces.shift() as string
        await write(socket, head.slice(0, step.cut), gone)
        await settled()
        pieces.unshift(head.slice(step.cut))
      }
      for (const piece of pieces) await write(socket, piece, gone)
    }
    left ||= step === 'close' || step === 'reset'
  }
  if (!left) await Promise.race([marks.reach('answer', methods.length), gone])
  socket.destroy()
  await gone
  return { answers, notes }
}

/** Collects what comes on `socket`; `methods` are those of the requests in turn. */
function answersOf(socket: Socket, methods: readonly string[], marks: Marks): Answer[] {
  const answers: Answer[] = []
  let interims: string[] = []
  let failed = false
  let over = false
  const reader = new MessageReader({
    head(message) {
      const status = statusOf(message.line)
      if (/^1\d\d/.test(status) && !status.startsWith('101')) {
        interims.push(status)
        marks.add('interim')
        return undefined
      }
      marks.add('head')
      return bodyOf(methods[answers.length] ?? 'GET', status, message.fields)
    },
    body: (bytes) => marks.add('down', bytes),
    end(message) {
      answers.push({ interims, ...seen(message) })
      interims = []
      if (message.ending === 'complete') marks.add('answer')
    },
  })
  const finish = () => {
    if (over) return
    over = true
    const ending = failed ? 'reset' : 'truncated'
    const before = answers.length
    reader.finish(ending)
    // A connection that ends while an answer is due says that there will be none.
    if (answers.length === before && before < methods.length)
      answers.push({ interims, ...seen(emptyMessage('', [], ending)) })
  }
  socket.on('data', (chunk) => reader.feed(chunk))
  socket.on('error', () => {
    failed = true
  })
  socket.on('end', () => {
    marks.add('ended')
    finish()
    socket.destroy()
  })
  socket.on('close', finish)
  return answers
}

const statusOf = (line: string): string => line.replace(/^HTTP\/1\.[01] ?/, '')

const seen = ({ line, fields, bytes, hash, trailers, ending }: Message) => ({
  status: statusOf(line),
  fields,
  bytes,
  hash,
  trailers,
  ending,
})

function bodyOf(method: string, status: string, fields: readonly string[]): Framing {
  if (method === 'HEAD' || /^(?:101|204|304)/.test(status)) return 0
  return framingOf(fields) ?? 'close'
}

const NEVER = new Promise<void>(() => {})
