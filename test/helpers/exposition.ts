/** Reads Prometheus's text format 0.0.4 more strictly than Prometheus does. */

export interface Family {
  type: string
  help: string
  /** By name and labels, as written. */
  samples: Map<string, number>
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]\\d+)?)$`)

/** The families of an exposition. @throws Error naming the first line that breaks a rule. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family>()
  let name = ''
  let help: string | undefined
  let family: Family | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (rule: string): never => {
      throw new Error(`${rule}: ${line}`)
    }
    const [, told, of, rest] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? []
    if (told === 'HELP') {
      if (families.has(of!)) fail('a family comes twice')
      ;[name, help, family] = [of!, rest!, undefined]
    } else if (told === 'TYPE') {
      if (of !== name || help === undefined) fail('a type without its help before it')
      if (!/^(counter|gauge|histogram)$/.test(rest!)) fail('no such type')
      if ((rest === 'counter') !== of!.endsWith('_total')) fail('counters, and they alone, end with _total')
      family = { type: rest!, help: help!, samples: new Map() }
      families.set(of!, family)
      help = undefined
    } else {
      const [, sample, labels, value] = SAMPLE.exec(line) ?? fail('no sample')
      if (family === undefined) return fail('a sample without its type before it')
      const base = family.type === 'histogram' ? sample!.replace(/_(bucket|sum|count)$/, '') : sample
      if (base !== name) fail('a sample of another family')
      const key = labels === undefined ? sample! : `${sample}{${labels}}`
      if (family.samples.has(key)) fail('a sample comes twice')
      if (family.type !== 'gauge' && Number(value) < 0) fail('a count below 0')
      family.samples.set(key, Number(value))
    }
  }
  for (const [of, { type, samples }] of families) if (type === 'histogram') checkHistogram(of, samples)
  return families
}

function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  let last: [bound: number, count: number] = [-Infinity, 0]
  for (const [key, count] of samples) {
    const [, le] = /_bucket\{le="([^"]+)"\}$/.exec(key) ?? []
    if (le === undefined) continue
    const bound = le === '+Inf' ? Infinity : Number(le)
    if (!(bound > last[0]) || count < last[1]) throw new Error(`${name}: its buckets do not grow at ${le}`)
    last = [bound, count]
  }
  if (last[0] !== Infinity || samples.get(`${name}_count`) !== last[1] || !samples.has(`${name}_sum`))
    throw new Error(`${name}: the last bucket, the count and the sum do not agree`)
}

/** All samples of all families by name and labels. */
export function samplesOf(text: string): Map<string, number> {
  return new Map([...readExposition(text).values()].flatMap(({ samples }) => [...samples]))
}
