import {
  formatOrigin,
  type OptionSpec,
  type Origin,
  optionName,
  type Provenance,
  type Report,
} from './option-spec.js'

/** What one source says of one option: `origins[i]` is where `texts[i]` stands. */
export interface Given {
  readonly texts: readonly string[]
  readonly origins: readonly Origin[]
}

/** A text of an option that takes several is divided at its commas. */
export function split(spec: OptionSpec, text: string, origin: Origin): Given {
  const { shape } = spec.type
  const texts = shape === 'many' || shape === 'pairs' ? text.split(',').map((piece) => piece.trim()) : [text]
  return { texts, origins: texts.map(() => origin) }
}

export function join(parts: readonly Given[]): Given {
  return { texts: parts.flatMap(({ texts }) => texts), origins: parts.flatMap(({ origins }) => origins) }
}

/** The value; its mistakes are told with option, text, place and what would be taken. */
export function interpret(key: string, spec: OptionSpec, { texts, origins }: Given, report: Report): unknown {
  const { shape, takes } = spec.type
  if (texts.length > 1 && (shape === 'one' || shape === 'switch')) {
    const shown = texts.map((text) => show(spec, text)).join(' and ')
    report(
      `${optionName(key, spec)}: ${shown} (${formatOrigin(origins[0]!)}) are ${texts.length} values; it takes one`,
    )
    return undefined
  }
  return spec.type.parse(texts, (index, rule) => {
    const where = formatOrigin(origins[index]!)
    report(`${optionName(key, spec)}: ${show(spec, texts[index]!)} (${where}) ${rule}; it takes ${takes}`)
  })
}

export function provenanceOf(spec: OptionSpec, { texts, origins }: Given): Provenance {
  const origin = origins[0] ?? { kind: 'default' as const }
  return Object.freeze({ origin, text: spec.secret ? MASK : texts.join(',') })
}

const MASK = '***'

function show(spec: OptionSpec, text: string): string {
  return spec.secret ? MASK : JSON.stringify(text)
}
