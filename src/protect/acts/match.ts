/** `match`: texts that stay because a pattern or a list says that they are no words of a sender. */
import type { Json, Sealing } from './slot.ts'

const numberText = String.raw`[+-]?\d{1,7}(?:[.,]\d{1,9})?`
/** A bare whole number of five digits or more may be a phone or a record number; as a text it does not stay. */
const longNumber = String.raw`(?![+-]?\d{5,}$)`
const comparator = `(?:(?:<=|>=|<|>|=|~) ?)?`
/** Comparator and number, ratio or titre (`1:64`, `120/80`), plus signs (`2+`, `+++`). */
const resultForm = new RegExp(
  String.raw`^${longNumber}(?:${comparator}${numberText} ?%?|${comparator}\d{1,4} ?[:/] ?\d{1,5}|[1-4]\+|\+{1,4}|-)$`,
)
/** Comparator and number, or from-to; not the form of a phone number. */
const rangeForm = new RegExp(
  String.raw`^${longNumber}(?!\d{3}-\d{4}$)(?:${comparator}${numberText} ?%?|${numberText} ?(?:-|–|to) ?${numberText} ?%?)$`,
)
/** Words of laboratory results: a closed list, so that they say nothing but the result. */
const resultWords = new Set(
  [
    'positive,negative,pos,neg,reactive,non-reactive,nonreactive,detected,not detected,none detected',
    'indeterminate,equivocal,inconclusive,borderline,invalid,present,absent,none,none seen,no growth',
    'trace,small,moderate,large,few,many,rare,occasional,normal,abnormal,high,low',
    'clear,cloudy,hazy,turbid,yellow,straw,amber,resistant,susceptible,intermediate',
  ].flatMap(line => line.split(',')),
)
/** Makers of devices and trackers; a name that is not here may be somebody's practice. */
const makers = new Set(
  [
    'a&d medical,abbott,apple,beurer,biobeat,coros,dexcom,fitbit,fora,garmin,google,huawei,ihealth,livongo,masimo',
    'medisana,medtronic,microlife,nonin,omron,omron healthcare,oura,philips,polar,roche,samsung,sony,suunto',
    'taidoc,welch allyn,whoop,withings,xiaomi',
  ].flatMap(line => line.split(',')),
)
/** Issuers and jurisdictions of device identifiers (FHIR R4, Device.udiCarrier). */
const udi = new Set([
  'http://hl7.org/fhir/NamingSystem/gs1',
  'http://hl7.org/fhir/NamingSystem/gs1-di',
  'http://hl7.org/fhir/NamingSystem/hibcc',
  'http://hl7.org/fhir/NamingSystem/iccbba-blood',
  'http://hl7.org/fhir/NamingSystem/iccbba-other',
  'http://hl7.org/fhir/NamingSystem/fda-udi',
])

/** Patterns by the name that policy rows use (`arg`). */
const tests: Readonly<Record<string, (text: string) => boolean>> = {
  none: () => false,
  result: text => resultForm.test(text) || resultWords.has(text.toLowerCase()),
  range: text => rangeForm.test(text) || resultWords.has(text.toLowerCase()),
  gtin: text => /^\d{14}$/.test(text),
  udi: text => udi.has(text),
  maker: text => makers.has(text.toLowerCase()),
  catalogue: text => /^[A-Z]{1,4}-?\d{1,5}[A-Z]?(?:-[A-Z0-9]{1,4})?$/.test(text),
  version: text => /^v?\d{1,4}(?:\.\d{1,5}){0,3}$/.test(text),
}

/** The names of the patterns. */
export const patterns: ReadonlySet<string> = new Set(Object.keys(tests))

/** The act of one pattern; what names a person of this message is sealed although it fits. */
export function match(pattern: string): (value: Json, sealing: Sealing) => Json {
  const holds = tests[pattern]!
  return (value, { terms }) => (typeof value === 'string' && holds(value) && !terms.foundIn(value) ? value : undefined)
}
