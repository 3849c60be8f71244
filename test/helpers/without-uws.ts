const UNLOADABLE = `data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module'
  register('data:text/javascript,' + encodeURIComponent(\`
    export const resolve = (name, context, next) => {
      if (name === 'uWebSockets.js') throw new Error('not for this platform')
      return next(name, context)
    }
  \`))
`)}`

/** `NODE_OPTIONS` under which a process is on a platform without a binary of uWebSockets.js. */
export const WITHOUT_UWS = `--import=${UNLOADABLE}`
