/** An error of our own for the Kafka client, with the symbol by which causes.ts knows it. */
export function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}
