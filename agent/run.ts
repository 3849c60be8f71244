/** One query of `gw-agent run`: text goes to standard output as it comes, all else to standard error. */
import type { Session, SessionGateway } from './client/session-gateway.js'
import { RunOutput } from './run-output.js'
import { openPlace } from './run-place.js'

export interface RunConfig {
  readonly query: string
  /** Id of the session to go on with; undefined: a new one. */
  readonly session: string | undefined
  readonly userId: string
  readonly workspaceDir: string
  /** Events as lines in place of the text. */
  readonly json: boolean
  readonly gatewayUrl: string | undefined
  readonly token: string | (() => string) | undefined
  readonly insecure: boolean
  readonly handlers: string | undefined
  readonly dataDir: string
  /** Where there is no SQLite, a session that nobody can go on with will do. */
  readonly mayForget: boolean
}

/** @returns the exit code: 0 once completed, 1 where it failed or was cancelled. Rejects where it did not begin. */
export async function runQuery(config: RunConfig): Promise<number> {
  const output = new RunOutput(process.stdout, process.stderr, config.json)
  const { gateway, session } = await openPlace(config, (line) => output.notice(line))
  try {
    output.notice(`session ${session.sessionId}`)
    return await follow(gateway, session, config.query, output)
  } finally {
    await gateway.close()
  }
}

async function follow(
  gateway: SessionGateway,
  session: Session,
  userInput: string,
  output: RunOutput,
): Promise<number> {
  const leaving = new AbortController()
  const leave = (): void => leaving.abort(new Error('the run was cancelled'))
  let runId: string | undefined
  let asked = false
  const interrupted = (): void => {
    if (asked) process.exit(1)
    asked = true
    output.notice('cancelling; once more quits')
    // Its `done` is waited for where it can be, so that what the agent says to the end is shown.
    if (runId === undefined) leave()
    else gateway.cancel(session, runId).catch(leave)
  }
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
  // Nobody reads any more, as in `gw-agent run … | head -1`.
  output.onGone(leave)
  try {
    for await (const event of gateway.execute(session, { userInput, signal: leaving.signal })) {
      runId ??= event.run_id
      await output.show(event)
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await output.end()
  }
  return output.status === 'completed' ? 0 : 1
}
