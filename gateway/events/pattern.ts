/** Which events are meant: an exact name, or a prefix that ends in `*`. */
import { nearest } from '../../shared/nearest.js'
import { EVENT_TYPES, type EventType } from './event.js'

/** The types that `pattern` names; none where it names nothing that happens. */
export function eventTypes(pattern: string): readonly EventType[] {
  if (!pattern.endsWith('*')) return EVENT_TYPES.filter((type) => type === pattern)
  const prefix = pattern.slice(0, -1)
  return EVENT_TYPES.filter((type) => type.startsWith(prefix))
}

/** Says of a pattern without types what might have been meant. */
export function unknownEvent(pattern: string): string {
  const prefixes = new Set(EVENT_TYPES.map((type) => `${type.slice(0, type.indexOf(':'))}:*`))
  const meant = nearest(pattern, [...EVENT_TYPES, ...prefixes])
  const advice = meant === undefined ? `it takes ${EVENT_TYPES.join(', ')}` : `did you mean ${meant}?`
  return `${JSON.stringify(pattern)} is no event; ${advice}`
}
