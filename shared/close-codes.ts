/** Close codes of a link (RFC 6455 §7.4; those from 4000 on are ours). */
export const CloseCode = {
  /** Drained, or the process ends: dial again. */
  goingAway: 1001,
  unsupportedData: 1003,
  /** A bound was exceeded. */
  policy: 1008,
  /** The peer broke the protocol: dialling again would not mend it. */
  protocolError: 4400,
  /** The credential was revoked or has expired. */
  credentialEnded: 4401,
  helloTimeout: 4408,
  /** Another link took over the same tunnel id, instance and number. */
  replaced: 4409,
} as const
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]
