/** What measured: OBX-18 (EI) and PRT[Device]. */
import type { Device, Reference } from 'fhir/r4.js'
import { authorityOf, cellOf, hdAfter } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type Cell, type DataMap, segmentMap } from '../engine.ts'
import { ei } from '../references.ts'

/** PRT[Device] */
// biome-ignore format: a row a line
export const prtDevice = segmentMap([
  ['PRT-10', 'identifier[]', ei],
  ['PRT-16', 'udiCarrier[0].deviceIdentifier', text],
  ['PRT-17', 'manufactureDate', dateTime],
  ['PRT-18', 'expirationDate', dateTime],
  ['PRT-19', 'lotNumber', text],
  ['PRT-20', 'serialNumber', text],
  ['PRT-21', 'distinctIdentifier', text],
  ['PRT-22', 'type', concept],
])

/** EI[Identifier-Extension] of OBX-18 as a reference to the device that has this number. */
export const device: DataMap<Reference> = (cell, draft) => {
  const identifier = ei(cell, draft, {})
  return identifier && mention(cell, draft, id => ({ resourceType: 'Device', id, identifier: [identifier] }))
}

/** The device of a PRT that names one in PRT-10; undefined where it does not. */
export function participatingDevice(prt: Segment, draft: Draft): Reference | undefined {
  if (!clean(prt.value(10))) return undefined
  return mention(cellOf(prt, 10), draft, id => {
    const resource: Device = { resourceType: 'Device', id }
    prtDevice(prt, resource, draft)
    return resource
  })
}

/** A device is named by its number under its authority, whoever's result it made. */
function mention(cell: Cell, draft: Draft, make: (id: string) => Device): Reference {
  const { system } = authorityOf(hdAfter(1, cell), draft.profile)
  return draft.mention([{ system, value: clean(cell.value())! }], 'Device', make)
}
