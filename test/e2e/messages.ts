/** Messages of invented people, for all three ways in. Times are the senders' own; each is unique for patient and code. */

export const authority = '2.16.840.1.113883.19.5'
export const authorityUri = `urn:oid:${authority}`
const base = Date.UTC(2026, 9, 1)

/** LOINC codes by way in. */
export const codes = { mllp: '2345-7', mqtt: '8867-4', fhir: '8310-5' } as const
export type Way = keyof typeof codes

/** The n-th second of the tests' day, RFC 3339. */
export function timeOf(n: number): string {
  return new Date(base + n * 1000).toISOString().replace('.000Z', 'Z')
}

/** Back from a time to its number. */
export function numberOfTime(time: string): number {
  return (Date.parse(time) - base) / 1000
}

function hl7(time: string): string {
  return `${time.replace(/[-:TZ]/g, '')}+0000`
}

export function msh(type: string, id: string, app = 'LAB'): string {
  return `MSH|^~\\&|${app}|NORTH|GATEWAY|NORTH|20261101070000+0000||${type}|${id}|P|2.5.1|||||AUT|UNICODE UTF-8`
}

export const segments = (...lines: readonly string[]): string => `${lines.join('\r')}\r`

export function adt(mrn: string, id: string, name = 'Brandstaetter^Aenne', born = '19740512'): string {
  const pid = `PID|1||${mrn}^^^NORTH&${authority}&ISO^MR||${name}||${born}|F|||Lindengasse 7^^Wien^W^1070^AT`
  return segments(msh('ADT^A01^ADT_A01', id, 'EHR'), 'EVN|A01|20261101070000+0000', pid, 'PV1|1|I')
}

/** A glucose result of the n-th second; `extra` are further segments. */
export function oru(mrn: string, id: string, n: number, ...extra: readonly string[]): string {
  const at = hl7(timeOf(n))
  return segments(
    msh('ORU^R01^ORU_R01', id),
    `PID|1||${mrn}^^^NORTH&${authority}&ISO^MR||Brandstaetter^Aenne`,
    `OBR|1|ORD-${id}|ACC-${id}^LAB|${codes.mllp}^Glucose^LN|||${at}||||||||||||||||||F`,
    `OBX|1|NM|${codes.mllp}^Glucose^LN||${80 + (n % 60)}|mg/dL^mg/dL^UCUM|70-99|N|||F|||${at}`,
    ...extra,
  )
}

/** A heart rate of the n-th second (Open mHealth). */
export function heartRate(
  n: number,
  value: number | string = 60 + (n % 40),
  unit = 'beats/min',
  more: object = {},
): string {
  return JSON.stringify({
    header: {
      id: `reading-${n}`,
      creation_date_time: timeOf(n),
      schema_id: { namespace: 'omh', name: 'heart-rate', version: '1.1' },
    },
    body: { heart_rate: { value, unit }, effective_time_frame: { date_time: timeOf(n) }, ...more },
  })
}

/** A body temperature of the n-th second. */
export function temperature(mrn: string, id: string, n: number) {
  return {
    resourceType: 'Observation',
    identifier: [{ system: 'https://telehealth.example.org/reading', value: id }],
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: codes.fhir }] },
    subject: { type: 'Patient', identifier: { system: authorityUri, value: mrn } },
    effectiveDateTime: timeOf(n),
    valueQuantity: { value: 36.5, unit: '°C', system: 'http://unitsofmeasure.org', code: 'Cel' },
  }
}
