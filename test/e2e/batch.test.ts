/** A batch that is broken off in the middle, against a whole box: what was taken is taken once, whoever breaks it off. */
import { describe, expect, test } from 'vitest'
import { frame, Sender } from '../adapters/hl7v2/wire.ts'
import { result } from '../interop/partner.ts'
import { Box, until } from './box.ts'
import { openOutput } from './opened.ts'

const ids = Array.from({ length: 100 }, (_, i) => `M${i}`)
const batch = frame(`BHS|^~\\&|LAB|EAST|||20261124||||B1\r${ids.map(id => result(id)).join('')}BTS|${ids.length}\r`)

const senderTo = ({ listen: { mllp } }: Box) => Sender.to(Number(mllp.slice(mllp.lastIndexOf(':') + 1)))
const received = async (box: Box) => (await box.status()).sources.find(({ name }) => name === 'mllp')?.received ?? 0

/** OBR-3 of every report that left the box, in order. */
async function orders(box: Box): Promise<readonly string[]> {
  await box.drained()
  const { entries } = await openOutput(box)
  const reports = entries.map(entry => entry.opened?.resource).filter(one => one?.resourceType === 'DiagnosticReport')
  return reports.map(report => /"value":"F(M\d+)"/.exec(JSON.stringify(report))?.[1] ?? '?')
}

describe('a batch that is broken off in the middle', { timeout: 60_000 }, () => {
  test.each<[string, (box: Box, sender: Sender) => Promise<void>]>([
    ['by its sender', async (_, sender) => void sender.socket.resetAndDestroy()],
    [
      'by a kill of the gateway',
      async box => {
        await box.kill()
        await box.start()
      },
    ],
  ])('%s and sent again: every message has its answer and left the box once', async (_, breakOff) => {
    await using box = await Box.run()
    const first = await senderTo(box)
    await first.send(batch)
    await until(async () => (await received(box)) >= 5)
    await breakOff(box, first)
    await first.closed
    using second = await senderTo(box)
    await second.send(batch)
    const [answer] = await second.hear(1)
    const said = [...answer!.text.matchAll(/\rMSA\|([^\r]*)/g)].map(([, msa]) => msa)
    expect(said).toEqual(ids.map(id => `AA|${id}`))
    expect(answer!.text.endsWith(`\rBTS|${ids.length}\r`)).toBe(true)
    expect(await orders(box)).toEqual(ids)
  })
})
