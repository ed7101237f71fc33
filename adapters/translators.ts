/** The engine's half of the registry: format → translator. Adding a way in = one folder and one line in each half. */
import type { Translator } from '../src/ports.ts'
import type { Arrival } from '../src/records.ts'
import { fhirTranslator } from './fhir-http/translate.ts'
import { hl7v2Translator } from './hl7v2/translate.ts'
import { measurementTranslator } from './trackers/translate.ts'

export const translators: Readonly<Record<Arrival['format'], Translator>> = {
  hl7v2: hl7v2Translator,
  measurement: measurementTranslator,
  fhir: fhirTranslator,
}
