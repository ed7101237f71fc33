/**
 * The tables, as numbered steps that only go forward. A released step is never edited: a change is a new step.
 *
 * What may stand here in clear is SEALING S6's closed list: numbers, times, sizes, topics, pseudonyms, key ids, profile
 * names, rules and places. Everything else arrives sealed. No secondary index lies on the path of a message (an index
 * costs a third of the insert rate); `arrival_held` is partial, so a kept message never touches it.
 */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'

const first = `
CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row a message. at, sender, state and rule of SEALING S7's "original" are these, under the same number.
-- seq: its last outbox row, 0 where it has none. control, content: its keys in "seen", while they are there.
CREATE TABLE arrival(
  no INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, source TEXT NOT NULL, sender TEXT NOT NULL,
  format TEXT NOT NULL, outline TEXT NOT NULL, state TEXT NOT NULL, rule TEXT, place TEXT, mapping TEXT NOT NULL,
  mode TEXT NOT NULL, seq INTEGER NOT NULL, control BLOB, content BLOB) STRICT;
CREATE INDEX arrival_held ON arrival(no) WHERE state = 'held';

CREATE TABLE seen(
  control BLOB NOT NULL, content BLOB NOT NULL, arrival INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(control, content)) STRICT, WITHOUT ROWID;

CREATE TABLE original(id INTEGER PRIMARY KEY, kid TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE original_subject(
  original INTEGER NOT NULL, subject TEXT NOT NULL, PRIMARY KEY(original, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE local_keys(kid TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Whose data keys went out under which kid, kept when the outbox rows are gone: erasure needs them all (SEALING S8).
CREATE TABLE keys(kid TEXT PRIMARY KEY, subject TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The log. AUTOINCREMENT: a number is never used twice, not even after its row has gone.
CREATE TABLE outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, arrival INTEGER NOT NULL, lane TEXT NOT NULL,
  topic TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, day TEXT NOT NULL, value BLOB) STRICT;
CREATE TABLE cursor(uplink TEXT PRIMARY KEY, cluster TEXT, through INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE parked(
  uplink TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(uplink, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE head(resource TEXT PRIMARY KEY, arrival INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE snapshot(list TEXT PRIMARY KEY, ids TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE link(origin TEXT PRIMARY KEY, target TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE worklist(
  sender TEXT NOT NULL, place TEXT NOT NULL, mark BLOB NOT NULL, code BLOB NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(sender, place, mark)) STRICT, WITHOUT ROWID;

CREATE TABLE audit(
  n INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, obj TEXT NOT NULL,
  outcome TEXT NOT NULL, detail TEXT NOT NULL, h BLOB NOT NULL) STRICT;

CREATE TABLE device(mac BLOB PRIMARY KEY, label BLOB NOT NULL, secret TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE wearing(
  mac BLOB NOT NULL, starts INTEGER NOT NULL, ends INTEGER, wearer TEXT NOT NULL,
  PRIMARY KEY(mac, starts)) STRICT, WITHOUT ROWID;
CREATE TABLE client(name TEXT PRIMARY KEY, token TEXT NOT NULL, scopes TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE usage(class TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO usage VALUES ('pending', 0, 0), ('delivered', 0, 0), ('kept', 0, 0), ('held', 0, 0), ('refused', 0, 0);
`

const second = `
-- The partition count that a topic was first seen with, per uplink: a key keeps its partition.
CREATE TABLE layout(
  uplink TEXT NOT NULL, topic TEXT NOT NULL, partitions INTEGER NOT NULL,
  PRIMARY KEY(uplink, topic)) STRICT, WITHOUT ROWID;

-- Old parts of the log that an uplink has yet to send beside what is new: rows first to last, both included.
CREATE TABLE history(
  uplink TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY(uplink, first)) STRICT, WITHOUT ROWID;

-- Rows that are sent again under new numbers: what is left of it. Before "first" only key records are taken, those that
-- the rows after it need. key NULL = all keys. rows: how many went out again.
CREATE TABLE resend(
  id INTEGER PRIMARY KEY, uplink TEXT NOT NULL, next INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  key TEXT, rows INTEGER NOT NULL) STRICT;

-- Where an uplink stood when, for one that stands by for it.
CREATE TABLE passed(
  uplink TEXT NOT NULL, at INTEGER NOT NULL, through INTEGER NOT NULL,
  PRIMARY KEY(uplink, at)) STRICT, WITHOUT ROWID;

-- The one uplink that the row is for; NULL = all. A row sent again is for the uplink that it is sent again to.
ALTER TABLE outbox ADD COLUMN only_for TEXT;

-- What the log had brought when its highest row was seq: bytes of all rows ever, and bytes that messages needed in the
-- file. Noted every few hundred rows or every minute, so that a part of the log is weighed and found by time unread.
CREATE TABLE tally(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, bytes INTEGER NOT NULL, need INTEGER NOT NULL) STRICT;
CREATE INDEX tally_at ON tally(at);
INSERT INTO tally SELECT log.seq, at, bytes, 0 FROM (
  SELECT seq, arrival, sum(octet_length(topic) + octet_length(key) + octet_length(headers)
    + ifnull(octet_length(value), 0) + 48) OVER (ORDER BY seq) AS bytes FROM outbox) AS log
  JOIN arrival ON no = log.arrival WHERE log.seq % 256 = 0;

-- log: rows that are there. ever: all that there were. need: messages, and what they needed in the file.
INSERT INTO usage SELECT 'log', sum(rows), sum(bytes) FROM usage WHERE class IN ('pending', 'delivered');
INSERT INTO usage SELECT 'ever', rows, bytes FROM usage WHERE class = 'log';
INSERT INTO usage VALUES ('need', 0, 0);
DELETE FROM usage WHERE class IN ('pending', 'delivered');
DELETE FROM meta WHERE k = 'floor';
-- The highest row that has gone: above it every row is there.
INSERT INTO meta SELECT 'gone', ifnull((
  SELECT seq - 1 FROM (SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM outbox)
  WHERE before <> seq - 1 ORDER BY seq DESC LIMIT 1), 0);
-- where the highest number has no row, only parked rows are left
UPDATE meta SET v = (SELECT seq FROM sqlite_sequence WHERE name = 'outbox')
  WHERE k = 'gone' AND (SELECT seq FROM sqlite_sequence WHERE name = 'outbox') > ifnull((SELECT max(seq) FROM outbox), 0);
`

const third = `
-- Parts of the log that have gone: all of their rows but parked ones. More than one while older rows wait.
CREATE TABLE gone(first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO gone SELECT 1, CAST(v AS INTEGER) FROM meta WHERE k = 'gone' AND CAST(v AS INTEGER) > 0;
DELETE FROM meta WHERE k = 'gone';

-- Rows that an uplink has not got and will not get; since when that is so, and whether a person knows.
CREATE TABLE gap(
  uplink TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL,
  accepted INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

/** Step n brings a database from schema n to schema n + 1. */
export const migrations: readonly string[] = [first, second, third]

/**
 * Brings the tables to the newest schema, each step in a transaction of its own with its number in `meta.schema`.
 * Throws GatewayError E_DATABASE for a database that a newer version has written: there is no way back.
 */
export function migrate(db: Database.Database): void {
  const from = schemaOf(db)
  if (from > migrations.length) throw new GatewayError('E_DATABASE', 'meta.schema')
  migrations.slice(from).forEach((step, index) => {
    const one = db.transaction(() => {
      db.exec(step)
      db.prepare('INSERT OR REPLACE INTO meta(k, v) VALUES (?, ?)').run('schema', String(from + index + 1))
    })
    one.immediate()
  })
}

/** The number of steps that the database has behind it; 0 for an empty one. */
export function schemaOf(db: Database.Database): number {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get()
  return known ? Number(db.prepare("SELECT v FROM meta WHERE k = 'schema'").pluck().get()) : 0
}
