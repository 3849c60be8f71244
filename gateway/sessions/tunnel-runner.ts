/** Runs sessions on connected agents: finds one that declared `execute`, and keeps to it. */

import type { PolicyName } from '../../shared/policies.js'
import type { Runner, RunRequest } from '../../shared/sessions/runner.js'
import type { Dispatcher } from '../agents/dispatch.js'
import type { Registry } from '../agents/registry.js'
import { Departures } from './departures.js'
import { TunnelRun } from './tunnel-run.js'

export interface TunnelRunnerSettings {
  /** Where the session names none. */
  readonly policy: PolicyName
  /** Milliseconds after which an agent that is gone is gone for good, and another takes over. */
  readonly sessionFailover: number
}

export interface TunnelRunnerParts {
  readonly registry: Registry
  readonly dispatcher: Dispatcher
  readonly settings: TunnelRunnerSettings
  /** Milliseconds, monotonic. */
  now(): number
}

export class TunnelRunner implements Runner {
  readonly #parts: TunnelRunnerParts
  readonly #departures: Departures

  constructor(parts: TunnelRunnerParts) {
    this.#parts = parts
    this.#departures = new Departures(parts.registry, () => parts.now())
  }

  run(request: RunRequest): AsyncIterable<string> {
    const { dispatcher, settings } = this.#parts
    return new TunnelRun(request, { dispatcher, settings, departures: this.#departures })
  }

  close(): void {
    this.#departures.close()
  }
}
