/** A real browser before the dashboard, watched: what it may not do is written down. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

/** Debian's and Ubuntu's names, and what Chrome's own packages install. */
const PLACES = ['chromium', 'chromium-browser', 'google-chrome']
const executablePath = PLACES.map((name) => `/usr/bin/${name}`).find((path) => existsSync(path))

if (executablePath === undefined && process.env.GW_TEST_PROGRAMS === 'required')
  throw new Error('not installed: chromium')

/** For tests that need one. */
export const browserOrSkip = { skip: executablePath === undefined && 'not installed: chromium' }

export const SIZES = {
  desk: { width: 1440, height: 900 },
  telephone: { width: 390, height: 844 },
} as const

/** As root, as in a container, Chromium starts only without its sandbox. */
export async function launch(t: Test): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  return browser
}

export interface Watched {
  page: Page
  context: BrowserContext
  /** What may not happen: errors of the page, breaches of the policy, requests to others. */
  wrongs: string[]
}

export interface Look {
  size?: keyof typeof SIZES
  colorScheme?: 'light' | 'dark'
}

/** `origin`: the only one that may be asked. */
export async function openPage(
  browser: Browser,
  origin: string,
  { size = 'desk', colorScheme = 'light' }: Look = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const wrongs: string[] = []
  page.on('pageerror', (error) => wrongs.push(String(error.stack)))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) wrongs.push(`asked ${request.url()}`)
  })
  page.on('console', (message) => {
    const text = message.text()
    // A gateway that is away is no mistake of the page.
    if (message.type() === 'error' && !/^Failed to load resource/.test(text)) wrongs.push(text)
  })
  // Runs outside of the policy, before the page's own scripts. In words: the project knows no types of browsers.
  await page.addInitScript(`
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error('policy: ' + violatedDirective + ' ' + blockedURI))
    globalThis.slowest = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.slowest = Math.max(globalThis.slowest, duration)
    }).observe({ type: 'longtask', buffered: true })
  `)
  return { page, context, wrongs }
}

/** Goes on to another view as the back button does: without loading the page again. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, '', ${JSON.stringify(`/dashboard${path}`)}); dispatchEvent(new PopStateEvent('popstate'))`,
  )
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Finding {
  id: string
  impact: string
  nodes: { target: string[]; failureSummary: string }[]
}

/** What axe holds to be serious or critical, each with the first place where it is so. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(AXE)
  const found = await page.evaluate<Finding[]>(
    "axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations)",
  )
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id} at ${nodes[0]?.target.join(' ')}: ${nodes[0]?.failureSummary}`)
}
