import { readFileSync, writeFileSync } from 'node:fs'
import type { Facts } from './facts.js'
import { spread } from './figure.js'
import type { Result } from './run.js'

/** What a run leaves behind: on what it was made, and every figure of every round. */
export interface Records {
  readonly facts: Facts
  readonly scenarios: readonly Result[]
}

/** With min, median and max beside the rounds, for those who read them with other programs. */
export function writeRecords(file: string, { facts, scenarios }: Records): void {
  const withSpreads = scenarios.map((result) => ({
    ...result,
    figures: result.figures.map((figure) => ({ ...figure, ...spread(figure.rounds) })),
  }))
  writeFileSync(file, `${JSON.stringify({ facts, scenarios: withSpreads }, null, 1)}\n`)
}

/** A round without a figure is null in the file. */
export function readRecords(file: string): Records {
  const records = JSON.parse(readFileSync(file, 'utf8'), (_, value) => value ?? undefined) as Records
  if (!Array.isArray(records?.scenarios) || records.facts === undefined) {
    throw new Error(`${file} is no result of a benchmark`)
  }
  return records
}
