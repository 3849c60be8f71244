/** What keeps a gateway from serving well, as `GET /readyz` tells it. */

/** Milliseconds: a gateway whose loop is as late as this is not ready. */
const LATE = 200

export interface Vitals {
  /** How late the event loop is; milliseconds. */
  lag(): number
  /** By name, whether each store that is in use answers. */
  stores(): Readonly<Record<string, boolean>>
}

/** Sentences; none where all is well. */
export function faultsOf({ lag, stores }: Vitals): string[] {
  const late = lag()
  return [
    ...(late >= LATE ? [`the event loop is ${Math.round(late)} ms late`] : []),
    ...Object.entries(stores()).flatMap(([name, answers]) =>
      answers ? [] : [`the store of ${name} does not answer`],
    ),
  ]
}
