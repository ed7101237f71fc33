import { beforeAll, describe, expect, it } from 'vitest'
import { Refusal } from '../../../src/errors.ts'
import { readJson } from '../../../src/fhir/json.ts'
import type { Protector } from '../../../src/ports.ts'
import { BAND, MASK, SEAL } from '../../../src/protect/format.ts'
import { demandClean } from '../../../src/protect/scan.ts'
import { Terms } from '../../../src/protect/terms.ts'
import type { Change, Sealed } from '../../../src/records.ts'
import { more } from '../fhir/cases.ts'
import type { JsonObject } from './generate.ts'
import { change, newWorld, people, type World } from './world.ts'

let world: World
let protector: Protector
beforeAll(() => {
  world = newWorld()
  protector = world.open()
})

const resource = (name: string) => more.find(([one]) => one === name)![1] as JsonObject
const bodyOf = ({ value }: Sealed) => readJson(value!) as JsonObject
const records = (changes: readonly Change[]) => protector.seal(changes, world.stamp()).records

/** What is readable of a resource, sealed with the people that it refers to. */
function seal(one: JsonObject, named: readonly Change[] = people): JsonObject {
  return bodyOf(records([...named, change(one)]).at(-1)!)
}

function refusal(one: JsonObject): string {
  try {
    seal(one)
  } catch (error) {
    if (error instanceof Refusal) return `${error.kind} ${error.issues.map(({ code, at }) => `${code} ${at}`).join()}`
    throw error
  }
  return 'nothing refused'
}

const role = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode'
const loinc = { coding: [{ system: 'http://loinc.org', code: '18842-5' }] }
const confidential = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }],
})

describe('a dosage', () => {
  const instruct = (dosage: JsonObject) =>
    (seal({ ...resource('a prescription'), dosageInstruction: [dosage] }).dosageInstruction as JsonObject[])[0]!

  it('shows how much, how often and which way, and no word of the prescriber', () => {
    const timing = {
      repeat: { frequency: 2, period: 1, periodUnit: 'd', when: ['PCM'] },
      code: { text: 'BID for Anna' },
    }
    const dose = { value: 5, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' }
    const route = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0162', code: 'PO' }] }
    const sealed = instruct({
      text: 'as I told Anna',
      sequence: 1,
      asNeededBoolean: true,
      timing,
      route,
      doseAndRate: [{ doseQuantity: dose }],
      patientInstruction: 'call Anna',
    })
    expect(sealed).toEqual({
      sequence: 1,
      asNeededBoolean: true,
      timing: { repeat: timing.repeat, code: { extension: [{ url: SEAL, valueString: expect.any(String) }] } },
      route,
      doseAndRate: [{ doseQuantity: dose }],
      extension: [{ url: SEAL, valueString: expect.any(String) }],
    })
  })

  it('shows nothing in place of a number or a listed word', () => {
    const repeat = { frequency: 'Anna', periodUnit: 'Anna', when: ['PC', 'Anna'], timeOfDay: ['Anna'] }
    expect(instruct({ sequence: 'Anna', timing: { event: ['Anna'], repeat } })).toEqual({
      timing: {
        repeat: { extension: [{ url: SEAL, valueString: expect.any(String) }] },
        extension: [{ url: SEAL, valueString: expect.any(String) }],
      },
      extension: [{ url: SEAL, valueString: expect.any(String) }],
    })
  })

  it('shows nothing where the labels restrict it', () => {
    const meta = { security: confidential('R').coding }
    const sealed = seal({ ...resource('a prescription'), meta })
    expect(sealed).toMatchObject({ status: 'active', intent: 'order' })
    expect((sealed.dosageInstruction as JsonObject[])[0]).toEqual({
      extension: [{ url: SEAL, valueString: expect.any(String) }],
    })
    expect(sealed).not.toHaveProperty('medicationCodeableConcept.coding')
  })
})

describe('a document', () => {
  const letter = { ...resource('a document'), relatesTo: undefined }
  const document = (over: JsonObject) => JSON.parse(JSON.stringify({ ...letter, ...over })) as JsonObject

  it('shows its kind and media type, never what it says', () => {
    const sealed = seal(document({ description: 'letter about Anna' }))
    expect(sealed).toMatchObject({ type: loinc, securityLabel: [confidential('N')] })
    expect((sealed.content as JsonObject[])[0]!.attachment).toEqual({
      contentType: 'text/plain',
      extension: [{ url: SEAL, valueString: expect.any(String) }],
    })
    expect(sealed).not.toHaveProperty('description')
  })

  it('does not show its kind either where its own label restricts it', () => {
    const sealed = seal(document({ securityLabel: [confidential('R')] }))
    expect(sealed).toMatchObject({ securityLabel: [confidential('R')] })
    expect(sealed).not.toHaveProperty('type.coding')
  })

  it('is held with a label that readers could not see', () => {
    expect(refusal(document({ securityLabel: [{ text: 'family only' }] }))).toBe(
      'held E_PRIVACY_NO_RULE DocumentReference.securityLabel',
    )
  })
})

describe('a condition', () => {
  it('is held where readers could not see whether it holds', () => {
    const status = (member: string) => refusal({ ...resource('a condition'), [member]: { text: 'gone' } })
    expect(status('clinicalStatus')).toBe('held E_PRIVACY_NO_RULE Condition.clinicalStatus')
    expect(status('verificationStatus')).toBe('held E_PRIVACY_NO_RULE Condition.verificationStatus')
  })

  it('shows no age from 90 years on, in a range either', () => {
    const years = (value: number) => ({ value, system: 'http://unitsofmeasure.org', code: 'a' })
    const onset = (low: number, high: number) =>
      seal({ ...resource('a condition'), onsetDateTime: undefined, onsetRange: { low: years(low), high: years(high) } })
    expect(onset(88, 89).onsetRange).toEqual({ low: years(88), high: years(89) })
    expect(onset(88, 95).onsetRange).toEqual({
      low: years(88),
      high: { extension: [{ url: SEAL, valueString: expect.any(String) }] },
    })
  })
})

describe('a relative', () => {
  it('is a person: a birth year, a country, no name', () => {
    const sealed = seal({ ...resource('a relative'), address: [{ line: ['1 Any Street'], country: 'AT' }] })
    expect(sealed).toMatchObject({ birthDate: '1950', name: [{ _family: { extension: [{ url: MASK }] } }] })
    expect((sealed.address as JsonObject[])[0]).toMatchObject({ country: 'AT' })
    expect(seal({ ...resource('a relative'), birthDate: '1930-01-02' })._birthDate).toMatchObject({
      extension: [{ url: SEAL }, { url: MASK }, { url: BAND, valueString: '90+' }],
    })
  })
})

describe('numbers of a person', () => {
  const withNumber = (member: JsonObject): JsonObject => ({
    ...resource('an immunization'),
    lotNumber: 'AB-1234',
    ...member,
  })

  it.each([
    ['Coverage', { subscriberId: 'AB-1234' }],
    ['Specimen', { accessionIdentifier: { value: 'AB-1234' } }],
    ['DocumentReference', { masterIdentifier: { value: 'AB-1234' } }],
    ['MedicationRequest', { groupIdentifier: { value: 'AB-1234' } }],
  ])('in a %s are sealed wherever they stand in the message', (resourceType, member) => {
    expect(seal(withNumber({}))).toMatchObject({ lotNumber: 'AB-1234' })
    const bearer = change({ resourceType, id: 'bearer', ...member })
    expect(seal(withNumber({}), [...people, bearer])).not.toHaveProperty('lotNumber')
  })
})

describe('the last scan', () => {
  it('does not hold what is measured in minutes and moles because somebody is called Min Mol', () => {
    const patient = { resourceType: 'Patient', id: 'patient', name: [{ family: 'Mol', given: ['Min', 'Mon'] }] }
    const unit = { system: 'http://unitsofmeasure.org', code: 'mol/L' }
    const repeat = { duration: 5, durationUnit: 'min', dayOfWeek: ['mon'] }
    const dosageInstruction = [{ timing: { repeat }, doseAndRate: [{ doseQuantity: { value: 1, ...unit } }] }]
    const sealed = seal({ ...resource('a dispense'), dosageInstruction }, [change(patient, { verb: 'ensure' })])
    expect(sealed.dosageInstruction).toEqual(dosageInstruction)
  })
})

describe('codes of billing and of providers', () => {
  const shown = (system: string, code: string) => {
    const one = { ...resource('a charge'), code: { coding: [{ system, code }] } }
    return 'coding' in (seal(one).code as JsonObject)
  }
  const pcs = 'http://www.cms.gov/Medicare/Coding/ICD10'
  const hcpcs = 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'

  it.each([
    [pcs, '0DTJ4ZZ', 'CHARLES'],
    [hcpcs, 'J1100', 'ANNA1'],
    ['http://nucc.org/provider-taxonomy', '207R00000X', '2070000000'],
    ['http://hl7.org/fhir/sid/icd-9-cm', '45.13', '45'],
    ['http://terminology.hl7.org/CodeSystem/v2-0487', 'BLD', 'ANNA'],
  ])('of %s stay where they look like one', (system, code, word) => {
    expect([shown(system, code), shown(system, word)]).toEqual([true, false])
  })
})

describe('our own displays', () => {
  it('are no words of the sender, as a text either', () => {
    const patient = { resourceType: 'Patient', id: 'patient', name: [{ family: 'Mother' }] }
    const relationship = [{ coding: [{ system: role, code: 'MTH', display: 'mother' }], text: 'mother' }]
    const sealed = seal({ ...resource('a relative'), relationship }, [change(patient, { verb: 'ensure' })])
    expect(sealed.relationship).toEqual(relationship)
  })
})

describe('the second pass of the last scan', () => {
  it('looks at a code whose name is a closed list elsewhere', () => {
    const terms = new Terms()
    terms.learn('value', '29463-7')
    const concept = { coding: [{ system: 'http://loinc.org', code: '29463-7' }] }
    const held = (one: JsonObject) => {
      expect(() => demandClean(one, terms)).toThrow(Refusal)
    }
    held({ resourceType: 'Specimen', type: concept })
    held({ resourceType: 'Provenance', agent: [{ role: [concept] }] })
    held({ resourceType: 'Observation', contained: [{ resourceType: 'Specimen', type: concept }] })
    terms.learn('family', 'Derivation')
    demandClean({ resourceType: 'Provenance', entity: [{ role: 'derivation' }] }, terms)
    demandClean({ resourceType: 'Observation', contained: [{ resourceType: 'Condition' }] }, terms)
  })
})

describe('a role', () => {
  it('is sealed under the key of the practitioner whose role it is', () => {
    const fresh = newWorld().open()
    const subjects = (changes: readonly Change[]) =>
      fresh
        .seal(changes, world.stamp())
        .records.filter(({ lane }) => lane === 'key')
        .map(({ value }) => JSON.parse(Buffer.from(value!).toString()).subject)
    const [, doctor] = people
    expect(subjects([doctor!, change(resource('a role'))])).toEqual([fresh.idOf('Practitioner', doctor!.identity[0]!)])
    expect(subjects([change({ ...resource('a role'), practitioner: undefined })])).toEqual(['tenant'])
  })

  it('has a key of its own in Kafka, and a message header that of its patient', () => {
    const header = { ...resource('a message header') }
    const keys = records([...people, change(resource('a role')), change(header)])
      .filter(({ lane }) => lane === 'data')
      .map(({ key, headers }) => [JSON.parse(headers)['cg-type'], key])
    const of = new Map(keys as [string, string][])
    expect(of.get('MessageHeader')).toBe(of.get('Patient'))
    expect(of.get('PractitionerRole')).not.toBe(of.get('Practitioner'))
  })
})

describe('an address of words', () => {
  it('is no reference to follow', () => {
    const sealed = seal(resource('an immunization'))
    expect((sealed.education as JsonObject[])[0]).toMatchObject({
      _reference: { extension: [{ url: SEAL }, { url: MASK }] },
    })
  })
})
