/** The audit: one chain of hashes over every commit, decision and incident (SEALING S9). Never shortened. */
import { createHash } from 'node:crypto'
import type Database from 'better-sqlite3'
import { lp } from '../lp.ts'
import type { Ms } from '../records.ts'

/** What happened. Names and numbers only: `obj` is a number, a pseudonym, a MAC or a name of ours. */
export type Entry = Readonly<{ at: Ms; actor: string; act: string; obj: string; outcome: string; detail: string }>
export type Audit = (entry: Entry) => void

type Link = Readonly<{ n: number; at: string } & Omit<Entry, 'at'>>

/** Before the first entry. */
export const auditStart = '0'.repeat(64)

/** h_n = SHA-256(lp("cgw-audit-1", hex h_(n-1), n, at, actor, act, obj, outcome, detail)), SEALING S9. */
export function auditHash(before: string, { n, at, actor, act, obj, outcome, detail }: Link): Buffer {
  const text = lp('cgw-audit-1', before, n, at, actor, act, obj, outcome, detail)
  return createHash('sha256').update(text).digest()
}

/** The pen: adds an entry to the end of the chain, inside the caller's transaction. */
export function openAudit(db: Database.Database): Audit {
  const last = db.prepare<[], { n: number; h: Buffer }>('SELECT n, h FROM audit ORDER BY n DESC LIMIT 1')
  const insert = db.prepare(
    'INSERT INTO audit(n, at, actor, act, obj, outcome, detail, h) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  return entry => {
    const before = last.get()
    const link = { ...entry, n: (before?.n ?? 0) + 1, at: new Date(entry.at).toISOString() }
    const h = auditHash(before?.h.toString('hex') ?? auditStart, link)
    insert.run(link.n, link.at, link.actor, link.act, link.obj, link.outcome, link.detail, h)
  }
}

/** What a check of the chain found: the number of entries that hold, and the first one that does not (null: all hold). */
export type AuditReport = Readonly<{ entries: number; head: string; broken: number | null }>

/** Follows the chain from its start: every number there, every hash right (SEALING S9, `audit verify`). */
export function verifyAudit(db: Database.Database): AuditReport {
  let head = auditStart
  let entries = 0
  for (const { h, ...link } of db.prepare<[], Link & { h: Buffer }>('SELECT * FROM audit ORDER BY n').iterate()) {
    if (link.n !== entries + 1 || !auditHash(head, link).equals(h)) return { entries, head, broken: entries + 1 }
    head = h.toString('hex')
    entries = link.n
  }
  return { entries, head, broken: null }
}
