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
      return fast().catch((cause: unknown) => {
        throw new Error(`${reasonOf(cause)}. ${remedy()}, or start with --engine node.`, { cause })
      })
    case 'node':
      return loadNode()
    case 'auto':
      return fast().catch((cause: unknown) => {
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

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const remedy = (): string => `For the fast engine run \`npx -y node@22 ${process.argv[1] ?? ''}\``

/** Late: whoever has the fast engine need not load this one. */
async function loadNode(): Promise<EngineFactory> {
  return (await import('./node.js')).loadNode()
}
