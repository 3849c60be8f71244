/** What callers saw against what the gateway wrote down: each exchange ends once, and for both in the same way. */
import { assertNever } from '../../shared/errors.js'
import type { Call } from './chaos-caller.js'

/** Of a line of the access log, or of any other. */
interface Entry {
  readonly level: string
  readonly msg: string
  readonly request_id?: string
  readonly status?: number
  readonly code?: string
  readonly moves?: number
}

export interface Accounts {
  readonly breaches: readonly string[]
  readonly moves: number
}

/** When no gateway listened: from a signal to the next one's first word. */
export interface Outage {
  readonly from: number
  readonly to: number
  /** It ended with lines that were not out. */
  readonly killed: boolean
}

export function balance(calls: readonly Call[], log: string, outages: readonly Outage[]): Accounts {
  const breaches: string[] = []
  const lines = new Map<string, Entry>()
  const known = new Set(calls.map(({ id }) => id))
  let moves = 0
  for (const line of log.split('\n')) {
    // One that was killed leaves half a line.
    if (!line.startsWith('{') || !line.endsWith('}')) continue
    const entry = JSON.parse(line) as Entry
    if (entry.level === 'error') breaches.push(`the gateway logged ${line}`)
    if (entry.msg !== 'request' || entry.request_id === undefined || !known.has(entry.request_id)) continue
    if (lines.has(entry.request_id)) breaches.push(`${entry.request_id}: ended twice at the gateway`)
    lines.set(entry.request_id, entry)
    moves += entry.moves ?? 0
  }
  for (const call of calls) {
    const during = outages.filter(({ from, to }) => call.startedAt < to && call.startedAt + call.ms > from)
    const fault = faultOf(call, lines.get(call.id), during)
    if (fault !== undefined)
      breaches.push(`${call.ask.key}: ${fault} (${call.id}, ${JSON.stringify(call.ending)})`)
  }
  return { breaches, moves }
}

function faultOf({ ending }: Call, entry: Entry | undefined, during: readonly Outage[]): string | undefined {
  if (entry === undefined) {
    // One that left may have done so before it was heard.
    if (ending.kind === 'left' || during.some(({ killed }) => killed)) return undefined
    return ending.kind === 'broken' && during.length > 0 ? undefined : 'the gateway does not know of it'
  }
  switch (ending.kind) {
    case 'answer':
      if (entry.status === ending.status && entry.code === ending.code) return undefined
      return `the gateway ended it with ${entry.status} ${entry.code}`
    case 'cut':
    case 'broken':
      // An error that comes before the upload is through may be lost with the connection.
      return entry.code !== undefined || during.length > 0 ? undefined : 'the gateway ended it well'
    case 'left':
    case 'hung':
      return undefined
    default:
      return assertNever(ending)
  }
}
