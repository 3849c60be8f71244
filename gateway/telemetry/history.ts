/** The last quarter of an hour in steps of 10 s, for plots: what was served, how fast, and what went wrong. */
import type { ProblemCode } from '../../shared/errors.js'
import type { Ended } from '../edge/ended.js'

export const STEP_MS = 10_000
const STEPS = 90

/** Log-scale counters of durations: 8 steps per doubling from 0.1 ms, so that a percentile is 5 % off at the most. */
const FIRST = 0.1
const PER_DOUBLING = 8
const BINS = 20 * PER_DOUBLING

export interface Point {
  /** When the step began. */
  time: string
  requests: number
  errors: Partial<Record<ProblemCode, number>>
  /** Of the requests that ended in the step, from head to head: streams last as long as they like. Milliseconds. */
  p50_ms: number | null
  p95_ms: number | null
  p99_ms: number | null
  bytes_in: number
  bytes_out: number
}

interface Step {
  /** Of the clock, divided by `STEP_MS`. */
  at: number
  requests: number
  bytesIn: number
  bytesOut: number
  errors: Partial<Record<ProblemCode, number>>
  readonly bins: Uint32Array
}

export class History {
  readonly #steps: Step[] = []
  readonly #clock: () => number

  /** `clock`: milliseconds since the epoch. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  add({ duration, firstByte, bytesIn, bytesOut, code }: Ended): void {
    const step = this.#now()
    step.requests++
    step.bytesIn += bytesIn
    step.bytesOut += bytesOut
    if (code !== undefined && code !== 'aborted') step.errors[code] = (step.errors[code] ?? 0) + 1
    const ms = firstByte ?? duration
    const bin = ms <= FIRST ? 0 : Math.ceil(Math.log2(ms / FIRST) * PER_DOUBLING)
    step.bins[Math.min(BINS - 1, bin)]!++
  }

  /** Oldest first; steps without a request are told as such. The last one has only begun. */
  points(): Point[] {
    const last = Math.floor(this.#clock() / STEP_MS)
    const known = new Map(this.#steps.map((step) => [step.at, step]))
    return Array.from({ length: STEPS }, (_, i) => point(last - STEPS + 1 + i, known))
  }

  /** Requests and errors of the last whole minute or less. */
  lastMinute(): { requests: number; errors: number; bytesIn: number; bytesOut: number } {
    const since = Math.floor(this.#clock() / STEP_MS) - 6
    const sum = { requests: 0, errors: 0, bytesIn: 0, bytesOut: 0 }
    for (const { at, requests, errors, bytesIn, bytesOut } of this.#steps) {
      if (at < since || at >= since + 6) continue
      sum.requests += requests
      sum.bytesIn += bytesIn
      sum.bytesOut += bytesOut
      for (const count of Object.values(errors)) sum.errors += count
    }
    return sum
  }

  #now(): Step {
    const at = Math.floor(this.#clock() / STEP_MS)
    const newest = this.#steps.at(-1)
    if (newest !== undefined && newest.at >= at) return newest
    const bins = this.#steps.length >= STEPS ? this.#steps.shift()!.bins.fill(0) : new Uint32Array(BINS)
    const step = { at, requests: 0, bytesIn: 0, bytesOut: 0, errors: {}, bins }
    this.#steps.push(step)
    return step
  }
}

function point(at: number, known: ReadonlyMap<number, Step>): Point {
  const step = known.get(at)
  const percentile = (share: number): number | null => (step === undefined ? null : valueAt(step, share))
  return {
    time: new Date(at * STEP_MS).toISOString(),
    requests: step?.requests ?? 0,
    errors: step?.errors ?? {},
    p50_ms: percentile(0.5),
    p95_ms: percentile(0.95),
    p99_ms: percentile(0.99),
    bytes_in: step?.bytesIn ?? 0,
    bytes_out: step?.bytesOut ?? 0,
  }
}

function valueAt({ bins, requests }: Step, share: number): number | null {
  let left = Math.max(1, Math.ceil(share * requests))
  const bin = bins.findIndex((count) => (left -= count) <= 0)
  return bin < 0 ? null : Number((FIRST * 2 ** ((bin - 0.5) / PER_DOUBLING)).toPrecision(3))
}
