/** A value that others watch. */
import { useEffect, useState } from './html.js'

export function createStore(value) {
  const listeners = new Set()
  return {
    get value() {
      return value
    },
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const listener of [...listeners]) listener(value)
    },
    /** @returns how to stop. */
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The value of now; the component is drawn again when it changes. */
export function useStore(store) {
  const [value, setValue] = useState(store.value)
  useEffect(() => {
    setValue(store.value)
    return store.listen(setValue)
  }, [store])
  return value
}
