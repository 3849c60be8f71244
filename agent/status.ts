/** The live screen on a terminal: what the agent is, whether it is reached, and what it served last. */

import type { Exchange } from './exchange.js'
import { pathOf } from './exchange-log.js'
import { Latency } from './latency.js'
import type { AgentObserver } from './settings.js'

export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export function wantsScreen(terminal: Terminal, env: Readonly<Record<string, string | undefined>>): boolean {
  return terminal.isTTY === true && !env.CI && env.TERM !== 'dumb'
}

/** Milliseconds between two drawings. */
const REDRAW = 200
const LAST_REQUESTS = 8
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
/** From the cursor to the end of the screen. */
const CLEAR_BELOW = '\x1b[J'

interface Tunnel {
  readonly id: string
  readonly answers: string
  readonly links: Set<number>
  urls: readonly string[]
  /** Why it is not connected. */
  trouble: string
}

export class StatusScreen {
  readonly #terminal: Terminal
  readonly #gateway: string
  readonly #inspector: string | undefined
  readonly #tunnels: Tunnel[] = []
  readonly #latency = new Latency()
  #requests: string[] = []
  #total = 0
  #failed = 0
  #inFlight = 0
  /** Lines of the last drawing, which the next one covers. */
  #height = 0
  #timer: NodeJS.Timeout | undefined
  readonly #restore = (): void => void this.#terminal.write(SHOW_CURSOR)

  /** `inspector`: the URL of its page. */
  constructor(terminal: Terminal, gateway: string, inspector?: string) {
    this.#terminal = terminal
    this.#gateway = gateway
    this.#inspector = inspector
    process.once('exit', this.#restore)
    terminal.write(HIDE_CURSOR)
  }

  /** What the agent of this tunnel tells is shown. */
  tunnel(id: string, answers: string): AgentObserver {
    const tunnel: Tunnel = { id, answers, links: new Set(), urls: [], trouble: '' }
    this.#tunnels.push(tunnel)
    this.#changed()
    return {
      connected: (link, urls) => {
        tunnel.links.add(link)
        tunnel.urls = urls
        this.#changed()
      },
      disconnected: (link, reason, retryIn) => {
        tunnel.links.delete(link)
        tunnel.trouble = `${reason}; trying again in ${(retryIn / 1000).toFixed(1)} s`
        this.#changed()
      },
      began: (exchange) => {
        exchange.startedAt = performance.now()
        this.#inFlight++
        this.#changed()
      },
      ended: (exchange) => this.#ended(exchange),
    }
  }

  /** Log lines stand above the screen. */
  print(lines: string): void {
    this.#erase()
    this.#terminal.write(lines)
    this.#draw()
  }

  /** Leaves the last drawing and gives the cursor back. */
  close(): void {
    clearTimeout(this.#timer)
    this.#erase()
    this.#draw()
    process.off('exit', this.#restore)
    this.#restore()
  }

  #ended(exchange: Exchange): void {
    const took = performance.now() - exchange.startedAt
    this.#inFlight--
    this.#total++
    const { outcome, method, status } = exchange
    // How long a WebSocket was open says nothing of how fast anything is.
    if (status !== 101) this.#latency.add(took)
    if (outcome.kind === 'failed') this.#failed++
    const result = outcome.kind === 'answered' ? String(status) : outcome.kind
    this.#requests.push(
      `${result.padEnd(8)}${`${took.toFixed(1)} ms`.padStart(12)}  ${method} ${pathOf(exchange)}`,
    )
    if (this.#requests.length > LAST_REQUESTS) this.#requests.shift()
    this.#changed()
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#erase()
      this.#draw()
    }, REDRAW)
  }

  #erase(): void {
    if (this.#height > 0) this.#terminal.write(`\x1b[${this.#height}A\r${CLEAR_BELOW}`)
    this.#height = 0
  }

  #draw(): void {
    const width = Math.max(20, this.#terminal.columns ?? 80)
    const lines = this.#lines().map((line) => fit(line, width - 1))
    this.#terminal.write(`${lines.join('\n')}\n`)
    this.#height = lines.length
  }

  #lines(): string[] {
    const p50 = this.#latency.percentile(0.5)
    const p90 = this.#latency.percentile(0.9)
    return [
      '',
      `gateway   ${this.#gateway}`,
      ...this.#tunnels.flatMap(({ id, answers, links, urls, trouble }) => [
        `tunnel    ${id}`,
        `state     ${links.size > 0 ? 'connected' : trouble === '' ? 'connecting' : `not connected: ${trouble}`}`,
        ...(links.size > 0 ? urls : []).map((url) => `reach     ${url}`),
        `answers   ${answers}`,
      ]),
      ...(this.#inspector === undefined ? [] : [`inspect   ${this.#inspector}`]),
      `requests  ${this.#total}, ${this.#failed} failed, ${this.#inFlight} in flight`,
      ...(this.#total > 0 ? [`latency   p50 ${p50.toFixed(1)} ms, p90 ${p90.toFixed(1)} ms`, ''] : []),
      ...this.#requests,
    ]
  }
}

/** One line of a terminal: no control characters, whatever a caller sent, and no more than its width. */
function fit(text: string, width: number): string {
  const plain = text.replace(
    /[^\x20-\x7e]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return plain.length <= width ? plain : `${plain.slice(0, width - 1)}…`
}
