/** Datatype maps of the guide: simple values, names, addresses, telephones (v2 datatype[FHIR type] in the row's name). */
import type { Address, ContactPoint, HumanName, Period } from 'fhir/r4.js'
import { type Decimal, decimal, isDecimalText } from '../../../src/fhir/json.ts'
import { lookUp, v2Display } from '../tables/codes.ts'
import type { Draft } from './draft.ts'
import { type Cell, type DataMap, datatype, type Options } from './engine.ts'

const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g
/** Nearly all values: printable ASCII without outer blanks. */
const ready = /^[!-~](?:[ -~]*[!-~])?$/

/** Text fit for a FHIR string: without control characters and outer blanks; undefined when nothing is left. */
export function clean(value: string | null | undefined): string | undefined {
  if (!value) return undefined
  return ready.test(value) ? value : value.replace(controls, '').toWellFormed().trim() || undefined
}

/** Text fit for a FHIR code: inner blanks are single. */
export function cleanCode(value: string | null | undefined): string | undefined {
  return clean(value)?.replace(/\s+/g, ' ')
}

/** ST[string]: the first part of the cell. */
export const text: DataMap<string> = cell => clean(cell.value())

/** FT[markdown], TX and ST of free text: the whole cell, whatever separators the sender forgot to escape. */
export const freeText: DataMap<string> = cell => clean(cell.whole())

/** DTM[dateTime], TS[dateTime]: what is no time is left out and noted E_DATE. */
export const dateTime: DataMap<string> = (cell, draft) => momentOf(cell, draft)?.at

/** DTM[date]: a time is cut to its day. */
export const date: DataMap<string> = (cell, draft) => momentOf(cell, draft)?.at.slice(0, 10)

/** DTM[instant]: needs a time of day. */
export const instant: DataMap<string> = (cell, draft) => {
  const moment = momentOf(cell, draft)
  if (moment && moment.precision !== 'time') draft.note('E_PRUNED', cell.at())
  return moment?.precision === 'time' ? moment.at : undefined
}

function momentOf(cell: Cell, draft: Draft) {
  const value = clean(cell.value())
  return value ? draft.time(value, cell.at()) : null
}

/** NM (HL7 v2.5.1 §2.A.47): optional sign, digits, optional point. `+`, leading zeros and bare points go; the digits stay. */
export function readNumber(value: string): Decimal | undefined {
  if (/^-?(?:0|[1-9]\d{0,99})(?:\.\d{1,99})?$/.test(value)) return decimal(value)
  const parts = /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(value)
  if (!parts || !/\d/.test(value)) return undefined
  const digits = `${parts[1] === '-' ? '-' : ''}${parts[2] || '0'}${parts[3] ? `.${parts[3]}` : ''}`
  return isDecimalText(digits) ? decimal(digits) : undefined
}

/** NM[positiveInt], NM[integer] */
export const positive: DataMap<number> = (cell, draft) => {
  const value = clean(cell.value())
  if (!value) return undefined
  if (/^\+?0*[1-9]\d{0,8}$/.test(value)) return Number(value)
  draft.note('E_PRUNED', cell.at())
  return undefined
}

/** ID[code], IS[code], CWE[code]: through the row's code map; a code without a row goes on the work list. */
export const code: DataMap<string> = (cell, draft, options) => coded(cell, draft, options)?.code

/** ID[boolean] by the code map Yes/no. */
export const yesNo: DataMap<boolean> = (cell, draft) => {
  const found = coded(cell, draft, { codes: 'YesNoIndicator' })
  return found && found.code === 'true'
}

function coded(cell: Cell, draft: Draft, { codes }: Options) {
  const value = cleanCode(cell.value()) ?? cleanCode(cell.value(4))
  if (!value || !codes) return undefined
  const mapped = lookUp(codes, value) ?? lookUp(codes, value.toUpperCase())
  if (!mapped) draft.unmap(cell.place(), '', value)
  return mapped
}

/** DR[Period] and pairs of DTM. */
export const period = datatype<Period>([
  ['DR.1', 'start', dateTime],
  ['DR.2', 'end', dateTime],
])

const nameTypes = 'http://terminology.hl7.org/CodeSystem/v2-0200'

/** ID[code] of a name. Table 0200 has kinds that FHIR has no use for (birth name, religious): these are no work for anybody. */
function nameUse(cell: Cell, draft: Draft): string | undefined {
  const value = cleanCode(cell.value())
  if (!value) return undefined
  const known = lookUp('NameType', value) ?? lookUp('NameType', value.toUpperCase())
  if (!known && v2Display(nameTypes, value) === undefined) draft.unmap(cell.place(), '', value)
  return known?.code
}

const hasName = (name: HumanName) => Boolean(name.family ?? name.given ?? name.prefix ?? name.suffix)

/** XPN[HumanName]; in v2.2 and before PN, which is its beginning. */
export const xpn = datatype<HumanName>(
  [
    ['XPN.7', 'use', nameUse],
    ['XPN.1.1', 'family', text],
    ['XPN.2', 'given[]', text],
    ['XPN.3', 'given[]', text],
    ['XPN.5', 'prefix[]', text],
    ['XPN.4', 'suffix[]', text],
    ['XPN.6', 'suffix[]', text],
    ['XPN.14', 'suffix[]', text],
    ['XPN.10', 'period', period, { when: 'XPN.12 NOT VALUED AND XPN.13 NOT VALUED' }],
    ['XPN.12', 'period.start', dateTime],
    ['XPN.13', 'period.end', dateTime],
  ],
  hasName,
)

const called = datatype<HumanName>([['XPN.15', 'given[]', text]])

/** XPN[HumanName], second name: what the person is called (XPN.15, since v2.7). */
export const nickname: DataMap<HumanName> = (cell, draft, options) => {
  const name = called(cell, draft, options)
  return name && { use: 'nickname', ...name }
}

/** The name of XCN[Practitioner] and CNN[Practitioner]: the same places. */
export const xcnName = datatype<HumanName>(
  [
    ['XCN.10', 'use', nameUse],
    ['XCN.2.1', 'family', text],
    ['XCN.3', 'given[]', text],
    ['XCN.4', 'given[]', text],
    ['XCN.6', 'prefix[]', text],
    ['XCN.5', 'suffix[]', text],
    ['XCN.21', 'suffix[]', text],
    ['XCN.17', 'period', period, { when: 'XCN.19 NOT VALUED AND XCN.20 NOT VALUED' }],
    ['XCN.19', 'period.start', dateTime],
    ['XCN.20', 'period.end', dateTime],
  ],
  hasName,
)

/** CNN as NDL.1 has it: XCN without what lies beyond the degree. */
export const cnnName = datatype<HumanName>(
  [
    ['CNN.2', 'family', text],
    ['CNN.3', 'given[]', text],
    ['CNN.4', 'given[]', text],
    ['CNN.6', 'prefix[]', text],
    ['CNN.5', 'suffix[]', text],
  ],
  hasName,
)

const hasPlace = ({ use, type, period, ...rest }: Address) => Object.keys(rest).length > 0

/** XAD[Address] with SAD[Address]. */
export const xad = datatype<Address>(
  [
    ['XAD.7', 'use', code, { codes: 'AddressType[Use]', when: 'XAD.7 IN ("BA", "BI", "C", "B", "H", "O")' }],
    ['XAD.7', 'type', code, { codes: 'AddressType[Type]', when: 'XAD.7 IN ("M", "SH")' }],
    ['XAD.1.1', 'line[]', text],
    ['XAD.1.2', 'line[]', text],
    ['XAD.1.3', 'line[]', text],
    ['XAD.2', 'line[]', text],
    ['XAD.19', 'line[]', text],
    ['XAD.3', 'city', text],
    ['XAD.9', 'district', text],
    ['XAD.4', 'state', text],
    ['XAD.5', 'postalCode', text],
    ['XAD.6', 'country', text],
    ['XAD.12', 'period', period, { when: 'XAD.13 NOT VALUED AND XAD.14 NOT VALUED' }],
    ['XAD.13', 'period.start', dateTime],
    ['XAD.14', 'period.end', dateTime],
  ],
  hasPlace,
)

const telecom = datatype<ContactPoint>([
  ['XTN.3', 'system', code, { codes: 'TelecommunicationEquipmentType' }],
  ['XTN.2', 'use', useOf],
  ['XTN.18', 'rank', positive],
  ['XTN.13', 'period.start', dateTime],
  ['XTN.14', 'period.end', dateTime],
])

/** Table 0201 names kinds that FHIR has no use for (NET, BPN): these are no work for anybody. */
function useOf(cell: Cell): string | undefined {
  const value = cleanCode(cell.value())
  return value && lookUp('TelecommunicationUseCode', value)?.code
}

/**
 * XTN[ContactPoint]; `as` is the use where XTN.2 is empty. FHIR demands a system beside a value (cpt-2): without XTN.3
 * it is `email` where XTN.4 has one, else `phone`, because v2.2's TN is a telephone number.
 */
export const xtn: DataMap<ContactPoint> = (cell, draft, options) => {
  const point = telecom(cell, draft, options) ?? {}
  const email = ['Internet', 'X.400'].includes(cell.value(3) ?? '') || (!cell.value(3) && Boolean(cell.value(4)))
  const value = email ? (clean(cell.value(4)) ?? clean(cell.value(1))) : numberOf(cell)
  if (!value) return undefined
  const use = cell.value(3) === 'CP' ? 'mobile' : (point.use ?? (tellsUse(cell.value(2)) ? undefined : options.as))
  const system = email ? 'email' : (point.system ?? 'phone')
  return { ...point, ...(use && { use: use as 'home' }), system, value }
}

/** NET says that it is an address of the internet, which says nothing of its use. */
function tellsUse(value: string | null | undefined): boolean {
  return Boolean(value) && value !== 'NET'
}

/** XTN.12, else built from country, area, number and extension (XTN.5 to 8), else XTN.1. */
function numberOf(cell: Cell): string | undefined {
  const [country, area, number, extension] = [5, 6, 7, 8].map(n => clean(cell.value(n)))
  const built =
    number && [country && `+${country}`, area, number, extension && `X${extension}`].filter(Boolean).join(' ')
  return clean(cell.value(12)) ?? built ?? clean(cell.value(1))
}
