import {
  formatSource,
  type OptionSource,
  type OptionSpec,
  optionName,
  type Provenance,
  type Report,
} from './option-spec.js'

/** What one source says of one option: `sources[i]` is where `texts[i]` stands. */
export interface Given {
  readonly texts: readonly string[]
  readonly sources: readonly OptionSource[]
}

/** A text of an option that takes several is divided at its commas. */
export function split(spec: OptionSpec, text: string, source: OptionSource): Given {
  const { shape } = spec.type
  const texts = shape === 'many' || shape === 'pairs' ? text.split(',').map((piece) => piece.trim()) : [text]
  return { texts, sources: texts.map(() => source) }
}

export function join(parts: readonly Given[]): Given {
  return { texts: parts.flatMap(({ texts }) => texts), sources: parts.flatMap(({ sources }) => sources) }
}

/** The value; its mistakes are told with option, text, place and what would be taken. */
export function interpret(key: string, spec: OptionSpec, { texts, sources }: Given, report: Report): unknown {
  const { shape, takes } = spec.type
  if (texts.length > 1 && (shape === 'one' || shape === 'switch')) {
    const shown = texts.map((text) => show(spec, text)).join(' and ')
    report(
      `${optionName(key, spec)}: ${shown} (${formatSource(sources[0]!)}) are ${texts.length} values; it takes one`,
    )
    return undefined
  }
  return spec.type.parse(texts, (index, rule) => {
    const where = formatSource(sources[index]!)
    report(`${optionName(key, spec)}: ${show(spec, texts[index]!)} (${where}) ${rule}; it takes ${takes}`)
  })
}

export function provenanceOf(spec: OptionSpec, { texts, sources }: Given): Provenance {
  const source = sources[0] ?? { kind: 'default' as const }
  return Object.freeze({ source, text: spec.secret ? MASK : texts.join(',') })
}

const MASK = '***'

function show(spec: OptionSpec, text: string): string {
  return spec.secret ? MASK : JSON.stringify(text)
}
