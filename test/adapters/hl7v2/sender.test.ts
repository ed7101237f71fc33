import { expect, it } from 'vitest'
import { senderFinder } from '../../../adapters/hl7v2/sender.ts'
import { directoryOf, profile } from './wire.ts'

const named = (name: string, ...addresses: readonly string[]) => ({ ...profile, name, addresses })
const directory = {
  ...directoryOf(
    named('lab', '10.1.2.3'),
    named('ward', '10.1.0.0/16', '192.168.7.0/24'),
    named('six', 'fd00:7::/32', 'fe80::/10'),
  ),
  anySender: named('demo'),
}

it.each([
  ['10.1.2.3', 'lab'],
  ['10.1.2.4', 'ward'],
  ['::ffff:10.1.2.3', 'lab'],
  ['::FFFF:192.168.7.255', 'ward'],
  ['fd00:7:1::9', 'six'],
  ['fe80::1%eth0', 'six'],
  ['10.2.0.1', undefined],
  ['fd00:8::1', undefined],
  ['', undefined],
  ['127.0.0.1', 'demo'],
  ['127.9.9.9', 'demo'],
  ['::1', 'demo'],
  ['::ffff:127.0.0.1', 'demo'],
])('%s is %s', (address, name) => {
  expect(senderFinder()(directory, address)?.name).toBe(name)
})

it('reads a new revision of the directory, and outside demo mode knows nobody by default', () => {
  const senderOf = senderFinder()
  expect(senderOf(directory, '10.1.2.3')?.name).toBe('lab')
  expect(senderOf({ ...directoryOf(named('new', '10.1.2.3')), revision: 2 }, '10.1.2.3')?.name).toBe('new')
  expect(senderOf({ ...directoryOf(), revision: 3 }, '127.0.0.1')).toBeNull()
})
