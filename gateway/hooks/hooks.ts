import type { Logger } from '../../shared/log.js'
import type { EventBus } from '../events/bus.js'
import type { EventType } from '../events/event.js'
import type { RunCommand } from './command.js'
import { HookRunner } from './hook-runner.js'
import type { HookDefinition } from './hooks-file.js'
import type { HookRun } from './run-history.js'

export interface HooksParts {
  readonly bus: EventBus
  readonly run: RunCommand
  readonly log: Logger
  /** The same after a restart. */
  readonly nodeId: () => string
}

/** What `GET /hooks/runs` answers. */
export interface HookRuns {
  /** The last 100, the latest first. */
  runs: HookRun[]
  running: number
  waiting: number
  /** Since the start: runs that never began because too many waited. */
  dropped: number
}

/** Commands that events start. */
export class Hooks {
  readonly #parts: HooksParts
  readonly #runner: HookRunner
  #started = false
  #offs: (() => void)[] = []
  /** Of each type, in the order in which they start. */
  #hooks: ReadonlyMap<EventType, readonly HookDefinition[]> = new Map()

  constructor(parts: HooksParts) {
    this.#parts = parts
    const { run, log, nodeId } = parts
    this.#runner = new HookRunner({ run, log, place: { nodeId, platform: process.platform } })
  }

  /** Listens from now on. */
  start(): void {
    this.#started = true
    this.#listen()
  }

  /** What happens from now on starts these. What runs or waits is not touched. Says what each will run. */
  replace(definitions: readonly HookDefinition[]): void {
    const hooks = new Map<EventType, HookDefinition[]>()
    // Those of one priority start as they stand in the file: the sort is stable.
    const enabled = definitions.filter(({ enabled }) => enabled).sort((a, b) => b.priority - a.priority)
    for (const hook of enabled)
      for (const type of hook.types) hooks.set(type, [...(hooks.get(type) ?? []), hook])
    this.#hooks = hooks
    if (this.#started) this.#listen()
    for (const { name, event, command, workingDir, enabled } of definitions)
      this.#parts.log.info('hook', { hook: name, event, command, working_dir: workingDir, enabled })
  }

  get runs(): HookRuns {
    const { history, running, waiting, dropped } = this.#runner
    return { runs: history.runs, running, waiting, dropped }
  }

  /** Hears no more events. What runs has `graceMs` to finish, and is ended then; resolves once it is gone. */
  async close(graceMs: number): Promise<void> {
    this.#parts.bus.flush()
    this.#started = false
    this.#silence()
    await this.#runner.close(graceMs)
  }

  /** Only to what has hooks: other events cost nothing. */
  #listen(): void {
    this.#silence()
    for (const [type, hooks] of this.#hooks)
      this.#offs.push(this.#parts.bus.on(type, (event) => this.#runner.offer(hooks, event)))
  }

  #silence(): void {
    for (const off of this.#offs.splice(0)) off()
  }
}
