/** The options of a gateway that runs, and how new ones get into its parts. */
import { isDeepStrictEqual } from 'node:util'
import { flagName, type Specs } from '../../shared/option-spec.js'
import { type GatewayOptions, gatewayOptions } from '../options.js'

/** What a part would do to take new options up. */
export interface Prepared {
  /** What is new beside the options themselves, such as `hooks` or `certificates`; told to who asked. */
  readonly changed: readonly string[]
  /** Must not fail. */
  apply(): void
}

/**
 * Reads and checks what a part needs for new options, files included, and changes nothing yet. A throw refuses the
 * reload as a whole. Undefined: nothing to do. Called on every reload, as files change under options that do not.
 */
export type Follower = (options: GatewayOptions) => Prepared | undefined | Promise<Prepared | undefined>

/** What came of a reload; options by their names in the file. */
export interface Applied {
  readonly changed: readonly string[]
  /** Read and good, but the running gateway keeps what it has until it is started anew. */
  readonly restart: readonly string[]
}

const SPECS: Specs = gatewayOptions.specs
const KEYS = Object.keys(SPECS) as (keyof GatewayOptions)[]

export class LiveOptions {
  #current: GatewayOptions
  readonly #followers: Follower[] = []
  /** One at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: GatewayOptions) {
    this.#current = options
  }

  get current(): GatewayOptions {
    return this.#current
  }

  /**
   * An object made of options whose members are kept up to date in place: who holds it reads them at use, which costs
   * no more than before, or copies them for what must not change under way.
   */
  settings<T extends object>(make: (options: GatewayOptions) => T): T {
    const made = make(this.#current)
    this.follow((options) => ({ changed: [], apply: () => void Object.assign(made, make(options)) }))
    return made
  }

  /** All options, kept up to date, with facts beside them that stay. */
  with<T extends object>(facts: T): GatewayOptions & T {
    return this.settings((options) => ({ ...options, ...facts }))
  }

  /** `follower` is part of every reload from now on. */
  follow(follower: Follower): void {
    this.#followers.push(follower)
  }

  /** Takes up what can be: all of it or, where a part throws, nothing. */
  take(next: GatewayOptions): Promise<Applied> {
    const taken = this.#turn.then(() => this.#take(next))
    this.#turn = taken.catch(() => {})
    return taken
  }

  async #take(next: GatewayOptions): Promise<Applied> {
    const different = KEYS.filter((key) => !isDeepStrictEqual(next[key], this.#current[key]))
    const live = different.filter((key) => SPECS[key]!.live)
    const options = { ...this.#current, ...Object.fromEntries(live.map((key) => [key, next[key]])) }
    const prepared: Prepared[] = []
    for (const follower of this.#followers) prepared.push((await follower(options)) ?? NOTHING)
    this.#current = options
    for (const part of prepared) part.apply()
    return {
      changed: [...live.map(flagName), ...prepared.flatMap(({ changed }) => changed)],
      restart: different.filter((key) => !SPECS[key]!.live).map(flagName),
    }
  }
}

const NOTHING: Prepared = { changed: [], apply() {} }
