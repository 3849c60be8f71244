/** `docs/limits.md`, made of the limits that the cases declare. */
import { LIMITS, type Reading, type Scope } from './limits.js'

const WIDTH = 120

const INTRO = `# Limits

What an HTTP/1.1 caller or an upstream may notice of gw. Nothing else is known to differ from talking to the upstream
directly, apart from the fields that gw documents it adds and drops, from field names, which arrive in lower case, from
framing, which is each hop's own (a body that was chunked may arrive with its length), and from the request line, which
arrives as HTTP/1.1 and in origin form. What is in italics is the reason.

This page is written by the tests: each name is one that a case declares, and each case shows what happens.
`

const HEADINGS: Record<Scope, string> = {
  every: '## On every engine',
  uws: '## With uWebSockets.js (`--engine uws`)',
  node: '## With Node (`--engine node`)',
}

const UNDER: Partial<Record<Scope, string>> = {
  node: `Its parser is strict, so that most of the list above does not apply: HTTP/1.0, absolute targets, pipelined requests,
what follows a chunked request, and a head before its body are served. What remains:
`,
}

export function limitsPage(): string {
  const sections = (Object.keys(HEADINGS) as Scope[]).flatMap((scope) => [
    `${HEADINGS[scope]}\n`,
    ...(UNDER[scope] === undefined ? [] : [UNDER[scope]]),
    `${Object.entries<Reading>(LIMITS[scope]).map(point).join('\n')}\n`,
  ])
  return [INTRO, ...sections].join('\n')
}

function point([name, { says, why }]: [string, Reading]): string {
  const lines: string[] = []
  let line = '-'
  for (const word of `**${name}**: ${says}. *${capital(why)}.*`.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = ' '
    }
    line += ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** But for the name that begins with a small letter. */
const capital = (text: string): string =>
  text.startsWith('uWeb') ? text : `${text[0]!.toUpperCase()}${text.slice(1)}`
