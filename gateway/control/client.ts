import { connect, type Socket } from 'node:net'
import { openSocketPath } from './socket-path.js'
import { ControlError } from './verbs.js'

export { ControlError } from './verbs.js'

/** A list of every token of a large fleet fits; a process that is no gateway cannot fill memory. */
const MOST_ANSWERED = 32 * 1024 * 1024

/** Longer than any verb takes that is not given a time of its own. */
const PATIENCE_MS = 30_000

/** These say that no gateway is there. */
const NOBODY: readonly (string | undefined)[] = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR']

/**
 * Asks the gateway that runs on `dataDir`. Undefined where none does. Throws `ControlError` where the verb refuses,
 * where no answer comes within `patience` ms, and where the socket is not ours to use.
 */
export async function control(
  dataDir: string,
  verb: string,
  args: object = {},
  patience = PATIENCE_MS,
): Promise<{ answer: unknown } | undefined> {
  let text: string
  try {
    text = await exchange(dataDir, `${JSON.stringify({ verb, args })}\n`, patience)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (NOBODY.includes(code)) return undefined
    throw error instanceof ControlError ? error : new ControlError('unreachable', message, { cause: error })
  }
  const { answer, error } = parse(text)
  if (error !== undefined) throw new ControlError(error.code, error.message)
  return { answer }
}

async function exchange(dataDir: string, line: string, patience: number): Promise<string> {
  const place = openSocketPath(dataDir)
  const socket = connect(place.path)
  try {
    return await answerOf(socket, line, patience)
  } finally {
    socket.destroy()
    place.close()
  }
}

function answerOf(socket: Socket, line: string, patience: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const fail = (code: string, message: string): void => reject(new ControlError(code, message))
    const timer = setTimeout(() => fail('timeout', `no answer in ${patience} ms`), patience)
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(line))
    socket.on('data', (chunk) => {
      text += chunk
      if (chunk.includes('\n')) resolve(text)
      else if (text.length > MOST_ANSWERED)
        fail('bad_answer', `an answer of more than ${MOST_ANSWERED} characters`)
    })
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      fail('no_answer', 'the gateway went away before it answered')
    })
  })
}

function parse(text: string): { answer?: unknown; error?: { code: string; message: string } } {
  try {
    return JSON.parse(text)
  } catch {
    throw new ControlError('bad_answer', 'what listens there is no gateway')
  }
}
