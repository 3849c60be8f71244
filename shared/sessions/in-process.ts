/** Runs an `execute` function of this process: the runner of a program that has no tunnel. */
import { type ExecuteFunction, executionSession, linesOf } from './execution.js'
import { eventOf } from './lines.js'
import { RunFailure, type Runner, type RunRequest } from './runner.js'

/** What a session is served by where no agent does: told as its `tunnel_id`. */
export function inProcessRunner(execute: ExecuteFunction | undefined): Runner {
  return {
    async *run(request: RunRequest) {
      if (execute === undefined) throw new RunFailure('no_agent', 'the handlers export no execute')
      const history = [...request.history()].flat().map(eventOf)
      const { runId, userInput, context, maxIterations, turns, signal, input } = request
      // As an agent behind a tunnel gets them: nothing it changes is the engine's.
      const session = executionSession(structuredClone(request.session))
      yield* linesOf(execute, {
        runId,
        session,
        userInput,
        context: structuredClone(context),
        maxIterations,
        history,
        turns,
        resumed: false,
        signal,
        input,
      })
    },
  }
}
