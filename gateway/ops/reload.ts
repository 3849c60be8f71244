import type { Logger } from '../../shared/log.js'
import { UsageError } from '../../shared/options.js'
import { ControlError } from '../control/verbs.js'
import type { GatewayOptions, LoadedGateway } from '../options.js'
import { type Setting, settingsOf } from './in-force.js'
import type { Applied } from './live.js'

/** A gateway, as far as a reload goes. */
export interface Reloadable {
  reload(options: GatewayOptions): Promise<Applied>
}

export interface ReloadParts {
  readonly gateway: Reloadable
  readonly loaded: LoadedGateway
  /** Reads flags, environment and file anew; throws `UsageError`. */
  readonly again: () => LoadedGateway
  readonly log: Logger
}

/** Reads the sources of a running gateway anew and hands them over; knows what is in force and where it came from. */
export class Reloader {
  readonly #parts: ReloadParts
  #settings: readonly Setting[]

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#settings = settingsOf(parts.loaded)
  }

  /** What is in force. */
  get settings(): readonly Setting[] {
    return this.#settings
  }

  /** Throws `ControlError` with every mistake, one a line, where a file is bad: then nothing has changed. */
  async reload(): Promise<Applied> {
    const { gateway, again, log } = this.#parts
    try {
      const loaded = again()
      const applied = await gateway.reload(loaded.values)
      this.#settings = settingsOf(loaded).map((setting) =>
        applied.restart.includes(setting.name) ? this.#kept(setting) : setting,
      )
      // Whatever the level: who changed the level to `error` still sees that it was taken up.
      log.notice('configuration reloaded', { changed: applied.changed, needs_restart: applied.restart })
      return applied
    } catch (error) {
      const mistakes = error instanceof UsageError ? error.mistakes : [(error as Error).message]
      log.error('configuration not reloaded: what runs stays as it was', { mistakes })
      throw new ControlError('bad_configuration', mistakes.join('\n'), { cause: error })
    }
  }

  #kept(setting: Setting): Setting {
    return this.#settings.find(({ name }) => name === setting.name) ?? setting
  }
}
