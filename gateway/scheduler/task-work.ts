/** One run of a task, whatever it is made of. */
import { assertNever } from '../../shared/errors.js'
import { formatDuration } from '../../shared/quantity.js'
import { baseEnvironment, type CommandStatus, type RunCommand } from '../hooks/command.js'
import type { Task } from './task.js'
import { performRequest, type SendRequest } from './task-request.js'

/** What a run came to. */
export interface TaskResult {
  readonly status: CommandStatus
  readonly exitCode?: number | null
  /** Of a request. */
  readonly httpStatus?: number
  /** The end of what the command wrote, or of the answer's body. */
  readonly output: string
  readonly error?: string | undefined
}

export interface Means {
  readonly run: RunCommand
  readonly send: SendRequest
}

/** Never rejects. Ends soon after `stop` fires, unless it is code that does not heed it. */
export async function perform(
  { work, timeoutMs }: Task,
  means: Means,
  stop: AbortSignal,
): Promise<TaskResult> {
  switch (work.kind) {
    case 'command': {
      const { command, workingDir } = work
      return means.run({ command, workingDir, timeoutMs, env: { ...baseEnvironment(), ...work.env } }, stop)
    }
    case 'request':
      return limited(timeoutMs, stop, (signal) => performRequest(means.send, work.request, signal))
    case 'code':
      return limited(timeoutMs, stop, async (signal) => {
        try {
          await work.run(signal)
          return { status: 'ok', output: '' }
        } catch (error) {
          return {
            status: 'failed',
            output: '',
            error: error instanceof Error ? error.message : String(error),
          }
        }
      })
    default:
      return assertNever(work)
  }
}

/** The run is over when `work` is, so that a task never overlaps itself; that it came too late is told all the same. */
async function limited(
  timeoutMs: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<TaskResult>,
): Promise<TaskResult> {
  const abort = new AbortController()
  let late = false
  const onStop = (): void => abort.abort(stop.reason)
  if (stop.aborted) onStop()
  stop.addEventListener('abort', onStop)
  const onTime = (): void => {
    late = true
    abort.abort(new Error(`it took longer than ${formatDuration(timeoutMs)}`))
  }
  const timer = timeoutMs === 0 ? undefined : setTimeout(onTime, timeoutMs)
  const outcome = await work(abort.signal)
  clearTimeout(timer)
  stop.removeEventListener('abort', onStop)
  if (late) return { ...outcome, status: 'timeout' }
  return stop.aborted && outcome.status !== 'ok' ? { ...outcome, status: 'stopped' } : outcome
}
