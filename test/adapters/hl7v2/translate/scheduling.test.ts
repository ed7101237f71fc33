import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, one, pid, refusalOf, translate } from './messages.ts'

const sch = (more: Readonly<Record<number, string>> = {}) => {
  const fields: Record<number, string> = {
    1: 'P77^EHR',
    2: 'F12^DESK',
    6: 'ADD^Added^L',
    7: 'CHECKUP^Check up^HL70276',
    8: 'Normal^Routine^HL70277',
    9: '30',
    10: 'min',
    11: '^^30^20261201090000^20261201093000',
    16: '9^Desk^Dora',
    20: '10^Typist^Tom',
    25: 'Booked^Booked^HL70278',
    ...more,
  }
  return `SCH|${Array.from({ length: 27 }, (_, i) => fields[i + 1] ?? '').join('|')}`
}
const ais = 'AIS|1|A|CONSULT^Cardiology consult^L|20261201090000|||30|min'
const ail = 'AIL|1|A|ROOM5^^^CLINIC||||||||'
const aip = 'AIP|1|A|100^Heal^Greta|D^Doctor^L||20261201091000|||15|min'
const aig = 'AIG|1|A|ECG1^ECG recorder^L|DEV^Device^L||||'
const group = ['RGS|1|A', ais, 'NTE|1||fasting please', aig, ail, aip]
const siu = (event: string, ...segments: readonly string[]) => [msh(`SIU^${event}^SIU_S12`), ...segments]
const booked = (event = 'S12') => siu(event, sch(), 'NTE|1||yearly check', pid, ...group)
const statusOf = (event: string, filler = 'Booked') =>
  one(translate(siu(event, sch({ 25: filler }), pid, ...group)), 'Appointment').status

describe('SIU → Appointment', () => {
  const translated = translate(booked())
  const appointment = one(translated, 'Appointment')

  it('says when, what, why and who', () => {
    expect(appointment).toMatchObject({
      status: 'booked',
      start: '2026-12-01T09:00:00+01:00',
      end: '2026-12-01T09:30:00+01:00',
      minutesDuration: 30,
      identifier: [{ value: 'P77' }, { value: 'F12' }],
      serviceType: [{ coding: [{ code: 'CONSULT' }] }],
      reasonCode: [{ coding: [{ system: 'http://snomed.info/sct', code: '866149003' }] }],
      appointmentType: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0277', code: 'Normal' }] },
      comment: 'yearly check\nfasting please',
    })
    expect(check(appointment)).toEqual([])
  })

  it('the patient, staff, rooms and machines take part, each in its time', () => {
    const parts = appointment.participant.map(({ actor, required, period, status }) => ({
      actor: actor?.reference?.split('/')[0] ?? actor?.display,
      required,
      period,
      status,
    }))
    const start = '2026-12-01T09:10:00+01:00'
    expect(parts).toEqual([
      { actor: 'Patient', status: 'accepted' },
      { actor: 'Practitioner', required: 'information-only', status: 'accepted' },
      { actor: 'Practitioner', required: 'information-only', status: 'accepted' },
      { actor: 'ECG recorder', status: 'accepted' },
      { actor: 'Location', status: 'accepted' },
      { actor: 'Practitioner', period: { start, end: '2026-12-01T09:25:00+01:00' }, status: 'accepted' },
    ])
  })

  it.each('S12 S13 S14 S18 S19 S20 S21 S22'.split(' '))('%s is as SCH-25 says', event => {
    expect(statusOf(event)).toBe('booked')
    expect(statusOf(event, 'Complete')).toBe('fulfilled')
  })

  it.each([
    ['Canceled', 'cancelled'],
    ['CANCELLED BY PATIENT', 'cancelled'],
    ['^No show', 'noshow'],
    ['NO-SHOW', 'noshow'],
  ])('an appointment that does not take place is not booked, in whose words ever: SCH-25 %s', (filler, status) => {
    expect(statusOf('S14', filler)).toBe(status)
  })

  it.each([
    ['S15', 'cancelled'],
    ['S16', 'cancelled'],
    ['S17', 'entered-in-error'],
    ['S26', 'noshow'],
  ])('%s is %s, whatever SCH-25 says', (event, status) => {
    expect(statusOf(event)).toBe(status)
  })

  it.each([
    ['BOOKED^^HL70278', 'booked'],
    ['^Pending', 'pending'],
    ['scheduled', 'booked'],
    ['Noshow', 'noshow'],
    ['Started', 'checked-in'],
    ['Deleted', 'entered-in-error'],
    ['', 'booked'],
  ])('SCH-25 %s is %s', (filler, status) => {
    expect(statusOf('S14', filler)).toBe(status)
  })

  it('a cancelled appointment has the reason of the event', () => {
    const cancelled = one(translate(siu('S15', sch({ 6: 'ILL^Patient is ill^L' }), pid)), 'Appointment')
    expect(cancelled.cancelationReason?.coding?.[0]).toMatchObject({ code: 'ILL', display: 'Patient is ill' })
    expect(one(translate(booked()), 'Appointment')).not.toHaveProperty('cancelationReason')
    // R4's app-4 forbids it there by a slip (`no-show`)
    expect(one(translate(booked('S26')), 'Appointment')).not.toHaveProperty('cancelationReason')
  })

  it.each('S23 S24'.split(' '))('%s is about a schedule and nobody: nothing, noted', event => {
    const blocked = translate(siu(event, sch(), 'RGS|1', ail))
    expect(blocked.changes.filter(({ subject }) => subject)).toEqual([])
    expect(codesOf(blocked)).toContain('E_PRUNED SCH-11')
  })

  it('an event that is not of HL7 is refused', () => {
    expect(refusalOf([msh('SIU^S99'), sch(), pid])).toBe('E_EVENT at MSH-9.2')
  })

  it('AI segments without RGS count, those that are taken back do not', () => {
    const some = siu('S18', sch(), pid, ais, aip.replace('|A|', '|D|'), 'RGS|2|D', aig)
    expect(one(translate(some), 'Appointment').participant).toHaveLength(3)
  })

  it("a resource's own status is its part in the appointment", () => {
    const declined = aip.replace('|15|min', '|15|min||Cancelled')
    const [last] = one(translate(siu('S14', sch(), pid, 'RGS|1', declined)), 'Appointment').participant.slice(-1)
    expect(last?.status).toBe('declined')
  })

  it('a visit, observations and what else stands beside the patient come with it', () => {
    const visit = `PV1|1|O|W1${'|'.repeat(16)}V9`
    const rich = translate(siu('S12', sch(), pid, visit, 'OBX|1|ST|ACC^Access^L||lift||||||F', ...group))
    expect(one(rich, 'Encounter')).toBeDefined()
    expect(one(rich, 'Observation').code.coding?.[0]?.code).toBe('ACC')
    expect(rich.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })
})

describe('when', () => {
  const timed = (fields: Readonly<Record<number, string>>, ...more: readonly string[]) =>
    one(translate(siu('S12', sch(fields), ...more)), 'Appointment')

  it('TQ1 stands before SCH-11, which it took the place of', () => {
    const tq1 = 'TQ1|1||||||20261202100000|20261202110000'
    expect(timed({}, tq1, pid)).toMatchObject({
      start: '2026-12-02T10:00:00+01:00',
      end: '2026-12-02T11:00:00+01:00',
    })
  })

  it('an end that is not told, or lies before the start, is start and duration', () => {
    expect(timed({ 11: '^^^20261201090000' }, pid).end).toBe('2026-12-01T09:30:00+01:00')
    expect(timed({ 11: '^^^20261201090000^20261130093000', 9: '2', 10: 'HR' }, pid).end).toBe(
      '2026-12-01T11:00:00+01:00',
    )
    expect(timed({ 11: '^^^20261201090000', 9: '' }, pid).end).toBe('2026-12-01T09:00:00+01:00')
  })

  it('the service says when, where the appointment does not', () => {
    expect(timed({ 11: '', 9: '' }, pid, 'RGS|1', ais)).toMatchObject({
      start: '2026-12-01T09:00:00+01:00',
      end: '2026-12-01T09:30:00+01:00',
    })
  })

  it('an offset counts from the start of the appointment', () => {
    const later = 'AIP|1|A|100^Heal|D|||1|h|30|min'
    const [last] = timed({}, pid, 'RGS|1', later).participant.slice(-1)
    expect(last?.period).toEqual({ start: '2026-12-01T10:00:00+01:00', end: '2026-12-01T10:30:00+01:00' })
  })

  it('a booked appointment without a time is refused, one that FHIR lets be without is not', () => {
    const without = (event: string, filler: string) => siu(event, sch({ 11: '', 25: filler }), pid)
    expect(refusalOf(without('S12', 'Booked'))).toBe('E_FIELD_MISSING at SCH-11')
    expect(refusalOf(without('S26', ''))).toBe('E_FIELD_MISSING at SCH-11')
    expect(one(translate(without('S12', 'Pending')), 'Appointment').status).toBe('proposed')
    expect(one(translate(without('S15', '')), 'Appointment')).not.toHaveProperty('start')
  })

  it('a deleted appointment without a time is deleted', () => {
    const [change] = changesOf(translate(siu('S17', sch({ 11: '' }), pid)), 'Appointment')
    expect(change).toMatchObject({ verb: 'delete', identity: namesOf(translate(booked()), 'Appointment') })
  })
})

describe('who and which', () => {
  const nameOf = (...segments: readonly string[]) => namesOf(translate(segments), 'Appointment')[0]

  it('every event about an appointment has its name; the whole of it is told', () => {
    const first = nameOf(...booked())
    for (const event of ['S13', 'S14', 'S15', 'S17', 'S26']) expect(nameOf(...booked(event))).toEqual(first)
    expect(nameOf(...siu('S14', sch({ 11: '^^^20270101100000' }), pid))).toEqual(first)
    expect(changesOf(translate(booked()), 'Appointment')[0]?.verb).toBe('replace')
    expect(changesOf(translate(booked()), 'Patient')[0]?.verb).toBe('ensure')
  })

  it('another number, patient or occurrence is another appointment', () => {
    const names = [
      nameOf(...booked()),
      nameOf(...siu('S12', sch({ 2: 'F13^DESK' }), pid)),
      nameOf(...siu('S12', sch({ 3: '2' }), pid)),
      nameOf(...siu('S12', sch(), pid.replace('12345', '67890'))),
    ].map(name => name?.value)
    expect(new Set(names).size).toBe(4)
  })

  it('without a number only the message names it', () => {
    expect(codesOf(translate(siu('S12', sch({ 1: '', 2: '' }), pid)))).toContain('E_PROVISIONAL SCH-2')
  })

  it('an appointment of two patients is one for each', () => {
    const both = translate(siu('S12', sch(), pid, pid.replace('12345', '67890'), ...group))
    const appointments = changesOf(both, 'Appointment')
    expect(appointments.map(({ subject }) => subject)).toMatchObject([{ value: '12345' }, { value: '67890' }])
    expect(new Set(namesOf(both, 'Appointment').map(({ value }) => value)).size).toBe(2)
    const patients = appointments.map(({ resource }) => JSON.stringify(resource).match(/"Patient\/[\w-]+"/g))
    expect(patients).toEqual([['"Patient/patient"'], ['"Patient/patient-2"']])
  })

  it('nobody and nothing are refused', () => {
    expect(refusalOf(siu('S12', sch(), ...group))).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf(siu('S12', pid, ...group))).toBe('E_SEGMENT_MISSING at SCH')
  })
})

describe('the order behind an appointment', () => {
  it('is named by SCH-26, only added, and the appointment is based on it', () => {
    const translated = translate(siu('S12', sch({ 26: 'P1^EHR' }), pid, 'RGS|1', ais))
    expect(one(translated, 'ServiceRequest')).toMatchObject({
      status: 'active',
      intent: 'order',
      code: { coding: [{ code: 'CONSULT' }] },
      occurrencePeriod: { start: '2026-12-01T09:00:00+01:00', end: '2026-12-01T09:30:00+01:00' },
    })
    expect(changesOf(translated, 'ServiceRequest')[0]?.verb).toBe('ensure')
    expect(one(translated, 'Appointment').basedOn).toEqual([{ reference: 'ServiceRequest/servicerequest' }])
  })

  it('has the name that the order itself has', () => {
    const ordered = translate([msh('ORU^R01'), pid, 'OBR|1|P1^EHR|F1|CONSULT^Consult^L', 'OBX|1|ST|X^Y^L||z||||||F'])
    const booking = translate(siu('S12', sch({ 26: 'P1^EHR' }), pid, 'RGS|1', ais))
    expect(namesOf(booking, 'ServiceRequest')).toEqual(namesOf(ordered, 'ServiceRequest'))
  })
})
