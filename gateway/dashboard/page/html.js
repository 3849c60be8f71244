/** The page's one door to preact and htm. */
import htm from './vendor/htm.js'
import { Fragment, h, render } from './vendor/preact.js'

export {
  useCallback,
  useEffect,
  useErrorBoundary,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from './vendor/hooks.js'
export { Fragment, render }
export const html = htm.bind(h)
