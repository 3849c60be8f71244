/** Secrets are taken out of an exchange as it is recorded: what was never kept cannot leak. */

export const REDACTED = '[redacted]'

const FIELDS = [
  'authorization',
  'gw-authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
]

const QUERY_KEYS = /^(?:token|access_token|api_key|key|password|secret|sig|signature|code)$/i

export class Redaction {
  readonly #names: ReadonlySet<string>
  /** By length, whether a name of the set has it: most that pass need no lookup, which would hash them. */
  readonly #lengths: readonly boolean[]

  /** `more`: names of fields beside those that always are. */
  constructor(more: readonly string[] = []) {
    this.#names = new Set([...FIELDS, ...more.map((name) => name.toLowerCase())])
    const lengths: boolean[] = []
    for (const { length } of this.#names) lengths[length] = true
    this.#lengths = lengths
  }

  /** A flat list, names in lower case; the same list where nothing of it is secret. */
  fields(headers: readonly string[]): readonly string[] {
    let kept: string[] | undefined
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!
      if (this.#lengths[name.length] !== true || !this.#names.has(name)) continue
      kept ??= headers.slice()
      kept[i + 1] = REDACTED
    }
    return kept ?? headers
  }
}

/** The target with the values of telling query keys masked. */
export function maskedTarget(target: string): string {
  const at = target.indexOf('?')
  if (at < 0) return target
  const pairs = target.slice(at + 1).split('&')
  const masked = pairs.map((pair) => {
    const equals = pair.indexOf('=')
    return equals >= 0 && QUERY_KEYS.test(pair.slice(0, equals))
      ? `${pair.slice(0, equals)}=${REDACTED}`
      : pair
  })
  return `${target.slice(0, at)}?${masked.join('&')}`
}
