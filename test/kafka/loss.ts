/**
 * Packet loss on the line, by nftables. Needs a network namespace of its own, so that no rule ever touches the machine's own
 * network (namespace.ts).
 */
import { execFileSync, spawnSync } from 'node:child_process'

/** Set in the environment: 1 = this process is in a namespace that it has made for itself. */
export const ownNamespace = 'KAFKA_LAB_NAMESPACE'

/** Proxies take this address, so that a rule for it meets the line and nothing else. */
export const lineAddress = '127.0.0.9'

const table = 'kafka_lab'
let lost = 0

/** Why there can be no loss here; null = there can. */
export function lossHere(): string | null {
  if (process.env[ownNamespace] !== '1') return 'needs root and unshare, for a network namespace'
  if (spawnSync('nft', ['--version'], { stdio: 'ignore' }).status !== 0) return 'nft is not installed'
  return null
}

/** From now on so many per cent of the packets between the box and the line are lost, each way. Where it cannot be: none. */
export function setLoss(percent: number): void {
  if (percent === lost || lossHere() !== null) return
  if (lost > 0) execFileSync('nft', ['delete', 'table', 'ip', table])
  lost = percent
  if (percent === 0) return
  const drop = `numgen random mod 100 < ${percent} drop`
  const rules = `table ip ${table} {
    chain input {
      type filter hook input priority 0;
      ip daddr ${lineAddress} ${drop}
      ip saddr ${lineAddress} ${drop}
    }
  }`
  execFileSync('nft', ['-f', '-'], { input: rules })
}
