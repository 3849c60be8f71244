import type { Reading } from './figure.js'
import { cpuNs, rss } from './kernel.js'
import type { Member } from './service.js'

const MIB = 1024 * 1024

/** Reads what processes have run between its making and its reading. */
export class Meter {
  readonly #members: readonly Member[]
  readonly #before: readonly number[]

  constructor(members: readonly Member[]) {
    this.#members = members
    this.#before = members.map((member) => cpuNs(member.pid))
  }

  /** CPU by unit of work, and memory, of each process. */
  read(units: number, unit: string): Reading[] {
    const cpu = this.#members.map((member, n) =>
      cpuReading(member.name, cpuNs(member.pid) - (this.#before[n] ?? 0), units, unit),
    )
    const memory = this.#members.map((member) => ({
      name: `${member.name} RSS`,
      unit: 'MiB',
      value: rss(member.pid) / MIB,
    }))
    return [...cpu, ...memory]
  }
}

export function cpuReading(name: string, ns: number, units: number, unit: string): Reading {
  return { name: `${name} CPU`, unit: `µs/${unit}`, value: ns / 1000 / units }
}
