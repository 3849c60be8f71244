/** Durations and sizes as people write them: `500ms 30s 5m 1h 30d` and `64kb 10mb`; a bare number is ms or bytes. */

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['gb', 1024 ** 3],
  ['mb', 1024 ** 2],
  ['kb', 1024],
  ['b', 1],
]

/** A timer of Node that waits for more than 2³¹ − 1 ms fires at once; this is the last whole hour before. */
export const LONGEST_TIMER_MS = 596 * 3_600_000

/** Milliseconds, or undefined where `text` is not a duration. Whole numbers only: `0.4ms` must not become 0. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS)
}

/** Bytes, or undefined where `text` is not a size. The unit's case does not matter. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text.toLowerCase(), SIZE_UNITS)
}

/** The shortest text that `parseDuration` reads back as `ms`. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, DURATION_UNITS)
}

/** The shortest text that `parseSize` reads back as `bytes`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS)
}

function parseQuantity(text: string, units: typeof SIZE_UNITS): number | undefined {
  const match = /^(\d{1,16})([a-z]*)$/.exec(text)
  if (match === null) return undefined
  const [, digits = '', unit = ''] = match
  const factor = unit === '' ? 1 : units.find(([name]) => name === unit)?.[1]
  if (factor === undefined) return undefined
  const value = Number(digits) * factor
  return Number.isSafeInteger(value) ? value : undefined
}

function formatQuantity(value: number, units: typeof SIZE_UNITS): string {
  if (value === 0) return '0'
  for (const [name, factor] of units) if (value % factor === 0) return `${value / factor}${name}`
  return String(value)
}
