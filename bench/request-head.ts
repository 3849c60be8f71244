/** Where a driver's requests go, and the header lines of each; a `Host` among them replaces the address. */
export interface Aim {
  readonly host: string
  readonly path: string
  readonly headers: readonly string[]
}

/** An HTTP/1.1 head with its blank line. */
export function requestHead(
  { host, path, headers }: Aim,
  method = 'GET',
  more: readonly string[] = [],
): string {
  const named = headers.some((line) => /^host:/i.test(line))
  return [
    `${method} ${path} HTTP/1.1`,
    ...(named ? [] : [`Host: ${host}`]),
    ...headers,
    ...more,
    '',
    '',
  ].join('\r\n')
}
