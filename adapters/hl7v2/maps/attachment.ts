/** ED[Attachment] and RP[Attachment]: what OBX-5 carries, or points to, instead of a value. */
import type { Attachment } from 'fhir/r4.js'
import type { Segment } from '../message.ts'
import { clean, cleanCode } from './datatypes.ts'
import type { Draft } from './draft.ts'
import { Cell } from './engine.ts'

/** Subtypes of HL7 table 0291, and the words that senders use for them, as MIME types. */
const types: Readonly<Record<string, string>> = {
  PDF: 'application/pdf',
  RTF: 'application/rtf',
  HTML: 'text/html',
  XML: 'application/xml',
  SGML: 'text/sgml',
  TXT: 'text/plain',
  TEXT: 'text/plain',
  PLAIN: 'text/plain',
  CSV: 'text/csv',
  JSON: 'application/json',
  JPEG: 'image/jpeg',
  JPG: 'image/jpeg',
  PNG: 'image/png',
  GIF: 'image/gif',
  TIFF: 'image/tiff',
  TIF: 'image/tiff',
  BMP: 'image/bmp',
  PICT: 'image/x-pict',
  FAX: 'image/g3fax',
  BASIC: 'audio/basic',
  WAV: 'audio/wav',
  MPEG: 'video/mpeg',
  MP4: 'video/mp4',
  DICOM: 'application/dicom',
  JOT: 'application/octet-stream',
  'OCTET-STREAM': 'application/octet-stream',
  'X-HL7-CDA-LEVEL-ONE': 'application/x-hl7-cda-level-one+xml',
  'X-HL7-CDA-LEVEL-ONE-MULTIPART': 'multipart/x-hl7-cda-level-one',
  MSWORD: 'application/msword',
  DOC: 'application/msword',
  DOCX: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
}

/** True for an OBX whose value is a document (OBX-2 ED or RP), not a measurement. */
export function isDocument(obx: Segment): boolean {
  return ['ED', 'RP'].includes(clean(obx.value(2)) ?? '')
}

/** The attachments of an OBX of type ED or RP, one a repetition; what cannot be decoded is left out, noted E_PRUNED. */
export function attachmentsOf(obx: Segment, draft: Draft): readonly Attachment[] {
  const read = clean(obx.value(2)) === 'ED' ? encapsulated : pointer
  return obx.field(5).flatMap((field, i) => read(new Cell(obx, 5, i + 1, field), draft) ?? [])
}

/** Text as an attachment. */
export function textAttachment(text: string): Attachment {
  return { contentType: 'text/plain; charset=utf-8', data: Buffer.from(text, 'utf8').toString('base64') }
}

/** ED: source application, type, subtype, encoding, data (HL7 v2.5.1 §2.A.24). */
function encapsulated(cell: Cell, draft: Draft): Attachment | undefined {
  const text = cell.whole() === undefined ? undefined : cell.part(5).whole()
  if (!text) return undefined
  const data = decode(text, clean(cell.value(4))?.toUpperCase() ?? 'A')
  if (!data) draft.note('E_PRUNED', cell.at(5))
  return data ? { contentType: mimeOf(cleanCode(cell.value(2)), cleanCode(cell.value(3))), data } : undefined
}

/** Base64 stays as it is, without line breaks; undefined where it is none. Hex and plain text become base64. */
function decode(text: string, encoding: string): string | undefined {
  const bare = text.replace(/\s+/g, '')
  if (encoding === 'HEX')
    return /^(?:[0-9a-f]{2})+$/i.test(bare) ? Buffer.from(bare, 'hex').toString('base64') : undefined
  if (encoding !== 'BASE64') return Buffer.from(text, 'utf8').toString('base64')
  return isBase64(bare) ? bare : undefined
}

/** Checked in steps that do not backtrack: an attachment may have a million characters. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
}

/** RP: pointer, application, type, subtype (HL7 v2.5.1 §2.A.65). */
function pointer(cell: Cell, draft: Draft): Attachment | undefined {
  const url = clean(cell.value())
  if (!url) return undefined
  if (/\s/.test(url)) {
    draft.note('E_PRUNED', cell.at(1))
    return undefined
  }
  const [type, subtype] = [cleanCode(cell.value(3)), cleanCode(cell.value(4))]
  return { ...((type || subtype) && { contentType: mimeOf(type, subtype) }), url }
}

/** A type of HL7 table 0191 with its subtype as MIME type. */
export function mimeOf(type = '', subtype = ''): string {
  const known = types[subtype.toUpperCase()] ?? types[type.toUpperCase()]
  if (known) return known
  if (/^[\w.+-]+\/[\w.+-]+$/.test(subtype)) return subtype
  const main = /^(?:application|audio|image|model|multipart|text|video)$/i.exec(type)?.[0].toLowerCase()
  if (main && /^[\w.+-]+$/.test(subtype)) return `${main}/${subtype.toLowerCase()}`
  return ['TX', 'FT', 'ST'].includes(type.toUpperCase()) ? 'text/plain' : 'application/octet-stream'
}
