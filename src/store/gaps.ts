/**
 * Rows that an uplink has not got and will not get, because they have gone: it was out of use or out of the configuration
 * while the room was needed, or it is new. A gap is told (alarm, audit) until a mirror has filled it or a person knows.
 */
import type Database from 'better-sqlite3'
import type { Gap } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Cursors } from './cursors.ts'
import type { Gone } from './gone.ts'
import { common, type Part } from './parts.ts'

export type Gaps = Readonly<{
  /** Finds what configured uplinks will not get, and lets them step over it. */
  find(highest: number, at: Ms): void
  /** The uplink is beyond its gap, since what it follows has sent that to where a mirror brings it from. */
  fill(uplink: string, at: Ms): void
  /** A person knows of it. */
  accept(uplink: string): void
  /** Those of configured uplinks that nobody accepted. */
  list(): Gap[]
}>

type Row = Part & Readonly<{ accepted: 0 | 1 }>
type Parts = Readonly<{ uplinks: readonly string[]; cursors: Cursors; gone: Gone; audit: Audit }>

/** The gaps. The writing calls belong inside the caller's transaction. */
export function openGaps(db: Database.Database, { uplinks, cursors, gone, audit }: Parts): Gaps {
  const known = db.prepare<[string], Row>('SELECT first, last, accepted FROM gap WHERE uplink = ?')
  const put = db.prepare('INSERT OR REPLACE INTO gap(uplink, first, last, at, accepted) VALUES (?, ?, ?, ?, 0)')
  const grow = db.prepare('UPDATE gap SET first = ?, last = ? WHERE uplink = ?')
  const remove = db.prepare('DELETE FROM gap WHERE uplink = ?')
  const accept = db.prepare('UPDATE gap SET accepted = 1 WHERE uplink = ?')
  const open = db.prepare<[], Gap>('SELECT uplink, first, last, at FROM gap WHERE accepted = 0 ORDER BY uplink')

  function tell(uplink: string, outcome: string, { first, last }: Part, at: Ms): void {
    audit({ at, actor: 'system', act: 'uplink.gap', obj: uplink, outcome, detail: `rows ${first}-${last}` })
  }

  /** One entry of the audit when it begins: it may grow for days. */
  function note(uplink: string, lost: Part, at: Ms): void {
    const before = known.get(uplink)
    if (before && before.first <= lost.first && lost.last <= before.last) return
    if (before?.accepted === 0) {
      grow.run(Math.min(lost.first, before.first), Math.max(lost.last, before.last), uplink)
      return
    }
    put.run(uplink, lost.first, lost.last, at)
    tell(uplink, 'E_UPLINK_GAP', lost, at)
  }

  return {
    find(highest, at) {
      const parts = gone.parts()
      if (parts.length === 0) return
      for (const uplink of uplinks) {
        const lost = common(cursors.waiting(uplink, highest), parts)
        const [first, last] = [lost[0]?.first, lost.at(-1)?.last]
        if (first === undefined || last === undefined) continue
        note(uplink, { first, last }, at)
        cursors.stepOver(uplink, highest)
      }
    },
    fill(uplink, at) {
      const gap = known.get(uplink)
      if (!gap || cursors.whole(uplink) <= gap.last) return
      remove.run(uplink)
      tell(uplink, 'ok', gap, at)
    },
    accept: uplink => void accept.run(uplink),
    list: () => open.all().filter(({ uplink }) => uplinks.includes(uplink)),
  }
}
