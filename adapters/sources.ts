/** The main thread's half of the registry: configured listeners → sources. */
import type { Environment } from '../src/environment.ts'
import type { Log } from '../src/log.ts'
import type { Intake, Source } from '../src/ports.ts'
import { fhirSource } from './fhir-http/source.ts'
import { mllpSource } from './hl7v2/source.ts'
import { mqttSource } from './trackers/source.ts'

/** What every source is given. */
export type SourceParts = Readonly<{ intake: Intake; environment: Environment; log: Log }>

const kinds = { mllp: mllpSource, mqtt: mqttSource, fhir: fhirSource }

/** The settings of each source, by its name in the configuration. */
export type SourceSettings = { readonly [Kind in keyof typeof kinds]?: Parameters<(typeof kinds)[Kind]>[0] }

/** Makes the configured sources; none is started yet. */
export function openSources(settings: SourceSettings, parts: SourceParts): Source[] {
  return [
    ...(settings.mllp ? [kinds.mllp(settings.mllp, parts)] : []),
    ...(settings.mqtt ? [kinds.mqtt(settings.mqtt, parts)] : []),
    ...(settings.fhir ? [kinds.fhir(settings.fhir, parts)] : []),
  ]
}
