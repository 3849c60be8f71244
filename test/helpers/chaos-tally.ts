/** What a run has seen: how requests ended, and which invariants broke. */
import { assertNever } from '../../shared/errors.js'
import type { Call, Ending } from './chaos-caller.js'
import type { OriginReport } from './chaos-origin.js'

/** Codes that the contract names for what faults do to a request. */
const CODES: Readonly<Record<number, readonly string[]>> = {
  502: ['upstream_unreachable', 'agent_error', 'agent_disconnected'],
  503: ['no_agent', 'overloaded', 'draining'],
  504: ['response_timeout', 'idle_timeout'],
}
/** With these, nothing reached an upstream. */
const UNSENT: readonly (string | undefined)[] = ['no_agent', 'overloaded']

export class Tally {
  readonly breaches: string[] = []
  readonly figures: string[] = []
  readonly calls: Call[] = []
  readonly endings = new Map<string, number>()
  started = 0
  ended = 0

  breach(sentence: string): void {
    this.breaches.push(sentence)
  }

  figure(sentence: string): void {
    this.figures.push(sentence)
  }

  /** Counts `made` and checks what its caller saw. @returns the same. */
  async count(made: Promise<Call>): Promise<Call> {
    this.started++
    const call = await made
    this.ended++
    const { ask, ending, breaches, id } = call
    this.breaches.push(...breaches)
    this.calls.push(call)
    const name = nameOf(ending)
    this.endings.set(name, (this.endings.get(name) ?? 0) + 1)
    if (ending.kind === 'hung') this.breach(`${ask.key}: nothing within its bound (${id})`)
    if (
      ending.kind === 'answer' &&
      ending.status !== 200 &&
      !CODES[ending.status]?.includes(ending.code ?? '')
    )
      this.breach(`${ask.key}: an answer ${name} (${id})`)
    return call
  }

  /** How many ended so; all that begin with `name`. */
  of(name: string): number {
    let sum = 0
    for (const [other, count] of this.endings) if (other.startsWith(name)) sum += count
    return sum
  }

  /** Against what the origin wrote down. */
  settle(report: OriginReport): void {
    this.breaches.push(...report.breaches)
    if (this.started !== this.ended) this.breach(`${this.started} started, ${this.ended} ended`)
    const counts = new Map(report.posts)
    for (const [key, count] of counts)
      if (count > 1) this.breach(`${key}: POST reached the upstream ${count} times`)
    for (const { ask, ending } of this.calls) {
      const { key } = ask
      if (ask.method !== 'POST' || ending.kind !== 'answer') continue
      const count = counts.get(key) ?? 0
      if (ending.status === 200 && count !== 1)
        this.breach(`${key}: answered, and reached the upstream ${count} times`)
      if (UNSENT.includes(ending.code) && count > 0)
        this.breach(`${key}: ${ending.code}, and reached the upstream`)
    }
  }

  get summary(): string {
    const sorted = [...this.endings].sort(([a], [b]) => a.localeCompare(b))
    return `${this.started} requests: ${sorted.map(([name, count]) => `${name} ${count}`).join(', ')}`
  }
}

function nameOf(ending: Ending): string {
  switch (ending.kind) {
    case 'answer':
      return ending.status === 200 ? 'ok' : `${ending.status} ${ending.code}`
    case 'cut':
      return `cut ${ending.status}`
    case 'broken':
      return `broken ${ending.error}`
    case 'left':
    case 'hung':
      return ending.kind
    default:
      return assertNever(ending)
  }
}
