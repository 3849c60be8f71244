/**
 * Which tunnels a credential is for: `agent_…` globs match tunnel ids, `name:GLOB` names, `*` both. A `*` stands for
 * any characters, also none.
 */
import { Problem } from '../../shared/errors.js'
import { nameFault, parseTunnelId } from '../../shared/tunnel-id.js'

/** More than any credential needs; the bound of what one check costs. */
const MAX_PATTERNS = 64
const LONGEST = 128

/** In lower case. @throws Problem `bad_request` naming the pattern and the rule that it breaks. */
export function parsePattern(text: string): string {
  const pattern = text.toLowerCase()
  const fault = patternFault(pattern)
  if (fault === undefined) return pattern
  throw new Problem('bad_request', `tunnel pattern ${JSON.stringify(text.slice(0, 80))} ${fault}`)
}

function patternFault(pattern: string): string | undefined {
  if (pattern === '*') return undefined
  if (pattern.length > LONGEST) return `is longer than ${LONGEST} characters`
  if (pattern.startsWith('agent_')) {
    if (!/^[a-z0-9_*-]+$/.test(pattern)) return 'holds other characters than a-z 0-9 - _ *'
    return pattern.includes('*') || isTunnelId(pattern)
      ? undefined
      : 'is no tunnel id and has no *, so it matches nothing'
  }
  if (!pattern.startsWith('name:')) return 'is neither agent_…, name:… nor *'
  const name = pattern.slice(5)
  if (!/^[a-z0-9*-]+$/.test(name)) return 'names other characters than a-z 0-9 - *'
  const fault = name.includes('*') ? undefined : nameFault(name)
  return fault && `matches nothing: the name ${fault}`
}

/** Without repeats. @throws Problem `bad_request`. */
export function parsePatterns(texts: readonly string[]): readonly string[] {
  if (texts.length > MAX_PATTERNS)
    throw new Problem('bad_request', `${texts.length} tunnel patterns are more than ${MAX_PATTERNS}`)
  return Object.freeze([...new Set(texts.map(parsePattern))])
}

export function matchesId(patterns: readonly string[], tunnelId: string): boolean {
  return patterns.some((pattern) => glob(pattern, tunnelId))
}

export function matchesName(patterns: readonly string[], name: string): boolean {
  return patterns.some(
    (pattern) => pattern === '*' || (pattern.startsWith('name:') && glob(pattern, `name:${name}`)),
  )
}

/** By its id or by its name. */
export function matchesTunnel(patterns: readonly string[], tunnelId: string, name: string | null): boolean {
  return matchesId(patterns, tunnelId) || (name !== null && matchesName(patterns, name))
}

/** Whether such a tunnel may be matched. What is not known of it, its id or its name, may be anything. */
export function mayMatch(patterns: readonly string[], tunnelId?: string, name?: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === '*') return true
    const byName = pattern.startsWith('name:')
    const known = byName ? name : tunnelId
    return known === undefined || glob(pattern, byName ? `name:${known}` : known)
  })
}

/**
 * Whether all that `inner` match is matched by one of `outer`. A `*` of an inner pattern, taken for a letter, is only
 * matched by a `*`: so the outer pattern matches that text exactly where it matches all that the inner one does.
 */
export function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return inner.every((pattern) => outer.some((wider) => glob(wider, pattern)))
}

function isTunnelId(text: string): boolean {
  try {
    parseTunnelId(text)
    return true
  } catch {
    return false
  }
}

/** Greedy with one step back, so that no pattern costs more than its length times the text's. */
function glob(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  let i = 0
  while (i < text.length) {
    if (pattern[at] === '*') {
      star = at
      at += 1
      resume = i
    } else if (pattern[at] === text[i]) {
      at += 1
      i += 1
    } else if (star >= 0) {
      at = star + 1
      resume += 1
      i = resume
    } else return false
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}
