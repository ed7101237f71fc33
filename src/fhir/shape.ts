/**
 * The shape of R4's types as the generated table gives it (src/fhir/generated/r4.ts, from HL7's StructureDefinitions),
 * made ready for walking: one lookup a member.
 */
import { codeSets, resourceTypes, types } from './generated/r4.ts'
import { primitives } from './primitives.ts'

/** A row of the generated table: one JSON member of a type. */
export type ElementRow = Readonly<{
  /** `string`, `Period`, `Observation.component` (backbone), `Resource` (any). */
  type: string
  many?: true
  min?: 1
  /** The stem of a choice: `value` of `valueQuantity`. */
  choice?: string
  /** Name of the code set of a required binding. */
  codes?: string
  /** Types a Reference may lead to; absent = any. */
  targets?: readonly string[]
}>

export type TypeTable = Readonly<Record<string, Readonly<Record<string, ElementRow>>>>

export type Element = Readonly<{
  type: string
  many: boolean
  /** The stem of the choice that it belongs to, of which one may be there; null = none. */
  choice: string | null
  /** Test of a primitive's JSON value; null for complex types. */
  primitive: ((value: unknown) => boolean) | null
  /** The `_x` beside a primitive `x`; null for complex types. */
  companion: string | null
  codes: ReadonlySet<string> | null
  targets: ReadonlySet<string> | null
}>

export type Shape = Readonly<{
  name: string
  members: ReadonlyMap<string, Element>
  /** The primitives once more, by the names of their companions. */
  companions: ReadonlyMap<string, Element>
  /** Each a list of members of which one must be there (one name, or all names of a choice). */
  required: readonly (readonly string[])[]
}>

const sets = new Map(Object.entries(codeSets).map(([name, codes]) => [name, new Set(codes)]))
const shapes = new Map<string, Shape>()

/** Every resource type of R4, for references. */
export const knownTypes: ReadonlySet<string> = new Set(resourceTypes)

/** The shape of a type or backbone element; undefined where the table does not hold it. */
export function shapeOf(name: string): Shape | undefined {
  const known = shapes.get(name)
  if (known) return known
  if (!Object.hasOwn(types, name)) return undefined
  const shape = compile(name, types[name]!)
  shapes.set(name, shape)
  return shape
}

function compile(name: string, rows: Readonly<Record<string, ElementRow>>): Shape {
  const members = new Map<string, Element>()
  const required: string[][] = []
  const choices = new Map<string, string[]>()
  for (const [member, row] of Object.entries(rows)) {
    members.set(member, element(member, row))
    if (row.choice) choices.set(row.choice, [...(choices.get(row.choice) ?? []), member])
    else if (row.min) required.push([member])
  }
  for (const group of choices.values()) if (rows[group[0]!]!.min) required.push(group)
  const companions = new Map([...members.values()].flatMap(one => (one.companion ? [[one.companion, one]] : [])))
  return { name, members, companions, required }
}

function element(member: string, row: ElementRow): Element {
  const primitive = primitives.get(row.type) ?? null
  return {
    type: row.type,
    many: row.many ?? false,
    choice: row.choice ?? null,
    primitive,
    companion: primitive && `_${member}`,
    codes: row.codes ? sets.get(row.codes)! : null,
    targets: row.targets ? new Set(row.targets) : null,
  }
}
