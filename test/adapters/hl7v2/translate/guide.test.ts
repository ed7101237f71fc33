import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { SegmentMap } from '../../../../adapters/hl7v2/maps/engine.ts'
import { al1Allergy } from '../../../../adapters/hl7v2/maps/segments/allergy.ts'
import { pv1Encounter } from '../../../../adapters/hl7v2/maps/segments/encounter.ts'
import { obxObservation } from '../../../../adapters/hl7v2/maps/segments/observation.ts'
import { obrReport, obrRequest } from '../../../../adapters/hl7v2/maps/segments/order.ts'
import { pidPatient } from '../../../../adapters/hl7v2/maps/segments/patient.ts'
import { guide } from '../../../../adapters/hl7v2/tables/generated/segments.ts'
import { inCode, leftOut } from '../../../../adapters/hl7v2/tables/left-out/index.ts'
import { generate } from '../../../../scripts/gen-hl7-tables.ts'
import { corpus } from './messages.ts'

const ours: Readonly<Record<string, SegmentMap>> = {
  'PID[Patient]': pidPatient,
  'PV1[Encounter]': pv1Encounter,
  'AL1[AllergyIntolerance]': al1Allergy,
  'OBR[DiagnosticReport]': obrReport,
  'OBR[ServiceRequest]': obrRequest,
  'OBX[Observation]': obxObservation,
}

/** `PID-13 telecom[1].use` → `PID-13 telecom`. */
const short = (row: string) => /^(\S+ \$?\w+)/.exec(row)![1]!

describe("our rows and the guide's", () => {
  for (const [name, rows] of Object.entries(guide)) {
    const theirs = new Set(rows.map(short))
    const rowsOfOurs = new Set((ours[name]?.rows ?? []).map(([from, path]) => short(`${from} ${path}`)))
    const elsewhere = [...Object.keys(inCode[name] ?? {}), ...Object.keys(leftOut[name] ?? {})]

    it(`${name}: every row of the guide is translated or left out with a reason`, () => {
      expect([...theirs].filter(row => !rowsOfOurs.has(row) && !elsewhere.includes(row))).toEqual([])
    })

    it(`${name}: every row of ours is one of the guide`, () => {
      expect([...rowsOfOurs].filter(row => !theirs.has(row))).toEqual([])
    })

    it(`${name}: nothing is listed as left out without need`, () => {
      const partly = ['OBX-11 status']
      expect(elsewhere.filter(row => !theirs.has(row) || (rowsOfOurs.has(row) && !partly.includes(row)))).toEqual([])
    })
  }
})

describe.skipIf(!existsSync(corpus))('the generated tables (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it("are fresh: made again from the guide's rows they are the same", () => {
    const folder = join(import.meta.dirname, '../../../../adapters/hl7v2/tables/generated')
    for (const [name, content] of generate(join(corpus, 'v2-to-fhir'))) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe(content)
    }
  })
})
