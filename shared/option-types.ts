import { formatDuration, formatSize, LONGEST_TIMER_MS, parseDuration, parseSize } from './quantity.js'

/**
 * What an option takes. `T` is its value once read, `A` its value where nothing was given and there is no default.
 */
export interface OptionType<T, A = undefined> {
  /** How many texts it is made of: one; a list; `key=value` pairs; or none, being on or off by its presence. */
  readonly shape: 'one' | 'many' | 'pairs' | 'switch'
  /** Ends the sentence "it takes …". */
  readonly takes: string
  /** Stands for the value in help. */
  readonly metavar: string
  readonly absent: A
  readonly choices?: readonly string[]
  /** Reads all texts; `refuse(index, rule)` names each that breaks a rule, and then the result is not used. */
  parse(texts: readonly string[], refuse: (index: number, rule: string) => void): T | undefined
}

/** Thrown by a reader of one text; `message` continues the sentence that begins with the value: "is not a port". */
export class BadValue extends Error {
  override readonly name = 'BadValue'
}

/** An option of one text. `read` returns its value or throws `BadValue`. */
export function one<T>(metavar: string, takes: string, read: (text: string) => T): OptionType<T> {
  return {
    shape: 'one',
    takes,
    metavar,
    absent: undefined,
    parse: ([text = ''], refuse) => guarded(read, text, 0, refuse),
  }
}

/** An option that may be given several times, or once with commas. */
export function list<T>(item: OptionType<T>): OptionType<readonly T[], readonly T[]> {
  return {
    shape: 'many',
    takes: item.takes,
    metavar: item.metavar,
    absent: Object.freeze([]),
    ...(item.choices === undefined ? {} : { choices: item.choices }),
    parse(texts, refuse) {
      const values: T[] = []
      texts.forEach((text, index) => {
        const value = item.parse([text], (_, rule) => refuse(index, rule))
        if (value !== undefined) values.push(value)
      })
      return Object.freeze(values)
    },
  }
}

type Pairs = Readonly<Record<string, string>>

/** `key=value`, repeatable; a key given twice is refused. The record has no prototype. */
export function pairs(takes: string, check: (key: string, value: string) => void): OptionType<Pairs, Pairs> {
  const record = (): Record<string, string> => Object.create(null)
  return {
    shape: 'pairs',
    takes,
    metavar: 'KEY=VALUE',
    absent: Object.freeze(record()),
    parse(texts, refuse) {
      const values = record()
      texts.forEach((text, index) => {
        const at = text.indexOf('=')
        const [key, value] = [text.slice(0, at), text.slice(at + 1)]
        if (at < 1) refuse(index, 'is not key=value')
        else if (key in values) refuse(index, 'names a key that stands there already')
        else guarded(() => check(key, value), text, index, refuse)
        values[key] = value
      })
      return Object.freeze(values)
    },
  }
}

/** On or off: `--insecure`, `--no-insecure`. `absent`: where it is not given. */
export function flag(): OptionType<boolean, false>
export function flag<A>(absent: A): OptionType<boolean, A>
export function flag(...given: [absent?: unknown]): OptionType<boolean, unknown> {
  // Not by a default: undefined is a value that may be given.
  const absent = given.length === 0 ? false : given[0]
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    yes: true,
    on: true,
    1: true,
    false: false,
    no: false,
    off: false,
    0: false,
  }
  return {
    shape: 'switch',
    takes: 'true or false',
    metavar: '',
    absent,
    parse([text = ''], refuse) {
      const word = text.toLowerCase()
      if (Object.hasOwn(words, word)) return words[word]
      refuse(0, 'is neither true nor false')
      return undefined
    },
  }
}

/** Any text but the empty one. */
export function text(metavar = 'TEXT', takes = 'text'): OptionType<string> {
  return one(metavar, takes, (value) => {
    if (value === '') throw new BadValue('is empty')
    if (/[\u0000-\u001f\u007f]/.test(value)) throw new BadValue('holds a control character')
    return value
  })
}

export function path(metavar = 'FILE'): OptionType<string> {
  return text(metavar, metavar === 'DIR' ? 'a directory' : 'the path of a file')
}

/** One word of several; the value's type is their union. */
export function choice<const C extends string>(...words: readonly C[]): OptionType<C> {
  const takes = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  const type = one('WORD', takes, (value) => {
    const word = words.find((candidate) => candidate === value)
    if (word === undefined) throw new BadValue('is not known')
    return word
  })
  return { ...type, metavar: words.join('|'), choices: words }
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  /** 0 is taken beside the bounds and switches the limit off. */
  readonly off?: boolean
}

/** A whole number in decimal digits. */
export function integer({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
  off = false,
}: Bounds = {}): OptionType<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `, ${min} or more` : ` from ${min} to ${max}`
  return one('N', `a whole number${range}${off && min > 0 ? ', or 0 for off' : ''}`, (value) => {
    if (!/^-?\d{1,16}$/.test(value)) throw new BadValue('is not a whole number')
    return within(Number(value), { min, max, off }, String)
  })
}

export function port(): OptionType<number> {
  const type = integer({ min: 0, max: 65_535 })
  return { ...type, metavar: 'PORT', takes: 'a port from 0 to 65535' }
}

/** Milliseconds. */
export function duration({ min = 0, max = LONGEST_TIMER_MS, off = false }: Bounds = {}): OptionType<number> {
  const takes = `500ms, 30s, 5m, 1h or milliseconds${atLeast(min, off, formatDuration)}`
  return one('TIME', takes, (value) => {
    const ms = parseDuration(value)
    if (ms === undefined) throw new BadValue('is not a duration')
    return within(ms, { min, max, off }, formatDuration)
  })
}

/** Bytes. */
export function size({
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
  off = false,
}: Bounds = {}): OptionType<number> {
  return one('SIZE', `64kb, 10mb or bytes${atLeast(min, off, formatSize)}`, (value) => {
    const bytes = parseSize(value)
    if (bytes === undefined) throw new BadValue('is not a size')
    return within(bytes, { min, max, off }, formatSize)
  })
}

function atLeast(min: number, off: boolean, format: (value: number) => string): string {
  return `${min > 0 ? `, ${format(min)} or more` : ''}${off ? ', or 0 for off' : ''}`
}

function within(value: number, bounds: Required<Bounds>, format: (value: number) => string): number {
  if (bounds.off && value === 0) return 0
  if (value < bounds.min) throw new BadValue(`is less than ${format(bounds.min)}`)
  if (value > bounds.max) throw new BadValue(`is more than ${format(bounds.max)}`)
  return value
}

function guarded<T>(
  read: (text: string) => T,
  value: string,
  index: number,
  refuse: (index: number, rule: string) => void,
): T | undefined {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof BadValue)) throw error
    refuse(index, error.message)
    return undefined
  }
}
