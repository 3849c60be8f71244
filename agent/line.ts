/** Keeps one numbered link of an instance up: dials, dials again, lets links that the gateway leaves run dry. */
import { assertNever } from '../shared/errors.js'
import type { GoAway, Welcome } from '../shared/frames.js'
import { Link, type LinkOptions } from './link.js'
import { describeEnd, type LinkEnd } from './link-end.js'
import { type NextStep, Reconnect } from './reconnect.js'

export interface LineEvents {
  up(line: Line, welcome: Welcome): void
  /** Callers are not reached over this line until it is up again. `retryIn` in milliseconds. */
  down(line: Line, reason: string, retryIn: number): void
  /** It will not be up again. */
  refused(line: Line, reason: string): void
}

type State =
  | { readonly kind: 'dialling' | 'up'; readonly link: Link }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'stopped' }

export class Line {
  readonly number: number
  readonly #options: Omit<LinkOptions, 'events'>
  readonly #events: LineEvents
  readonly #reconnect = new Reconnect(Math.random)
  /** Every link that has not ended: the one of the state, and those that run dry. */
  readonly #links = new Set<Link>()
  #state: State
  #whenEmpty: (() => void)[] = []

  constructor(number: number, options: Omit<LinkOptions, 'events'>, events: LineEvents) {
    this.number = number
    this.#options = options
    this.#events = events
    this.#state = { kind: 'dialling', link: this.#dial() }
  }

  /** Dials no more, and resolves once every link has run dry. */
  close(message: string): Promise<void> {
    this.#stop()
    for (const link of [...this.#links]) link.drain(message)
    if (this.#links.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  /** Cuts every link. */
  destroy(): void {
    this.#stop()
    for (const link of [...this.#links]) link.destroy()
  }

  #stop(): void {
    if (this.#state.kind === 'waiting') clearTimeout(this.#state.timer)
    this.#state = { kind: 'stopped' }
  }

  #dial(): Link {
    const link: Link = new Link({
      ...this.#options,
      events: {
        ready: (welcome) => this.#ready(link, welcome),
        goingAway: (frame) => this.#goingAway(link, frame),
        ended: (end) => this.#ended(link, end),
      },
    })
    this.#links.add(link)
    return link
  }

  #ready(link: Link, welcome: Welcome): void {
    if (!this.#isCurrent(link)) return
    this.#reconnect.ready(performance.now())
    this.#state = { kind: 'up', link }
    this.#events.up(this, welcome)
  }

  #goingAway(link: Link, frame: GoAway): void {
    if (!this.#isCurrent(link)) return
    const step = this.#reconnect.goingAway(frame.delay, performance.now())
    this.#follow(step, `the gateway takes no more exchanges on the link: ${frame.message}`)
  }

  #ended(link: Link, end: LinkEnd): void {
    this.#links.delete(link)
    if (this.#isCurrent(link)) {
      this.#follow(this.#reconnect.ended(end, performance.now()), describeEnd(end))
    }
    if (this.#links.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  #follow(step: NextStep, reason: string): void {
    switch (step.kind) {
      case 'dial': {
        const redial = (): void => {
          this.#state = { kind: 'dialling', link: this.#dial() }
        }
        this.#state = { kind: 'waiting', timer: setTimeout(redial, step.delay) }
        this.#events.down(this, reason, Math.round(step.delay))
        return
      }
      case 'stop':
        this.#state = { kind: 'stopped' }
        this.#events.refused(this, step.reason)
        return
      default:
        assertNever(step)
    }
  }

  #isCurrent(link: Link): boolean {
    return 'link' in this.#state && this.#state.link === link
  }
}
