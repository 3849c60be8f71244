import { specs } from '../../shared/option-spec.js'
import { path } from '../../shared/option-types.js'

/** Where commands stand that the gateway runs: for events, and by the clock. */
export const hooksOptions = specs({
  hooksDir: {
    type: path('DIR'),
    group: 'files',
    otherwise: './hooks',
    help: 'directory of hooks.yaml: commands that events start',
  },
  schedulerDir: {
    type: path('DIR'),
    group: 'files',
    otherwise: 'the working directory',
    help: 'directory of scheduler.yaml: tasks that the clock starts',
  },
})
