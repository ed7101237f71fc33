/** Random 96-bit nonces, drawn from the machine in blocks and used up in memory (SEALING, Rules). */
import type { Environment } from '../environment.ts'

const size = 12
const block = 256 * size

/** A function that returns the next nonce. */
export function nonces(environment: Environment): () => Uint8Array {
  let pool = environment.random(block)
  let used = 0
  return () => {
    if (used === block) {
      pool = environment.random(block)
      used = 0
    }
    used += size
    return pool.subarray(used - size, used)
  }
}
