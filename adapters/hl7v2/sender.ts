/** Who is talking, by the address a connection comes from; what MSH-3 claims plays no part. */
import { BlockList, isIP } from 'node:net'
import type { Directory, SenderProfile } from '../../src/ports.ts'

type Rule = Readonly<{ profile: SenderProfile; ranges: BlockList }>

const loopback = rangesOf(['127.0.0.0/8', '::1'])

/**
 * Finds the profile of a remote address: the first in the directory's order whose ranges hold it, else on loopback
 * `anySender` (demo mode), else null. Ranges are compiled once per revision of the directory.
 */
export function senderFinder(): (directory: Directory, address: string) => SenderProfile | null {
  let revision: number | null = null
  let rules: readonly Rule[] = []
  return (directory, address) => {
    if (revision !== directory.revision) {
      revision = directory.revision
      rules = directory.senders.map(profile => ({ profile, ranges: rangesOf(profile.addresses) }))
    }
    const known = rules.find(rule => holds(rule.ranges, address))
    if (known) return known.profile
    return holds(loopback, address) ? directory.anySender : null
  }
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
