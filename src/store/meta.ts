/** Single values that belong to the database: schema, epoch, gateway, purpose, the floor of the log, how far sweeps went. */
import type Database from 'better-sqlite3'

export type Meta = Readonly<{
  get(name: string): string | null
  /** A number; 0 where nothing was set. */
  number(name: string): number
  set(name: string, value: string | number): void
}>

/** The values by name, over prepared statements. */
export function openMeta(db: Database.Database): Meta {
  const select = db.prepare<[string], string>('SELECT v FROM meta WHERE k = ?').pluck()
  const replace = db.prepare<[string, string]>('INSERT OR REPLACE INTO meta(k, v) VALUES (?, ?)')
  const get = (name: string) => (select.get(name) as string | undefined) ?? null
  return {
    get,
    number: name => Number(get(name) ?? 0),
    set: (name, value) => replace.run(name, String(value)),
  }
}
