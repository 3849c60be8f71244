/** What the URLs begin with that the gateway hands out, without a final slash. */
export type BaseUrl = (asked?: string) => string

/** As URLs spell them: all addresses of this machine, and none to go to. */
const ANY = ['0.0.0.0', '[::]']

/**
 * `--public-url` says it; without, host and port do. Where that is any address of this machine it is `asked`, the Host
 * under which whoever is told has come, or localhost for those on this machine.
 *
 * `url`: where it listens.
 */
export function baseUrl(publicUrl: string | undefined, url: string): BaseUrl {
  if (publicUrl !== undefined) return () => publicUrl
  if (!isAny(url)) return () => url
  const local = new URL(url)
  local.hostname = 'localhost'
  return (asked) =>
    asked !== undefined && isHost(asked) ? `${local.protocol}//${asked}` : local.href.replace(/\/$/, '')
}

const isAny = (url: string): boolean => URL.canParse(url) && ANY.includes(new URL(url).hostname)

/** Short enough for what is told to an agent, and somewhere to go to. */
const isHost = (text: string): boolean =>
  text.length <= 260 && URL.canParse(`http://${text}`) && !isAny(`http://${text}`)
