/**
 * Code maps of our own: rows that the guide leaves empty, and maps that it does not have. Rows here add to the guide's
 * map of the same name. Reasons: ../MAPPING.md.
 */
const observation = 'http://hl7.org/fhir/observation-status'
const report = 'http://hl7.org/fhir/diagnostic-report-status'
const category = 'http://terminology.hl7.org/CodeSystem/observation-category'
const laboratory = { system: category, code: 'laboratory', display: 'Laboratory' }
const imaging = { system: category, code: 'imaging', display: 'Imaging' }

const statusOf = (system: string) => (code: string) => ({ system, code, display: '' })
const observed = statusOf(observation)
const reported = statusOf(report)

export const ownCodes = {
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
  /** ServiceRequest.priority from OBR-5 (user table of v2.5 and before, and the codes of TQ1-9). */
  Priority: {
    S: { system: 'http://hl7.org/fhir/request-priority', code: 'stat', display: 'STAT' },
    A: { system: 'http://hl7.org/fhir/request-priority', code: 'asap', display: 'ASAP' },
    R: { system: 'http://hl7.org/fhir/request-priority', code: 'routine', display: 'Routine' },
  },
} as const
