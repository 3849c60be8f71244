import type { Reading } from './figure.js'
import { cpuNs, rss } from './kernel.js'
import type { Member } from './service.js'

const MIB = 1024 * 1024

/** Reads what processes have run between its making and its reading. Those of one name count together. */
export class Meter {
  readonly #groups: readonly {
    readonly name: string
    readonly pids: readonly number[]
    readonly before: number
  }[]

  constructor(members: readonly Member[]) {
    const names = [...new Set(members.map(({ name }) => name))]
    this.#groups = names.map((name) => {
      const pids = members.filter((member) => member.name === name).map(({ pid }) => pid)
      return { name, pids, before: sum(pids, cpuNs) }
    })
  }

  /** CPU by unit of work, and memory, of each. */
  read(units: number, unit: string): Reading[] {
    const cpu = this.#groups.map(({ name, pids, before }) =>
      cpuReading(name, sum(pids, cpuNs) - before, units, unit),
    )
    const memory = this.#groups.map(({ name, pids }) => ({
      name: `${name} RSS`,
      unit: 'MiB',
      value: sum(pids, rss) / MIB,
    }))
    return [...cpu, ...memory]
  }
}

const sum = (pids: readonly number[], read: (pid: number) => number): number =>
  pids.reduce((total, pid) => total + read(pid), 0)

/** The generator's own CPU, and how much of a core that is: a full one measures the generator. */
export const loadReadings = (ns: number, seconds: number, units: number, unit: string): Reading[] => [
  cpuReading(LOAD, ns, units, unit),
  { name: LOAD_SHARE, unit: '% of a core', value: ns / 1e7 / seconds },
]

const LOAD = 'load'
export const LOAD_SHARE = 'load share'
/** Above this median share of a core a report warns. */
export const LOAD_LIMIT = 80

function cpuReading(name: string, ns: number, units: number, unit: string): Reading {
  return { name: `${name} CPU`, unit: `µs/${unit}`, value: ns / 1000 / units }
}
