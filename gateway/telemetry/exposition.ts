/** The Prometheus text format, version 0.0.4: one family after the other, each with its help and its type. */

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

export interface HistogramCounts {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[]
  /** Not cumulative; one more than there are bounds. */
  readonly counts: ArrayLike<number>
  readonly sum: number
}

export class Exposition {
  #text = ''

  counter(name: string, help: string, samples: Iterable<Sample>): void {
    this.#family(name, help, 'counter', samples)
  }

  gauge(name: string, help: string, samples: Iterable<Sample>): void {
    this.#family(name, help, 'gauge', samples)
  }

  histogram(name: string, help: string, { bounds, counts, sum }: HistogramCounts): void {
    this.#begin(name, help, 'histogram')
    let total = 0
    bounds.forEach((bound, at) => {
      total += counts[at]!
      this.#sample(`${name}_bucket`, { le: String(bound) }, total)
    })
    total += counts[bounds.length]!
    this.#sample(`${name}_bucket`, { le: '+Inf' }, total)
    this.#sample(`${name}_sum`, {}, sum)
    this.#sample(`${name}_count`, {}, total)
  }

  toString(): string {
    return this.#text
  }

  #family(name: string, help: string, type: string, samples: Iterable<Sample>): void {
    this.#begin(name, help, type)
    for (const [labels, value] of samples) this.#sample(name, labels, value)
  }

  #begin(name: string, help: string, type: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    this.#text += `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  }
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
