/** What may be said of a message without saying anything of its content (SEALING S6). */
import { formOf, leading, textOf } from './bytes.ts'
import { readHeader } from './header.ts'

const types =
  'ACK ADT BAR BPS BRP BRT BTS CCF CCI CCM CCQ CCR CCU CQU CRM CSU DFT DOC DSR EAC EAN EAR EDR EHC ERP ESR ESU INR INU LSR LSU MCF MDM ' +
  'MFD MFK MFN MFQ MFR NMD NMQ NMR NUL OMB OMD OMG OMI OML OMN OMP OMQ OMS OPL OPR OPU ORA ORB ORD ORF ORG ORI ORL ORM ORN ORP ORR ORS ' +
  'ORU ORX OSM OSQ OSR OSU OUL PEX PGL PIN PMU PPG PPP PPR PPT PPV PRR PTR QBP QCK QCN QRY QSB QSX QVR RAR RAS RCI RCL RDE RDR RDS RDY ' +
  'REF RER RGR RGV ROR RPA RPI RPL RPR RQA RQC RQI RQP RRA RRD RRE RRG RRI RSP RTB SDR SDS SIR SIU SLR SMD SPQ SQM SQR SRM SRR SSR SSU ' +
  'STC STI SUR TBR TCR TCU UDM VQQ VXQ VXR VXU VXX'
const segments =
  'ABS ACC ADD AFF AIG AIL AIP AIS AL1 APR ARQ ARV AUT BHS BLC BLG BPO BPX BTS BTX CDM CER CM0 CM1 CM2 CNS CON CSP CSR CSS CTD CTI DB1 DG1 ' +
  'DMI DON DRG DSC DSP ECD ECR EDU EQP EQU ERR EVN FAC FHS FT1 FTS GOL GP1 GP2 GT1 IAM IAR IIM ILT IN1 IN2 IN3 INV IPC IPR ISD ITM IVC IVT ' +
  'LAN LCC LCH LDP LOC LRL MFA MFE MFI MRG MSA MSH NCK NDS NK1 NPU NSC NST NTE OBR OBX ODS ODT OH1 OH2 OH3 OH4 OM1 OM2 OM3 OM4 OM5 OM6 OM7 ' +
  'ORC ORG OVR PAC PCE PCR PD1 PDA PDC PEO PES PID PKG PM1 PMT PR1 PRA PRB PRC PRD PRT PSG PSH PSL PSS PTH PV1 PV2 PYE QAK QID QPD QRD QRF ' +
  'QRI RCP RDF RDT REL RF1 RFI RGS RMI ROL RQ1 RQD RXA RXC RXD RXE RXG RXO RXR RXV SAC SCD SCH SCP SDD SFT SGH SGT SHP SID SLT SPM STF STZ ' +
  'TCC TCD TQ1 TQ2 TXA UAC UB1 UB2 VAR VND'
const versions = '2.1 2.2 2.3 2.3.1 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2'

const knownTypes = new Set(types.split(' '))
const knownSegments = new Set(segments.split(' '))
const knownVersions = new Set(versions.split(' '))

/** Segment kinds of an outline; a longer one ends with `…`. */
const longest = 60

/** A segment's name as it may be shown and stored: of the standard, `Z..` for local ones, `?` for anything else. */
export function knownSegment(name: string): string {
  if (knownSegments.has(name)) return name
  return /^Z[A-Z0-9]{2}$/.test(name) ? 'Z..' : '?'
}

/** True for the versions of the standard that are read: 2.1 to 2.8.2. */
export function isVersion(version: string): boolean {
  return knownVersions.has(version)
}

/** `ORU^R01 2.5.1 MSH PID PV1 OBR OBX*7`; what is not of the standard is `?`. Never throws. */
export function outlineOf(bytes: Uint8Array): string {
  const header = readHeader(bytes)
  const type = header.component(9, 1)
  const event = header.component(9, 2)
  const version = header.component(12, 1)
  const kind = `${knownTypes.has(type) ? type : '?'}^${/^[A-Z]\d\d$/.test(event) ? event : '?'}`
  return `${kind} ${isVersion(version) ? version : '?'} ${runs(segmentNames(bytes, header.field(1)))}`
}

function segmentNames(bytes: Uint8Array, separator: string): readonly string[] {
  const lines = textOf(bytes.subarray(leading(bytes)), formOf(bytes)).split(/[\r\n]+/)
  return lines.filter(line => line !== '').map(line => knownSegment(line.split(separator || '|', 1)[0]!))
}

/** Neighbours of one name become one: `OBX*7`. */
function runs(names: readonly string[]): string {
  const parts: { name: string; count: number }[] = []
  for (const name of names) {
    const last = parts.at(-1)
    if (last?.name === name) last.count++
    else parts.push({ name, count: 1 })
  }
  const shown = parts.slice(0, longest).map(({ name, count }) => (count > 1 ? `${name}*${count}` : name))
  return [...shown, ...(parts.length > longest ? ['…'] : [])].join(' ')
}
