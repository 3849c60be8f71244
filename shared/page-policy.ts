/** What a browser may do on a page of ours: run and ask only what the same server serves. The contract's own words. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Fields of every answer with a page, or a part of one. */
export const PAGE_FIELDS: readonly string[] = [
  'content-security-policy',
  PAGE_POLICY,
  'x-content-type-options',
  'nosniff',
  'referrer-policy',
  'no-referrer',
]
