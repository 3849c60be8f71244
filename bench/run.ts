import { comparisonFigure, type Figure, Figures, spread } from './figure.js'
import { Absent, type Ground } from './ground.js'
import { startOrigin } from './origin.js'
import { isTimed, measure, needsFreshSubject, warm } from './round.js'
import type { Goal, Scenario } from './scenario.js'
import { checkService, closeService, type Service } from './service.js'
import { type SubjectName, startSubject, tryStart, usesOrigin } from './subject.js'
import type { Trial } from './trial.js'
import type { Build } from './tunnel.js'

export type Outcome =
  | { readonly kind: 'ran'; readonly name: SubjectName }
  | { readonly kind: 'absent'; readonly name: SubjectName; readonly reason: string }
  | { readonly kind: 'failed'; readonly name: SubjectName; readonly reason: string }

export interface Verdict {
  readonly goal: Goal
  /** Undefined: the figure was not measured. */
  readonly median: number | undefined
  readonly met: boolean
}

export interface Result {
  readonly name: string
  readonly about: string
  /** Undefined where the work, not the clock, ends a round. */
  readonly seconds: number | undefined
  readonly rounds: number
  /** Seconds from its beginning to its end, all told. */
  readonly took: number
  readonly outcomes: readonly Outcome[]
  readonly figures: readonly Figure[]
  readonly goals: readonly Verdict[]
  /** Figures that are drawn. */
  readonly plots: readonly string[]
}

export interface Settings {
  readonly build: Build
  readonly seconds: number
  readonly progress: (text: string) => void
}

interface Entry {
  readonly name: SubjectName
  service: Service
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Starts what a scenario compares, and measures each in turn, round by round. */
export async function runScenario(ground: Ground, scenario: Scenario, settings: Settings): Promise<Result> {
  try {
    return await new Run(ground, scenario, settings).result()
  } finally {
    await ground.clear()
  }
}

class Run {
  readonly #ground: Ground
  readonly #scenario: Scenario
  readonly #settings: Settings
  readonly #figures = new Figures()
  readonly #outcomes = new Map<SubjectName, Outcome>()
  #origin: Service | undefined

  constructor(ground: Ground, scenario: Scenario, settings: Settings) {
    this.#ground = ground
    this.#scenario = scenario
    this.#settings = settings
  }

  async result(): Promise<Result> {
    const { name, about, origin, rounds, work, comparisons, goals, plots } = this.#scenario
    const began = performance.now()
    this.#origin = await startOrigin(this.#ground, origin)
    const entries = await this.#start()
    for (let round = 0; round < rounds; round++) await this.#round(entries, round)
    this.#ground.check()
    const compared = comparisons.map((comparison) => comparisonFigure(comparison, this.#figures))
    const figures = [...this.#figures.list(), ...compared.filter((figure) => figure !== undefined)]
    return {
      name,
      about,
      seconds: isTimed(work) ? this.#seconds : undefined,
      rounds,
      took: Math.round((performance.now() - began) / 100) / 10,
      outcomes: [...this.#outcomes.values()],
      figures,
      goals: goals.map((goal) => judge(goal, figures)),
      plots,
    }
  }

  async #start(): Promise<Entry[]> {
    const entries: Entry[] = []
    for (const name of this.#scenario.subjects) {
      this.#ground.check()
      this.#settings.progress(`${this.#scenario.name}: starting ${name}`)
      const start = await tryStart(this.#ground, this.#settings.build, name, this.#origin)
      if (start.kind !== 'started') {
        this.#outcomes.set(name, start)
        continue
      }
      const entry: Entry = { name, service: start.service }
      this.#outcomes.set(name, { kind: 'ran', name })
      const warmed = await this.#attempt(entry, () => warm(this.#trial(entry), this.#scenario.work))
      if (warmed) entries.push(entry)
    }
    return entries
  }

  /** Every subject once, each round beginning with another one, so that a drift of the machine hits all alike. */
  async #round(entries: readonly Entry[], round: number): Promise<void> {
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(turn + round) % entries.length]
      if (!entry || this.#outcomes.get(entry.name)?.kind !== 'ran') continue
      this.#settings.progress(`${this.#scenario.name}: round ${round + 1}, ${entry.name}`)
      this.#ground.check()
      await this.#attempt(entry, async () => {
        if (round > 0 && needsFreshSubject(this.#scenario.work)) await this.#renew(entry)
        this.#figures.add(entry.name, round, await measure(this.#trial(entry), this.#scenario.work))
      })
    }
  }

  get #seconds(): number {
    return Math.max(this.#settings.seconds, this.#scenario.leastSeconds ?? 0)
  }

  #trial({ name, service }: Entry): Trial {
    return {
      ground: this.#ground,
      build: this.#settings.build,
      subject: service,
      origin: usesOrigin(name) ? this.#origin : undefined,
      seconds: this.#seconds,
    }
  }

  async #renew(entry: Entry): Promise<void> {
    await closeService(entry.service)
    entry.service = await startSubject(this.#ground, this.#settings.build, entry.name, this.#origin)
    await warm(this.#trial(entry), this.#scenario.work)
  }

  /** One subject's failure is its own; the others go on. A process that ended explains it best. */
  async #attempt(entry: Entry, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      checkService(entry.service)
      return true
    } catch (error) {
      if (error instanceof Absent) {
        this.#outcomes.set(entry.name, { kind: 'absent', name: entry.name, reason: error.message })
        return false
      }
      let reason = reasonOf(error)
      try {
        checkService(entry.service)
      } catch (ended) {
        reason = reasonOf(ended)
      }
      this.#outcomes.set(entry.name, { kind: 'failed', name: entry.name, reason })
      return false
    }
  }
}

function judge(goal: Goal, figures: readonly Figure[]): Verdict {
  const figure = figures.find(({ subject, name }) => `${subject}/${name}` === goal.figure)
  const median = figure && spread(figure.rounds)?.median
  switch (goal.kind) {
    case 'at-most':
      return { goal, median, met: median !== undefined && median <= goal.limit }
    case 'at-least':
      return { goal, median, met: median !== undefined && median >= goal.limit }
  }
}
