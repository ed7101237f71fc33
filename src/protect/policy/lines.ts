/** How a table of the privacy policy is written: a line a leaf, by its path below the resource type. */

/**
 * What is done with an element (SEALING S5):
 * - `enum`: stays, because its values are a closed list (arg: the values); anything else holds the message
 * - `number`: stays when it is a number
 * - `time`: stays when it has the grammar of a date or time
 * - `year`: the year stays, the full value is sealed (arg `age-band`: from 90 years on `90+` stands for the year)
 * - `place`: country and state stay, the rest is sealed
 * - `concept`: codes of listed systems stay, with our own displays; the rest is sealed (arg `required`: a code that
 *   cannot stay holds the message, because readers must not miss it)
 * - `quantity`: number and UCUM code stay (arg `age`: sealed from 90 years on); of a Dosage its frequency and codes too
 * - `identifier`: use, listed type and listed system stay, the value is sealed
 * - `reference`: stays as a relative reference to a pseudonym (arg `self`: the resource's own id)
 * - `match`: stays when it fits the named pattern or list (arg), else it is sealed; arg `none`: nothing fits, and as it
 *   changes the meaning of the resource, the message is held
 * - `seal`: sealed; arg `inside`: walked by the rows of its own type
 * - `const`: written by the gateway (arg: what)
 * - `drop`: not sent
 */
export const acts = [
  'enum',
  'number',
  'time',
  'year',
  'place',
  'concept',
  'quantity',
  'identifier',
  'reference',
  'match',
  'seal',
  'const',
  'drop',
] as const

export type Act = (typeof acts)[number]

/** Path below the resource type, FHIR datatype, act, argument. */
export type Line = readonly [path: string, type: string, act: Act, arg?: string]

/** What every resource has. */
export const resource: readonly Line[] = [
  ['id', 'id', 'reference', 'self'],
  ['meta', 'Meta', 'const', 'security'],
  ['implicitRules', 'uri', 'match', 'none'],
  ['language', 'code', 'seal'],
  ['text', 'Narrative', 'seal'],
  ['contained', 'Resource', 'seal', 'inside'],
  ['extension', 'Extension', 'seal'],
  ['modifierExtension', 'Extension', 'match', 'none'],
]

/** What every backbone element has. Its id is a name inside the sender's document: it means nothing to others. */
export function backbone(path: string): readonly Line[] {
  return [
    [`${path}.id`, 'string', 'drop'],
    [`${path}.extension`, 'Extension', 'seal'],
    [`${path}.modifierExtension`, 'Extension', 'match', 'none'],
  ]
}
