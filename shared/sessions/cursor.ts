/** Where a list goes on: opaque to callers. */
import { Problem } from '../errors.js'

export const cursorOf = (row: number): string => Buffer.from(String(row)).toString('base64url')

/** @throws Problem `bad_request` */
export function rowOf(cursor: string): number {
  const row = Number(Buffer.from(cursor, 'base64url').toString())
  if (Number.isSafeInteger(row) && row > 0) return row
  throw new Problem('bad_request', `cursor ${JSON.stringify(cursor)} is none that a list gave`)
}
