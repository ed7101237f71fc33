/** Which country and state of an address may stay readable: codes only, never words (SEALING S5, `place`). */
import type { Json } from './slot.ts'

const listOf = (text: string): ReadonlySet<Json> => new Set(text.split(/\s/))

/** ISO 3166-1, two and three letters. */
const countries2 =
  listOf(`AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`)
const countries3 =
  listOf(`ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR
BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP
CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB
GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN
KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD
MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN
PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM
SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR
UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE`)

/** The short codes of ISO 3166-2 that senders write without their country's prefix. */
const states: Readonly<Record<string, ReadonlySet<Json>>> = {
  US: listOf(`AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK
OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR UM VI`),
  CA: listOf('AB BC MB NB NL NS NT NU ON PE QC SK YT'),
  AU: listOf('ACT NSW NT QLD SA TAS VIC WA'),
}
const withStates = new Map<Json, string>(
  Object.entries({ US: 'US', USA: 'US', CA: 'CA', CAN: 'CA', AU: 'AU', AUS: 'AU' }),
)

/** A country code of ISO 3166-1. */
export function isPlace(country: Json): boolean {
  return countries2.has(country) || countries3.has(country)
}

/**
 * A subdivision code of ISO 3166-2 (`US-VT`), or its short form (`VT`) for a country whose codes we list; without a
 * country the short form is read as one of the United States, as senders there leave it out.
 */
export function isState(state: Json, country: Json): boolean {
  if (typeof state !== 'string') return false
  const full = /^([A-Z]{2})-[A-Z0-9]{1,3}$/.exec(state)
  if (full) return countries2.has(full[1])
  const of = country === undefined ? 'US' : withStates.get(country)
  return of !== undefined && states[of]!.has(state)
}
