/** Two ways to make requests: as many at a time, or so many a second whatever becomes of them. */

/** Keeps `width` of `one` going until it says that there is no more. */
export async function closedLoop(width: number, one: () => Promise<unknown> | undefined): Promise<void> {
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let work = one(); work !== undefined; work = one()) await work
    }),
  )
}

const TICK_MS = 10

/** Begins `rate` a second until it is stopped. A late tick makes up for what it missed. */
export class OpenLoop {
  readonly #all: Promise<unknown>[] = []
  readonly #timer: NodeJS.Timeout

  constructor(rate: number, one: () => Promise<unknown>) {
    const startedAt = performance.now()
    let begun = 0
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1000) * rate
      for (; begun < due; begun++) this.#all.push(one())
    }, TICK_MS)
  }

  /** Begins no more, and waits for those that were begun. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#all)
  }
}

/** The value below which the share `q` of `samples` lies. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}
