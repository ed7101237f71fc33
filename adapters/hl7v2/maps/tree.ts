/**
 * Segments as the groups of a message structure. A structure is told by what each segment hangs on, not by its order: real
 * senders leave groups open, change the order inside them, and put their own segments anywhere.
 */
import type { Segment } from '../message.ts'

/** A segment and the segments that belong to it, in order. */
export class Node {
  readonly segment: Segment
  readonly children: Node[] = []

  constructor(segment: Segment) {
    this.segment = segment
  }

  /** The children of these names, in order. */
  all(...names: readonly string[]): readonly Node[] {
    return this.children.filter(({ segment }) => names.includes(segment.name))
  }

  /** The first child of the name. */
  first(name: string): Node | undefined {
    return this.children.find(({ segment }) => segment.name === name)
  }
}

/**
 * What each segment hangs on: names in order of preference, `''` for the message itself.
 * Example, ORU_R01: `{ PID: '', PV1: 'PID', ORC: 'PID', OBR: 'ORC PID', OBX: 'OBR PID', NTE: 'OBX OBR PID' }`.
 */
export type Structure = Readonly<Record<string, string>>

/**
 * The groups of a message. A segment goes to the nearest open one of those it may hang on: the one that came last. A node is
 * open until one of its own kind, or of a kind that it hangs on, begins anew. Segments that the structure does not name are
 * left out here (the translator notes them once a message); `orphan` is called for each that has nothing to hang on.
 */
export function tree(
  segments: readonly Segment[],
  structure: Structure,
  orphan: (segment: Segment) => void,
): readonly Node[] {
  const roots: Node[] = []
  const open: Node[] = []
  for (const segment of segments) {
    const parents = structure[segment.name]?.split(' ')
    if (!parents) continue
    const node = new Node(segment)
    const at = open.findLastIndex(one => parents.includes(one.segment.name))
    if (at < 0 && !parents.includes('')) {
      orphan(segment)
      continue
    }
    open.length = at + 1
    ;(at < 0 ? roots : open[at]!.children).push(node)
    open.push(node)
  }
  return roots
}
