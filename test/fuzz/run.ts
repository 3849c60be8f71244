/** Case after case, on several pairs of lanes at once, for so long. */
import { setTimeout as wait } from 'node:timers/promises'
import { BRISK, Lane, PATIENT, type Patience } from './ground.js'
import { isHang, judge, type Pair, type Verdict } from './judge.js'
import { type Input, inputOf } from './material.js'
import { type Reading, readStrictly } from './strict.js'

/** The longest that a caller may be left without an answer and without the end of its connection. */
const HANG_MS = 15_000

/** Connections to an origin that an agent may keep for one caller at a time. */
const KEPT_MAX = 8

export interface Finding {
  readonly number: number
  readonly what: readonly string[]
}

export interface Report {
  cases: number
  /** Cases by the limit that told the engines apart. */
  readonly limits: Map<string, number>
  readonly findings: Finding[]
}

export interface Plan {
  readonly seed: number
  /** Milliseconds. */
  readonly time: number
  /** One case alone. */
  readonly number?: number | undefined
  /** Pairs of lanes. */
  readonly width: number
  /** Cases at the most. */
  readonly most?: number
  /** Callers without an answer are waited for. */
  readonly linger: boolean
  /** Gets each case as it went. */
  readonly shown?: ((played: Played) => void) | undefined
}

interface Lanes {
  readonly uws: Lane
  readonly node: Lane
}

export interface Played extends Verdict {
  readonly reading: Reading
  readonly pair: Pair
}

async function play(input: Input, { uws, node }: Lanes, patience: Patience, linger: number): Promise<Played> {
  const reading = readStrictly(Buffer.concat(input.pieces))
  const methods = reading.requests.map(({ method }) => method)
  const [mine, other] = await Promise.all(
    [uws, node].map((lane) => lane.play(input, methods, patience, linger)),
  )
  const pair = { uws: mine!, node: other! }
  return { ...judge(input, reading, pair), reading, pair }
}

export async function fuzz(plan: Plan): Promise<Report> {
  const report: Report = { cases: 0, limits: new Map(), findings: [] }
  const until = performance.now() + plan.time
  const first = plan.number ?? 0
  const end = plan.number === undefined ? (plan.most ?? Number.POSITIVE_INFINITY) : first + 1
  let next = first
  const pairs = await Promise.all(
    Array.from({ length: plan.width }, async () => ({
      uws: await Lane.start('uws'),
      node: await Lane.start('node'),
    })),
  )
  await Promise.all(
    pairs.map(async (lanes) => {
      while (next < end && performance.now() < until) {
        const number = next++
        const input = inputOf(plan.seed, number)
        let verdict = await play(input, lanes, BRISK, 0)
        // A busy moment is no finding: what stands is found again by one who waits.
        if (verdict.findings.length > 0) {
          await wait(PATIENT.ms)
          verdict = await play(input, lanes, PATIENT, 0)
        }
        if (plan.linger && verdict.findings.some(isHang)) verdict = await play(input, lanes, PATIENT, HANG_MS)
        const errors = [lanes.uws, lanes.node].flatMap((lane) => lane.errors.splice(0))
        const what = [...verdict.findings, ...errors.map((line) => `logged: ${line.trim()}`)]
        if (what.length > 0) report.findings.push({ number, what })
        if (verdict.limit !== undefined)
          report.limits.set(verdict.limit, (report.limits.get(verdict.limit) ?? 0) + 1)
        report.cases++
        plan.shown?.(verdict)
      }
    }),
  )
  await wait(PATIENT.ms)
  for (const { connections } of pairs.flatMap(({ uws, node }) => [uws, node]))
    if (connections > KEPT_MAX)
      report.findings.push({ number: next, what: [`${connections} connections stay`] })
  await Promise.all(pairs.flatMap(({ uws, node }) => [uws.stop(), node.stop()]))
  return report
}
