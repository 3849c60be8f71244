/** The dashboard before a real gateway with a real agent: signed in, watched, replayed, drained, restarted. */
import t from 'tap'
import { Agent } from '../../agent/index.js'
import { Gateway, type GatewayConfig } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { browserOrSkip, launch, openPage, visit } from '../helpers/browser.js'
import { directoryFor } from '../helpers/directory.js'

const SECRET = 'a-root-secret-of-some-length'
const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'
const log = createLogger({ write() {} })

t.test('the dashboard of a gateway', browserOrSkip, async (t) => {
  const options: GatewayConfig = {
    port: 0,
    // Its port is free as soon as it has stopped.
    auth: ['token'],
    token: SECRET,
    inspect: true,
    dataDir: directoryFor(t),
    log,
  }
  let gateway = await Gateway.start(options)
  const { url } = gateway
  const agent = new Agent({
    gateway: url,
    tunnelId: ID,
    token: SECRET,
    log,
    fetch: async (request) =>
      Response.json({ path: new URL(request.url).pathname, body: await request.text() }),
  })
  await agent.start()
  const { page, wrongs } = await openPage(await launch(t), url)
  t.teardown(async () => {
    agent.destroy()
    await gateway.destroy()
  })
  const call = (path: string) =>
    fetch(`${url}/t/${ID}${path}`, {
      method: 'POST',
      body: '{"a":[1,2]}',
      headers: { 'gw-authorization': `Bearer ${SECRET}`, 'content-type': 'application/json' },
    })

  await page.goto(`${url}/dashboard`)
  await page.fill('[name=credential]', SECRET)
  await page.keyboard.press('Enter')
  await page.waitForSelector('.health h1 >> text=/Ready|All is well|is slow/')
  t.match(await page.textContent('.health div p'), '1 tunnel on 1 link')

  await visit(page, '/inspector')
  await page.waitForSelector('.hollow >> text=Nothing yet')
  t.equal((await call('/things?token=mine')).status, 200)
  await page.click('.exchanges .line >> text=/things')
  await page.waitForSelector('.panel .json')
  t.match(await page.textContent('.panel h2'), /POST .*\/things\?token=\[redacted\]/)
  await page.check('.sides input >> nth=1')
  await page.waitForSelector('.panel >> text=Redacted when recorded: gw-authorization.')
  await page.click('text=Send again…')
  await page.fill('dialog textarea >> nth=1', '{"b":3}')
  await page.click('dialog >> text=Send >> nth=-1')
  await page.waitForSelector('.says >> text=Sent again without')
  await page.waitForSelector('.panel >> text=Sent again from')
  t.match(await page.textContent('.panel .json'), /\{"b":3\}|"b\\":3/)

  await visit(page, '/links')
  await page.click('.links .line')
  await page.waitForSelector('.panel .tiles')
  t.match(await page.textContent('.panel'), ID)
  const link = page.url()
  await gateway.stop()
  await page.waitForSelector('.banner[data-tone=lost]')
  gateway = await Gateway.start({ ...options, port: Number(new URL(url).port) })
  // Nobody is asked again who he is.
  await page.waitForSelector('.banner[data-tone=back]')
  t.notOk(await page.locator('.door form').isVisible())
  await page.waitForSelector('.panel >> text=This link has gone')
  t.equal(page.url(), link)
  await page.click('.links .line >> text=Ready')
  await page.waitForSelector('.panel .tiles')

  await page.click('text=Close…')
  await page.click('dialog >> text=Close link')
  await page.waitForSelector('.says >> text=was closed')
  await page.waitForSelector('.panel >> text=This link has gone')
  await page.waitForSelector('.links .line >> text=Ready')
  t.same(wrongs, [])
})
