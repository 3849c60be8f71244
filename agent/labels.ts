import { MAX_LABELS } from '../shared/limits.js'

const KEY = /^[\w.\-/]{1,63}$/
/** Selectors separate labels by commas. */
const VALUE = /^(?!.*,)[\x21-\x7e]{1,255}$/

/** @throws TypeError naming the label that a selector could not name, or RangeError for too many. */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels)
  if (entries.length > MAX_LABELS)
    throw new RangeError(`labels: ${entries.length} are more than ${MAX_LABELS}`)
  for (const [key, value] of entries) {
    if (!KEY.test(key))
      throw new TypeError(`labels: the key ${JSON.stringify(key)} is not of a-z A-Z 0-9 _ . - /, at most 63`)
    if (!VALUE.test(value))
      throw new TypeError(
        `labels: the value of ${key} is empty, longer than 255 or not plain ASCII without commas and blanks`,
      )
  }
}
