import { describe, expect, it } from 'vitest'
import type { Shown } from '../../../adapters/hl7v2/certificates.ts'
import { senderFinder } from '../../../adapters/hl7v2/sender.ts'
import type { SenderProfile } from '../../../src/ports.ts'
import { directoryOf, profile } from './wire.ts'

const named = (name: string, ...addresses: readonly string[]) => ({ ...profile, name, addresses })
const from = (address: string) => ({ listener: 'mllp', address, certificate: null })
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
  expect(senderFinder()(directory, from(address))?.name).toBe(name)
})

it('reads a new directory, also one that counts from 1 again, and outside demo mode knows nobody by default', () => {
  const senderOf = senderFinder()
  expect(senderOf(directory, from('10.1.2.3'))?.name).toBe('lab')
  expect(senderOf({ ...directoryOf(named('new', '10.1.2.3')), revision: 1 }, from('10.1.2.3'))?.name).toBe('new')
  expect(senderOf({ ...directoryOf(), revision: 3 }, from('127.0.0.1'))).toBeNull()
})

describe('listener, certificate and address: the first profile that fits in all it names', () => {
  const only = (name: string, more: Partial<SenderProfile>): SenderProfile => ({
    ...profile,
    name,
    addresses: [],
    ...more,
  })
  const pin = `sha256/${'A'.repeat(43)}=`
  const certificate: Shown = {
    pin,
    names: new Set(['DNS:lab.example', 'URI:urn:lab:1', 'IP:10.0.0.7', 'email:lab@clinic.example']),
  }
  const peer = { listener: 'east', address: '10.9.9.9', certificate }

  it.each<[string, Partial<SenderProfile>]>([
    ['the pin of its key', { certificates: [`sha256/${'B'.repeat(43)}=`, pin] }],
    ['a host name, in any case', { certificates: ['DNS:LAB.Example'] }],
    ['a URI', { certificates: ['URI:urn:lab:1'] }],
    ['an address in the certificate', { certificates: ['IP:10.0.0.7'] }],
    ['an e-mail address', { certificates: ['email:lab@clinic.example'] }],
    ['certificate, address and listener', { certificates: [pin], addresses: ['10.9.0.0/16'], listener: 'east' }],
  ])('fits: %s', (_, more) => {
    expect(senderFinder()(directoryOf(only('x', more)), peer)?.name).toBe('x')
  })

  it.each<[string, Partial<SenderProfile>]>([
    ['another key', { certificates: [`sha256/${'B'.repeat(43)}=`] }],
    ['a part of a name', { certificates: ['DNS:lab'] }],
    ['the domain of a name', { certificates: ['DNS:example'] }],
    ['a wildcard', { certificates: ['DNS:*.example'] }],
    ['a name of another kind', { certificates: ['URI:lab.example'] }],
    ['another address', { certificates: [pin], addresses: ['10.8.0.0/16'] }],
    ['another listener', { certificates: [pin], listener: 'west' }],
    ['the address alone, since it shows a certificate', { addresses: ['10.9.0.0/16'] }],
    ['the listener alone', { listener: 'east' }],
    ['nothing', {}],
  ])('does not fit: %s', (_, more) => {
    expect(senderFinder()(directoryOf(only('x', more)), peer)).toBeNull()
  })

  it('the first of two that fit counts', () => {
    const two = directoryOf(only('one', { certificates: [pin] }), only('two', { certificates: ['DNS:lab.example'] }))
    expect(senderFinder()(two, peer)?.name).toBe('one')
  })

  it('without a certificate, a profile that names one does not fit', () => {
    const bare = { ...peer, certificate: null }
    expect(senderFinder()(directoryOf(only('x', { certificates: [pin] })), bare)).toBeNull()
    expect(senderFinder()(directoryOf(only('x', { listener: 'east' })), bare)).toBeNull()
    expect(senderFinder()(directoryOf(only('x', { addresses: ['10.9.9.9'], listener: 'east' })), bare)?.name).toBe('x')
  })
})
