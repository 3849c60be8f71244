import { Problem } from '../../shared/errors.js'

/**
 * What a running gateway does for a command of the same user: by name. `args` come from another process: check them.
 * What is returned must be JSON; what is thrown is told to the caller, with the code of a `ControlError` or `Problem`.
 */
export type Verbs = Record<string, (args: Record<string, unknown>) => unknown | Promise<unknown>>

/** A verb refused, or could not be asked. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface VerbError {
  readonly code: string
  readonly message: string
}

/** Runs one line of the socket: `{"verb", "args"}`. */
export async function perform(
  verbs: Verbs,
  line: string,
): Promise<{ answer: unknown } | { error: VerbError }> {
  try {
    const { verb, args } = parse(line)
    if (!Object.hasOwn(verbs, verb)) {
      throw new ControlError('unknown_verb', `this gateway knows no ${JSON.stringify(verb.slice(0, 60))}`)
    }
    return { answer: (await verbs[verb]!(args)) ?? null }
  } catch (error) {
    const code = error instanceof ControlError || error instanceof Problem ? error.code : 'failed'
    return { error: { code, message: error instanceof Error ? error.message : String(error) } }
  }
}

function parse(line: string): { verb: string; args: Record<string, unknown> } {
  let asked: unknown
  try {
    asked = JSON.parse(line)
  } catch {
    throw new ControlError('bad_request', 'the line is not JSON')
  }
  const { verb, args = {} } = (isRecord(asked) ? asked : {}) as { verb?: unknown; args?: unknown }
  if (typeof verb !== 'string' || !isRecord(args)) {
    throw new ControlError('bad_request', 'a line is {"verb": "…", "args": {…}}')
  }
  return { verb, args }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
