/** The datatypes that name people and reach them: what stays readable of each (SEALING S2, *Shape*). */
import { isClean } from './concept.ts'
import { isPlace, isState } from './places.ts'
import { isObject, type JsonObject, pickListed, type Sealing, sealComplex, words } from './slot.ts'

const nameUse = words('usual official temp nickname anonymous old maiden')
const contactSystem = words('phone fax email pager url sms other')
const contactUse = words('home work temp old mobile')
const addressUse = words('home work temp old billing')
const addressType = words('postal physical both')
const identifierUse = words('usual official temp secondary old')
const contentTypes = words(
  'application/pdf application/rtf application/dicom application/xml application/json application/fhir+json application/msword application/octet-stream text/plain text/html text/rtf text/xml image/jpeg image/png image/gif image/tiff image/bmp audio/mpeg audio/wav video/mp4',
)

/** Systems of identifiers that may stay readable: national ones, the same for everybody. */
const identifierSystems = words(
  'http://hl7.org/fhir/sid/us-npi http://hl7.org/fhir/sid/us-ssn http://hl7.org/fhir/sid/us-medicare http://hl7.org/fhir/sid/us-mbi urn:ietf:rfc:3986',
)

export function humanName(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return sealComplex(value, path, sealing, { clear: pickListed(value, 'use', nameUse), masks: ['family'] })
}

export function contactPoint(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const clear = { ...pickListed(value, 'system', contactSystem), ...pickListed(value, 'use', contactUse) }
  return sealComplex(value, path, sealing, { clear, masks: ['value'] })
}

export function attachment(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return sealComplex(value, path, sealing, { clear: pickListed(value, 'contentType', contentTypes) })
}

export function annotation(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return sealComplex(value, path, sealing, { clear: {}, masks: ['text'] })
}

/** A country of ISO 3166-1 and a state of ISO 3166-2 stay. */
export function address(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const { country, state } = value
  const clear = {
    ...pickListed(value, 'use', addressUse),
    ...pickListed(value, 'type', addressType),
    ...(isPlace(country) ? { country } : {}),
    ...(isState(state, country) ? { state } : {}),
  }
  return sealComplex(value, path, sealing, { clear })
}

/** The type stays only when nothing of it had to be sealed, because an identifier has one token. */
export function identifier(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const clear = {
    ...pickListed(value, 'use', identifierUse),
    ...(isObject(value.type) && isClean(value.type, sealing) ? { type: value.type } : {}),
    ...pickListed(value, 'system', identifierSystems),
  }
  return sealComplex(value, path, sealing, { clear, masks: ['value'] })
}
