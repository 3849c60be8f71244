import { specs } from '../../shared/option-spec.js'
import { path } from '../../shared/option-types.js'

/** Files of the gateway. */
export const filesOptions = specs({
  config: {
    type: path(),
    group: 'files',
    otherwise: 'gateway.yaml if it stands there',
    file: false,
    common: true,
    help: 'config file',
  },
  dataDir: {
    type: path('DIR'),
    default: '.gw',
    group: 'files',
    common: true,
    help: 'where what must survive a restart is kept, with the log and the socket of commands',
  },
  uiDir: {
    type: path('DIR'),
    group: 'files',
    otherwise: "the package's own page",
    help: 'a dashboard of your own: its files are served under /dashboard',
  },
})
