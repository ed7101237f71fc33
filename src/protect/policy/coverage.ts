import { backbone, type Line, resource } from './lines.ts'

/**
 * Coverage (FHIR R4). Member, group and plan numbers are health plan beneficiary numbers or lead to an employer
 * (45 CFR 164.514(b)(2)(i)); what it costs somebody is nobody else's matter.
 */
export const coverage: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['status', 'code', 'enum', 'active cancelled draft entered-in-error'],
  ['type', 'CodeableConcept', 'concept'],
  ['policyHolder', 'Reference', 'reference'],
  ['subscriber', 'Reference', 'reference'],
  ['subscriberId', 'string', 'seal'],
  ['beneficiary', 'Reference', 'reference'],
  ['dependent', 'string', 'seal'],
  ['relationship', 'CodeableConcept', 'concept'],
  ['period', 'Period', 'time'],
  ['payor', 'Reference', 'reference'],
  ...backbone('class'),
  ['class.type', 'CodeableConcept', 'concept'],
  ['class.value', 'string', 'seal'],
  ['class.name', 'string', 'seal'],
  ['order', 'positiveInt', 'number'],
  ['network', 'string', 'seal'],
  ...backbone('costToBeneficiary'),
  ['costToBeneficiary.type', 'CodeableConcept', 'concept'],
  ['costToBeneficiary.valueQuantity', 'Quantity', 'seal'],
  ['costToBeneficiary.valueMoney', 'Money', 'seal'],
  ...backbone('costToBeneficiary.exception'),
  ['costToBeneficiary.exception.type', 'CodeableConcept', 'concept'],
  ['costToBeneficiary.exception.period', 'Period', 'time'],
  ['subrogation', 'boolean', 'enum', 'true false'],
  ['contract', 'Reference', 'reference'],
]
