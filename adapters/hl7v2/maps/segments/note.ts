/** NTE[Observation]: comments that follow an OBX; behind an OBR their text is the report's conclusion. */
import type { Annotation, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell } from '../engine.ts'
import { xcn } from '../references.ts'

/** The comments as annotations with author (NTE-5) and time (NTE-6); the lines of one NTE are its repetitions. */
export function notesOf(segments: readonly Segment[], draft: Draft): Annotation[] {
  return segments.flatMap(nte => {
    const text = textOf(nte)
    const written = clean(nte.value(6))
    const time = written ? draft.time(written, nte.at(6)) : null
    const author = text ? authorOf(nte, draft) : undefined
    return text ? [{ ...(author && { authorReference: author }), ...(time && { time: time.at }), text }] : []
  })
}

/** The text of a comment; undefined where it has none. */
export function textOf(nte: Segment): string | undefined {
  return clean(
    nte
      .field(3)
      .map(field => field.text() ?? '')
      .join('\n'),
  )
}

function authorOf(nte: Segment, draft: Draft): Reference | undefined {
  const field = nte.field(5)[0]
  return field && xcn(new Cell(nte, 5, 1, field), draft, {})
}
