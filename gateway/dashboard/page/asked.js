/** What is asked for now and again. */
import { useEffect, useState } from './html.js'

const EVERY = 3000

/**
 * `ask`: a function that resolves with a value. @returns the state, asking | failed {error} | known {value}, and how to
 * ask at once. What is known stays while the gateway is away.
 */
export function useAsked(ask) {
  const [state, setState] = useState({ kind: 'asking' })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let left = false
    let timer
    const go = async () => {
      try {
        const value = await ask()
        if (left) return
        setState({ kind: 'known', value })
      } catch (error) {
        if (left) return
        setState((was) => (was.kind === 'known' && error.status === 0 ? was : { kind: 'failed', error }))
      }
      timer = setTimeout(go, EVERY)
    }
    go()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [turn])
  return [state, () => setTurn((n) => n + 1)]
}
