/**
 * Coding systems as v2 names them (HL7 table 0396, CWE.3) → the URIs that FHIR knows them by. Not here: systems that
 * every validator has whole (UCUM, ISO 3166, DICOM), because a sender's mistake in them would make the resource invalid.
 */
const rows: readonly (readonly [uri: string, ...names: string[]])[] = [
  ['http://loinc.org', 'LN', 'LOINC', 'LNC', '2.16.840.1.113883.6.1'],
  ['http://snomed.info/sct', 'SCT', 'SNOMED', 'SNOMED-CT', 'SNM3CT', 'PH_SNOMED-CT', '2.16.840.1.113883.6.96'],
  ['http://hl7.org/fhir/sid/icd-10', 'I10', 'ICD10', 'ICD-10', '2.16.840.1.113883.6.3'],
  ['http://hl7.org/fhir/sid/icd-10-cm', 'I10C', 'ICD10CM', 'ICD-10-CM', '2.16.840.1.113883.6.90'],
  ['http://hl7.org/fhir/sid/icd-9-cm', 'I9C', 'I9CDX', 'I9', 'ICD9', 'ICD-9-CM', '2.16.840.1.113883.6.103'],
  ['http://www.nlm.nih.gov/research/umls/rxnorm', 'RXNORM', 'RXN', '2.16.840.1.113883.6.88'],
  ['http://hl7.org/fhir/sid/ndc', 'NDC', '2.16.840.1.113883.6.69'],
  ['http://hl7.org/fhir/sid/cvx', 'CVX', '2.16.840.1.113883.12.292'],
  ['http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl', 'NCIT', '2.16.840.1.113883.3.26.1.1'],
  ['http://www.ama-assn.org/go/cpt', 'C4', 'CPT', 'CPT4', '2.16.840.1.113883.6.12'],
  ['http://www.whocc.no/atc', 'ATC', '2.16.840.1.113883.6.73'],
  ['urn:iso:std:iso:11073:10101', 'MDC', '2.16.840.1.113883.6.24'],
]

const byName = new Map(rows.flatMap(([uri, ...names]) => names.map(name => [name, uri] as const)))

/** The URI of a public coding system; undefined for local ones and HL7's own tables. Case does not count. */
export function publicSystem(name: string): string | undefined {
  return byName.get(name.trim().toUpperCase())
}

/** `HL70078`, `HL7 0078`, `0078` or its OID → the URI of that v2 table; undefined for anything else. */
export function v2System(name: string): string | undefined {
  const number = /^(?:HL7[ -]?|2\.16\.840\.1\.113883\.12\.)?0*(\d{1,4})$/i.exec(name.trim())?.[1]
  return number && `http://terminology.hl7.org/CodeSystem/v2-${number.padStart(4, '0')}`
}
