/** Heads of requests, and what work on them comes to. */
import type { RequestHead } from '../../gateway/edge/engine.js'
import { Problem } from '../../shared/errors.js'

export const requestHead = (headers: string[] = [], target = '/', method = 'GET'): RequestHead => ({
  method,
  target,
  headers,
  remoteAddress: '192.0.2.1',
  secure: false,
})

/** What `work` gives, or the code of the problem that it throws. */
export function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

/** The code and the detail of the Problem that `work` throws. */
export function problem(work: () => unknown): [code: string, detail: string] {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return [error.code, error.message]
    throw error
  }
  return ['none', '']
}

/** Fields by name; the values of a repeated one with ` | ` between. */
export function flat(list: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < list.length; i += 2) {
    const [name, value] = [list[i]!, list[i + 1]!]
    record[name] = record[name] === undefined ? value : `${record[name]} | ${value}`
  }
  return record
}
