/** What a family of messages tells the translator: which it translates, and which segments it reads. */
import type { Draft } from '../draft.ts'

export type MessageMap = Readonly<{
  /** MSH-9.1, for example `ADT`. */
  type: string
  /** MSH-9.2, with blanks between: `A01 A03 A04`. */
  events: string
  /** MSH-9.3 that it reads whatever the event, for a trigger that we do not know: `ADT_A01 ADT_A05`. */
  structures: string
  /** Segments that it reads; each other one is noted E_UNMAPPED_SEGMENT. MSH is always read. */
  segments: string
  /** Adds what the message means to the draft. Throws Refusal. */
  translate: (event: string, draft: Draft) => void
}>
