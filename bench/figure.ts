/** One number that a round gave, for one subject. */
export interface Reading {
  readonly name: string
  readonly unit: string
  readonly value: number
}

/** The same number over all rounds. */
export interface Figure {
  readonly subject: string
  readonly name: string
  readonly unit: string
  /** Undefined where the subject did not finish that round. */
  readonly rounds: readonly (number | undefined)[]
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export function spread(rounds: readonly (number | undefined)[]): Spread | undefined {
  const sorted = rounds.filter((value) => value !== undefined).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [min, max, upper] = [sorted[0], sorted.at(-1), sorted[middle]]
  if (min === undefined || max === undefined || upper === undefined) return undefined
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper
  return { min, median: (lower + upper) / 2, max }
}

/** Of ascending values; 0 of none. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

/** Figures as rounds fill them. */
export class Figures {
  readonly #byKey = new Map<
    string,
    { subject: string; name: string; unit: string; rounds: (number | undefined)[] }
  >()

  add(subject: string, round: number, readings: readonly Reading[]): void {
    for (const { name, unit, value } of readings) {
      const key = keyOf(subject, name)
      const figure = this.#byKey.get(key) ?? { subject, name, unit, rounds: [] }
      while (figure.rounds.length < round) figure.rounds.push(undefined)
      figure.rounds[round] = value
      this.#byKey.set(key, figure)
    }
  }

  list(): Figure[] {
    return [...this.#byKey.values()]
  }

  get(key: string): Figure | undefined {
    return this.#byKey.get(key)
  }
}

/** How scenarios name a figure: `subject/figure`. */
const keyOf = (subject: string, name: string): string => `${subject}/${name}`

/** Two sums of figures compared within each round: only there were both sides equally disturbed. */
export interface Comparison {
  readonly kind: 'ratio' | 'added'
  readonly name: string
  readonly better: 'lower' | 'higher'
  readonly over: readonly string[]
  readonly under: readonly string[]
}

/** How scenarios name the figures that comparisons give: `ratio/NAME` and `added/NAME`. */
export const RATIO = 'ratio'
export const ADDED = 'added'

export function ratio(
  name: string,
  better: 'lower' | 'higher',
  over: readonly string[],
  under: readonly string[],
): Comparison {
  return { kind: RATIO, name, better, over, under }
}

/** What the first figure has beyond the second, in its unit. */
export const added = (name: string, over: string, under: string): Comparison => ({
  kind: ADDED,
  name,
  better: 'lower',
  over: [over],
  under: [under],
})

/** Nothing where a side is missing: an absent reference has no ratio. */
export function comparisonFigure(comparison: Comparison, figures: Figures): Figure | undefined {
  const { kind, name } = comparison
  const over = comparison.over.map((key) => figures.get(key))
  const under = comparison.under.map((key) => figures.get(key))
  const length = Math.max(0, ...[...over, ...under].map((figure) => figure?.rounds.length ?? 0))
  const rounds = Array.from({ length }, (_, round) => {
    const [top, bottom] = [sumAt(over, round), sumAt(under, round)]
    if (top === undefined || bottom === undefined) return undefined
    if (kind === ADDED) return top - bottom
    return bottom > 0 ? top / bottom : undefined
  })
  if (rounds.every((value) => value === undefined)) return undefined
  return { subject: kind, name, unit: kind === RATIO ? '×' : (over[0]?.unit ?? ''), rounds }
}

function sumAt(figures: readonly (Figure | undefined)[], round: number): number | undefined {
  let sum = 0
  for (const figure of figures) {
    const value = figure?.rounds[round]
    if (value === undefined) return undefined
    sum += value
  }
  return sum
}
