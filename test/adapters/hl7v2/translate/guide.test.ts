/** Our tables against HL7's v2-to-FHIR guide: every row of it is ours or stands with a reason, and so do its mistakes. */
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  conditionOf,
  datatypeMaps,
  keyOf,
  keyOfRow,
  segmentMaps as ours,
} from '../../../../adapters/hl7v2/maps/guide.ts'
import { lookUp, type Mapped } from '../../../../adapters/hl7v2/tables/codes.ts'
import { codeMaps, systems } from '../../../../adapters/hl7v2/tables/generated/codes.ts'
import { datatypeGuide } from '../../../../adapters/hl7v2/tables/generated/datatypes.ts'
import { type GuideRow, guide } from '../../../../adapters/hl7v2/tables/generated/segments.ts'
import { conditions } from '../../../../adapters/hl7v2/tables/left-out/conditions.ts'
import * as datatypes from '../../../../adapters/hl7v2/tables/left-out/datatypes.ts'
import { beyond, inCode, leftOut } from '../../../../adapters/hl7v2/tables/left-out/index.ts'
import { ownCodes } from '../../../../adapters/hl7v2/tables/own-codes.ts'
import { laterCodes, mistakes } from '../../../../adapters/hl7v2/tables/patches.ts'
import { coverage, coverageFile, totals } from '../../../../scripts/gen-hl7-coverage.ts'
import { generate } from '../../../../scripts/gen-hl7-tables.ts'
import { hasCode, isKnownSystem } from '../../../../scripts/hl7-code-systems.ts'
import { wrongTarget } from '../../../../scripts/hl7-targets.ts'
import { corpus } from './messages.ts'

/** Rows of both lists: a part is translated, the rest is not. */
const partly = ['OBX-11 status']

/** The keys of a map's rows, and which of them a list has; `*` stands for all that are not rows of ours. */
function keysOf(rows: readonly GuideRow[]): ReadonlySet<string> {
  return new Set(rows.map(([row]) => keyOf(row) ?? row))
}

describe("our rows and the guide's", () => {
  for (const [name, rows] of Object.entries(guide)) {
    const theirs = keysOf(rows)
    const rowsOfOurs = new Set((ours[name]?.rows ?? []).map(keyOfRow))
    const elsewhere = [...Object.keys(inCode[name] ?? {}), ...Object.keys(leftOut[name] ?? {})]

    it(`${name}: every row of the guide is translated or left out with a reason`, () => {
      expect([...theirs].filter(row => !rowsOfOurs.has(row) && !elsewhere.includes(row))).toEqual([])
    })

    it(`${name}: every row of ours is one of the guide, or has a reason`, () => {
      const known = Object.keys(beyond[name] ?? {})
      expect([...rowsOfOurs].filter(row => !theirs.has(row) && !known.includes(row))).toEqual([])
      expect(known.filter(row => theirs.has(row) || !rowsOfOurs.has(row))).toEqual([])
    })

    it(`${name}: nothing is listed as left out without need`, () => {
      expect(elsewhere.filter(row => !theirs.has(row) || (rowsOfOurs.has(row) && !partly.includes(row)))).toEqual([])
    })

    it(`${name}: every condition of ours is the guide's, or has a reason`, () => {
      expect(differences(name, rows)).toEqual(Object.keys(conditions[name] ?? {}).sort())
    })
  }
})

/** Rows of ours that hold on another condition than any row of the guide for the same place and element. */
function differences(name: string, rows: readonly GuideRow[]): readonly string[] {
  const theirs = rows.map(([row, when]) => `${keyOf(row)} | ${conditionOf(row.split(' ')[0]!, when)}`)
  const places = keysOf(rows)
  const different = (ours[name]?.rows ?? []).filter(row => {
    const [from, , , options] = row
    const key = keyOfRow(row)
    return places.has(key) && !theirs.includes(`${key} | ${conditionOf(from, options?.when)}`)
  })
  return [...new Set(different.map(keyOfRow))].sort()
}

describe("our datatypes and the guide's", () => {
  for (const [name, rows] of Object.entries(datatypeGuide)) {
    const theirs = keysOf(rows)
    const rowsOfOurs = new Set((datatypeMaps[name]?.rows ?? []).map(keyOfRow))
    const elsewhere = [...Object.keys(datatypes.inCode[name] ?? {}), ...Object.keys(datatypes.leftOut[name] ?? {})]

    it(`${name}: every row of the guide is translated or left out with a reason`, () => {
      const missing = [...theirs].filter(row => !rowsOfOurs.has(row) && !elsewhere.includes(row))
      expect(elsewhere.includes('*') ? [] : missing).toEqual([])
      expect(elsewhere.includes('*') && missing.length === 0).toBe(false)
    })

    it(`${name}: every row of ours is one of the guide, and nothing is listed without need`, () => {
      expect([...rowsOfOurs].filter(row => !theirs.has(row))).toEqual([])
      expect(elsewhere.filter(row => row !== '*' && (!theirs.has(row) || rowsOfOurs.has(row)))).toEqual([])
    })
  }
})

describe('code maps', () => {
  it('lead to codes that HL7 has, but for those that came after R4', () => {
    const wrong = Object.entries(codeMaps).filter(([, rows]) =>
      Object.values<readonly [string, number, string]>(rows).some(([code, system]) => {
        const url = systems[system]!
        return isKnownSystem(url) && !hasCode(url, code)
      }),
    )
    expect(wrong.map(([name]) => name)).toEqual(Object.keys(laterCodes))
  })

  it('of ours do so as well', () => {
    const rows = Object.entries<Readonly<Record<string, Mapped>>>(ownCodes).flatMap(([name, codes]) =>
      Object.entries(codes).map(([from, to]) => ({ row: `${name} ${from}`, to })),
    )
    const wrong = rows.filter(({ to }) => isKnownSystem(to.system) && !hasCode(to.system, to.code))
    expect(wrong.map(({ row }) => row)).toEqual([])
  })
})

describe("the guide's mistakes", () => {
  it('that are listed are rows of the guide', () => {
    const rows = [guide, datatypeGuide].flatMap(maps =>
      Object.entries(maps).flatMap(([map, list]) => list.map(([row]) => `${map} ${row}`)),
    )
    expect(Object.keys(mistakes).filter(row => !rows.includes(row))).toEqual([])
  })

  it('in codes are mended', () => {
    expect(lookUp('MaritalStatus', 'C')).toMatchObject({ system: 'http://terminology.hl7.org/CodeSystem/v2-0002' })
    expect(lookUp('TelecommunicationEquipmentType', 'CP')).toMatchObject({ code: 'phone' })
    expect(lookUp('BodyParts', 'KIDN')).toMatchObject({ code: 'KIDN', display: 'Kidney' })
    expect(lookUp('EventRelatedPeriod', 'IC')).toBeUndefined()
    expect(lookUp('EventRelatedPeriod', 'AC')).toMatchObject({ code: 'AC' })
    expect(lookUp('OrderStatus', 'CA')).toMatchObject({ system: 'http://hl7.org/fhir/request-status', code: 'revoked' })
  })

  it('in displays are written as HL7 writes them', () => {
    expect(lookUp('IdentifierType', 'DL')).toMatchObject({ display: "Driver's license number" })
  })

  it('in elements are found by machine', () => {
    expect(wrongTarget('PID[Patient]', 'PID-13 telecom[1].use')).toBeNull()
    expect(wrongTarget('PV1[Encounter]', 'PV1-7 participant[1].individual(Practitioner)')).toBeNull()
    expect(wrongTarget('OBX[Observation]', 'OBX-5 valueQuantity.value')).toBeNull()
    expect(wrongTarget('OBX[Observation]', 'OBX-5 valueSampedData')).toBe('no Observation.valueSampedData')
    expect(wrongTarget('XCN[PractitionerRole]', 'XCN.9 practitioner(Practioner.name)')).toBe('no type Practioner')
    expect(wrongTarget('DG1[Encounter]', 'DG1-16 diagnosis.condition(Condition.asserter(X)')).toBe(
      'a bracket is missing',
    )
  })
})

it('what is translated in code names the file, and there is such a file', () => {
  const reasons = [inCode, datatypes.inCode].flatMap(lists => Object.values(lists).flatMap(rows => Object.values(rows)))
  const files = new Set(reasons.flatMap(reason => reason.match(/[\w/-]+\.ts\b/g) ?? []))
  const room = join(import.meta.dirname, '../../../../adapters/hl7v2')
  expect([...files].filter(file => !existsSync(join(room, file)))).toEqual([])
})

describe('docs/reference/hl7-coverage.md', () => {
  it('is fresh (node scripts/gen-hl7-coverage.ts)', () => {
    expect(readFileSync(coverageFile, 'utf8')).toBe(coverage())
  })

  it('says of 97 % of the rows at least that they are ours or why they are not', () => {
    const shares = Object.entries(totals()).map(([what, { rows, open }]) => [what, (rows - open) / rows >= 0.97])
    expect(Object.fromEntries(shares)).toEqual({ segments: true, datatypes: true, codes: true })
  })
})

describe.skipIf(!existsSync(corpus))('the generated tables (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it("are fresh: made again from the guide's rows they are the same", () => {
    const folder = join(import.meta.dirname, '../../../../adapters/hl7v2/tables/generated')
    for (const [name, content] of generate(join(corpus, 'v2-to-fhir'))) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe(content)
    }
  })

  it('are not made of a guide with a condition that is none', () => {
    const dir = mkdtempSync(join(tmpdir(), 'guide-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    cpSync(join(corpus, 'v2-to-fhir/normalised'), join(dir, 'normalised'), { recursive: true })
    const file = join(dir, 'normalised/segments.json')
    chmodSync(file, 0o600)
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('IF PV1-45 VALUED', 'IF PV1-45 PERHAPS'))
    expect(() => generate(dir)).toThrow('PV1[Encounter] PV1-45: IF PV1-45 PERHAPS')
  })
})
