/** Who comes to a proxied route without a credential for the gateway, and is let in all the same. */
import { getField } from '../../shared/headers.js'
import type { Selector } from '../agents/selector.js'
import type { RequestHead } from '../edge/engine.js'
import type { Tell } from '../events/event.js'
import type { Guard } from './guard.js'
import { Guest } from './guest.js'
import type { PublicTunnels } from './public-tunnels.js'

export class Guests {
  readonly #tunnels: PublicTunnels
  readonly #guard: Guard
  readonly #tell: Tell

  /** `tell` hears of wrong passwords. */
  constructor(tunnels: PublicTunnels, guard: Guard, tell: Tell) {
    this.#tunnels = tunnels
    this.#guard = guard
    this.#tell = tell
  }

  /**
   * Under `--auth none`, where everybody is let in: a guest for the guards of the agents to ask, as long as any of
   * them asks for something.
   */
  ofOpen(head: RequestHead): Guest | undefined {
    return this.#tunnels.guarded === 0 ? undefined : this.#guest(head, true)
  }

  /**
   * With authentication. `tunnel`: what the route itself names, by id or name, selector fields left aside; none under
   * `/forward`, which is never public.
   * @returns undefined where a credential is to be asked for: the tunnel is not public, `gw-authorization` is there,
   * or the guard refused and `authorization` may be the credential of an operator instead.
   * @throws Problem `unauthorized`, `forbidden` or `rate_limited` where the guard refused and that is all there is.
   */
  admit(head: RequestHead, tunnel: Pick<Selector, 'tunnelId' | 'name'> | undefined): Guest | undefined {
    const guards = tunnel && this.#tunnels.guards(tunnel)
    if (guards === undefined || getField(head.headers, 'gw-authorization') !== undefined) return undefined
    const guest = this.#guest(head, false)
    const problem = guest.refusal(guards)
    if (problem === undefined) return guest
    const brought = getField(head.headers, 'authorization') !== undefined
    if (brought && !guest.wrong && problem.code !== 'rate_limited') return undefined
    throw problem
  }

  #guest(head: RequestHead, open: boolean): Guest {
    const { attempts } = this.#guard
    const authorization = getField(head.headers, 'authorization')
    const address = this.#guard.addressOf(head)
    return new Guest({ address, authorization, attempts, tell: this.#tell, open })
  }
}
