/**
 * Who is talking, by the listener it came to and by its certificate or address; what MSH-3 claims plays no part.
 */
import { BlockList, isIP } from 'node:net'
import type { Directory, SenderProfile } from '../../src/ports.ts'
import { answersTo, type Shown } from './certificates.ts'

/** Whom a connection is with, as far as the wire knows; `certificate`: a good one that it showed. */
export type Peer = Readonly<{ listener: string; address: string; certificate: Shown | null }>

type Rule = Readonly<{ profile: SenderProfile; ranges: BlockList }>

const loopback = rangesOf(['127.0.0.0/8', '::1'])

/**
 * Finds the profile of a peer: the first in the directory's order that fits in all it names, else on loopback `anySender`
 * (demo mode), else null. A peer that shows a certificate is who the certificate says: an address alone is not enough then.
 * Ranges are compiled once per directory.
 */
export function senderFinder(): (directory: Directory, peer: Peer) => SenderProfile | null {
  // by identity: an engine that is started again counts revisions from 1
  let compiled: Directory | null = null
  let rules: readonly Rule[] = []
  return (directory, peer) => {
    if (compiled !== directory) {
      compiled = directory
      rules = directory.senders.map(profile => ({ profile, ranges: rangesOf(profile.addresses) }))
    }
    const known = rules.find(rule => fits(rule, peer))
    if (known) return known.profile
    return holds(loopback, peer.address) ? directory.anySender : null
  }
}

function fits({ profile, ranges }: Rule, { listener, address, certificate }: Peer): boolean {
  const { certificates = [], addresses } = profile
  if (profile.listener !== undefined && profile.listener !== listener) return false
  if (addresses.length > 0 && !holds(ranges, address)) return false
  if (certificate) return certificates.some(wanted => answersTo(certificate, wanted))
  return certificates.length === 0 && addresses.length > 0
}

/** Addresses and CIDR ranges, IPv4 or IPv6, as the configuration has checked them. */
function rangesOf(addresses: readonly string[]): BlockList {
  const ranges = new BlockList()
  for (const range of addresses) {
    const [net = '', prefix] = range.split('/')
    const family = familyOf(net)
    if (!family) continue
    if (prefix === undefined) ranges.addAddress(net, family)
    else ranges.addSubnet(net, Number(prefix), family)
  }
  return ranges
}

/** A listener on `::` names IPv4 peers `::ffff:10.0.0.7`; link-local ones carry their interface, `fe80::7%eth0`. */
function holds(ranges: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  const family = familyOf(plain)
  return family !== null && ranges.check(plain, family)
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address)
  if (version === 0) return null
  return version === 4 ? 'ipv4' : 'ipv6'
}
