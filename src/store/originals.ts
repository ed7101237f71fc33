/** The sealed originals and the memory of what was seen: how one of them ends. */
import type Database from 'better-sqlite3'
import type { Usage } from './usage.ts'

export type Originals = Readonly<{
  /** Deletes the original of a message and its subjects; `state` is the class that it counted in. False: it was gone. */
  remove(id: number, state: 'kept' | 'held' | 'refused'): boolean
  /** Forgets that the message was seen: the same bytes would be judged afresh. */
  forget(no: number): void
}>

/** The originals. Both calls belong inside the caller's transaction. */
export function openOriginals(db: Database.Database, usage: Usage): Originals {
  const size = db.prepare<[number], number>('SELECT octet_length(body) FROM original WHERE id = ?').pluck()
  const removeOriginal = db.prepare('DELETE FROM original WHERE id = ?')
  const removeSubjects = db.prepare('DELETE FROM original_subject WHERE original = ?')
  const removeSeen = db.prepare(
    'DELETE FROM seen WHERE (control, content) = (SELECT control, content FROM arrival WHERE no = ?)',
  )
  const clear = db.prepare('UPDATE arrival SET control = NULL, content = NULL WHERE no = ? AND control IS NOT NULL')
  return {
    remove(id, state) {
      const bytes = size.get(id)
      if (bytes === undefined) return false
      removeOriginal.run(id)
      removeSubjects.run(id)
      usage.add(state, -1, -bytes)
      return true
    },
    forget(no) {
      removeSeen.run(no)
      clear.run(no)
    },
  }
}
