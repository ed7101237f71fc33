/** What the benchmarks send: synthetic, and every message one that the line has not seen. */

/** 300 bytes of Open mHealth with a time of its own. */
export function reading(n: number): string {
  const date_time = new Date(1_790_000_000_000 + n * 1000).toISOString()
  const schema_id = { namespace: 'omh', name: 'heart-rate', version: '1.1' }
  const header = {
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    creation_date_time: date_time,
    schema_id,
  }
  const body = { heart_rate: { value: 60 + (n % 60), unit: 'beats/min' }, effective_time_frame: { date_time } }
  return JSON.stringify({ header, body })
}

const names = [
  '2345-7^Glucose',
  '2160-0^Creatinine',
  '6298-4^Potassium',
  '2951-2^Sodium',
  '2075-0^Chloride',
  '3094-0^Urea nitrogen',
  '17861-6^Calcium',
]

/** An ORU of about 2 KB: seven results with reference ranges and a note. `patient` is the number in PID-3. */
export function oru(n: number, patient = 4711): string {
  const obx = names.map(
    (name, i) =>
      `OBX|${i + 1}|NM|${name} [Mass/volume] in Serum or Plasma^LN||${90 + ((n + i) % 40)}.${n % 10}|mg/dL^mg/dL^UCUM|70-99|N|||F|||20261124084500+0000||TECH^Lab^Tech|AUTO^Automated analyser line 3`,
  )
  return [
    `MSH|^~\\&|LAB|NORTH|GATEWAY|NORTH|20261124093000+0000||ORU^R01^ORU_R01|B${n}|P|2.5.1|||||AUT|UNICODE UTF-8`,
    `PID|1||${patient}^^^NORTH&2.16.840.1.113883.19.5&ISO^MR||Brandstaetter^Aenne^Maria||19740512|F|||Lindengasse 7^^Wien^W^1070^AT`,
    `OBR|1|ORD-${n}^EHR|ACC-${n}^LAB|24323-8^Comprehensive metabolic 2000 panel^LN|||20261124084500+0000|||||||||||||||20261124092500+0000||LAB|F`,
    ...obx,
    `NTE|1|L|${'Specimen slightly haemolysed; potassium may be falsely high. '.repeat(8)}`,
    '',
  ].join('\r')
}
