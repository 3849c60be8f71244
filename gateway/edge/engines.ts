/** Which engine runs: the one that was asked for, or the first that loads. */
import { assertNever } from '../../shared/errors.js'
import type { Logger } from '../../shared/log.js'
import type { EngineFactory } from './engine.js'
import { loadUws } from './uws.js'

export type EngineName = 'auto' | 'uws' | 'node'

/** Rejects where the engine that was asked for does not load: nobody who named one gets the other. */
export async function loadEngine(name: EngineName, log: Logger, fast = loadUws): Promise<EngineFactory> {
  switch (name) {
    case 'uws':
      return fixed(fast(), log).catch((cause: unknown) => {
        throw new Error(`${reasonOf(cause)}. ${remedy()}, or start with --engine node.`, { cause })
      })
    case 'node':
      return loadNode()
    case 'auto':
      return fixed(fast(), log).catch((cause: unknown) => {
        log.warn('the fast engine does not load, node:http serves instead', {
          reason: reasonOf(cause),
          remedy: `${remedy()}; --engine node says that this one is wanted`,
        })
        return loadNode()
      })
    default:
      return assertNever(name)
  }
}

/** Milliseconds that uWebSockets.js gives a head, which nobody can change. */
const FIXED_HEAD_TIMEOUT = [8_000, 12_000] as const

async function fixed(fast: Promise<EngineFactory>, log: Logger): Promise<EngineFactory> {
  const create = await fast
  return (options, handlers) => {
    const [least, most] = FIXED_HEAD_TIMEOUT
    const { headTimeout = least } = options
    if (headTimeout < least || headTimeout > most)
      log.warn('--head-timeout is not what was asked for: with uws it is fixed at 8 to 12 s', {
        asked_ms: headTimeout,
        remedy: '--engine node keeps it',
      })
    return create(options, handlers)
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const remedy = (): string => `For the fast engine run \`npx -y node@22 ${process.argv[1] ?? ''}\``

/** Late: whoever has the fast engine need not load this one. */
async function loadNode(): Promise<EngineFactory> {
  return (await import('./node.js')).loadNode()
}
