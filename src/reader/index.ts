/**
 * `clinic-gateway/reader`: what a consumer of the topics needs to open records and to know what holds
 * (docs/reference/records.md).
 *
 * ```js
 * import { Reader, ReaderKeys, readRecords } from 'clinic-gateway/reader'
 *
 * const reader = new Reader({ keys: ReaderKeys.fromFolder('reader', { allowDemo: true }) })
 * for (const file of ['out/demo.keys.ndjson', 'out/demo.fhir.ndjson']) {
 *   for await (const line of readRecords(file)) if (line.kind === 'record') reader.take(line.record)
 * }
 * for (const { opened } of reader.state().values()) console.log(opened.resource)
 * ```
 *
 * It knows no Kafka: give `take` what any client reads. Nothing in it throws for what a record holds; it is counted.
 */
export type { AttachmentLink, Content } from './binary.ts'
export { type FileLine, parseLine, readRecords } from './file.ts'
export type { Facts, Part } from './headers.ts'
export { type Kek, type KekOptions, readKek, readReaderFolder } from './kek.ts'
export { type DataKey, type KeyNews, ReaderKeys } from './keys.ts'
export { type KeySource, type Opened, type OpenOptions, openResource, openValue } from './open.ts'
export { type Counters, type Current, type Entry, Reader, type ReaderOptions } from './reader.ts'
export { type GatewayCard, isSigned, type KnownGateway, type ReaderRecord, readCards } from './signature.ts'
