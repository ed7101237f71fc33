/** The payload formats, by the last level of the topic. A new one is a file here and a line below. */
import type { Format } from '../measurement.ts'
import { fhir } from './fhir.ts'
import { omh } from './omh.ts'

export const formats: Readonly<Record<string, Format>> = { fhir, omh }
