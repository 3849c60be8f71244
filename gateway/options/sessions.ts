import { specs } from '../../shared/option-spec.js'
import { duration, integer, size } from '../../shared/option-types.js'

/** How long sessions last, and how much of them is kept. */
export const sessionsOptions = specs({
  sessionTtl: {
    type: duration({ min: 1000, off: true }),
    default: '0',
    group: 'sessions',
    help: 'a session ends when nothing ran in it for so long; 0: it does not end by itself',
  },
  sessionFailover: {
    type: duration(),
    default: '10s',
    group: 'sessions',
    help: 'how long the agent of a session may be away before another matching one takes over',
  },
  sessionMaxEvents: {
    type: integer({ min: 100, off: true }),
    default: '10000',
    group: 'sessions',
    help: 'events that are kept of one session; older ones are dropped',
  },
  sessionMaxBytes: {
    type: size({ min: 1024 * 1024, max: 32 * 1024 * 1024 }),
    default: '16mb',
    group: 'sessions',
    help: 'bytes of events that are kept of one session; older ones are dropped',
  },
  principalSessions: {
    type: integer({ off: true }),
    default: '1000',
    group: 'sessions',
    help: 'sessions that one principal may have; administrators have no bound',
  },
  principalRuns: {
    type: integer({ off: true }),
    default: '32',
    group: 'sessions',
    help: 'runs in flight that one principal may have; administrators have no bound',
  },
  principalBytes: {
    type: size({ off: true }),
    default: '256mb',
    group: 'sessions',
    help: 'bytes of all sessions of one principal; past it no run is taken, except from administrators',
  },
})
