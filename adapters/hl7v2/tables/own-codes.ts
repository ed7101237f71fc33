/**
 * Code maps of our own: rows that the guide leaves empty, and maps that it does not have. Rows here add to the guide's
 * map of the same name. Reasons: ../MAPPING.md.
 */
import { careCodes } from './own-codes-care.ts'

const observation = 'http://hl7.org/fhir/observation-status'
const report = 'http://hl7.org/fhir/diagnostic-report-status'
const category = 'http://terminology.hl7.org/CodeSystem/observation-category'
const laboratory = { system: category, code: 'laboratory', display: 'Laboratory' }
const imaging = { system: category, code: 'imaging', display: 'Imaging' }

const statusOf = (system: string) => (code: string) => ({ system, code, display: '' })
const observed = statusOf(observation)
const reported = statusOf(report)
const requested = statusOf('http://hl7.org/fhir/request-status')

export const ownCodes = {
  /** HL7 table 0200 (XPN.7), codes without a target in the guide that FHIR's own words of the use fit. */
  NameType: {
    NB: { system: 'http://hl7.org/fhir/name-use', code: 'temp', display: 'Temp' },
    NOUSE: { system: 'http://hl7.org/fhir/name-use', code: 'old', display: 'Old' },
    S: { system: 'http://hl7.org/fhir/name-use', code: 'anonymous', display: 'Anonymous' },
  },
  ...careCodes,
  /** HL7 table 0085 (OBX-11), codes without a target in the guide. */
  ObservationResultStatusCodesInterpretation: {
    B: observed('amended'),
    I: observed('registered'),
    N: observed('final'),
    O: observed('registered'),
    R: observed('preliminary'),
    S: observed('preliminary'),
    U: observed('final'),
    V: observed('final'),
  },
  /** HL7 table 0123 (OBR-25), codes without a target in the guide. */
  'ResultStatus[Non-Queries]': {
    A: reported('partial'),
    M: reported('preliminary'),
    N: reported('registered'),
  },
  /** HL7 table 0074 (OBR-24) → FHIR's observation categories; vital-signs and the rest are not guessed. */
  'DiagnosticServiceSectionID[ObservationCategory]': {
    BG: laboratory,
    BLB: laboratory,
    CG: laboratory,
    CH: laboratory,
    CP: laboratory,
    HM: laboratory,
    IMM: laboratory,
    LAB: laboratory,
    MB: laboratory,
    MCB: laboratory,
    MYC: laboratory,
    SP: laboratory,
    SR: laboratory,
    TX: laboratory,
    VR: laboratory,
    CT: imaging,
    CUS: imaging,
    NMR: imaging,
    NMS: imaging,
    OUS: imaging,
    RAD: imaging,
    RUS: imaging,
    VUS: imaging,
    XRC: imaging,
  },
  /** HL7 table 0052 (DG1-6), codes without a target in the guide: final is not always discharge. */
  DiagnosisType: {
    F: { system: 'http://terminology.hl7.org/CodeSystem/v2-0052', code: 'F', display: 'Final' },
    W: { system: 'http://terminology.hl7.org/CodeSystem/v2-0052', code: 'W', display: 'Working' },
  },
  /** HL7 table 0230 (PR1-6), which the guide names without codes. */
  ProcedureFunctionalType: {
    A: { system: 'http://terminology.hl7.org/CodeSystem/v2-0230', code: 'A', display: 'Anesthesia' },
    D: { system: 'http://terminology.hl7.org/CodeSystem/v2-0230', code: 'D', display: 'Diagnostic procedure' },
    I: {
      system: 'http://terminology.hl7.org/CodeSystem/v2-0230',
      code: 'I',
      display: 'Invasive procedure not classified elsewhere (e.g., IV, catheter, etc.)',
    },
    P: {
      system: 'http://terminology.hl7.org/CodeSystem/v2-0230',
      code: 'P',
      display: 'Procedure for treatment (therapeutic, including operations)',
    },
  },
  /** HL7 table 0038 (ORC-5), code without a target in the guide. */
  OrderStatus: {
    A: requested('active'),
  },
  /**
   * HL7 table 0119 (ORC-1). Ours beside the guide's: what the placer takes back or halts (CA, HD) is taken back when he says so and
   * not when the filler agrees (the guide has DC so and CA not); what is replaced (RP, RQ, RU) is revoked, its replacement
   * active; a refill (FU) completes nothing; a refusal to cancel leaves it active.
   */
  'OrderControlCode[ServiceRequest.status]': {
    CA: requested('revoked'),
    CH: requested('active'),
    CP: requested('active'),
    FU: requested('active'),
    HD: requested('on-hold'),
    NA: requested('active'),
    OE: requested('active'),
    OF: requested('active'),
    OP: requested('active'),
    OR: requested('active'),
    PA: requested('active'),
    RF: requested('active'),
    RP: requested('revoked'),
    RQ: requested('revoked'),
    RU: requested('revoked'),
    SN: requested('active'),
    UA: requested('revoked'),
    UC: requested('active'),
    UD: requested('active'),
    UF: requested('active'),
    UH: requested('active'),
    UM: requested('active'),
    UR: requested('on-hold'),
    UX: requested('active'),
    XO: requested('active'),
    XR: requested('active'),
    XX: requested('active'),
    DE: requested('unknown'),
    LI: requested('unknown'),
    MC: requested('unknown'),
    RR: requested('unknown'),
    SR: requested('unknown'),
    SS: requested('unknown'),
    UN: requested('unknown'),
  },
  /** ServiceRequest.priority from OBR-5 (user table of v2.5 and before, and the codes of TQ1-9). */
  Priority: {
    S: { system: 'http://hl7.org/fhir/request-priority', code: 'stat', display: 'STAT' },
    A: { system: 'http://hl7.org/fhir/request-priority', code: 'asap', display: 'ASAP' },
    R: { system: 'http://hl7.org/fhir/request-priority', code: 'routine', display: 'Routine' },
  },
} as const
