/** `--import` this before the command: the gateway is the real one, but for its Kafka uplink, which is careless.ts. */
import { registerHooks } from 'node:module'

const careless = new URL('./careless.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    const isUplink = found.url.endsWith('/src/uplink/kafka/kafka.ts') && context.parentURL?.endsWith('/src/main.ts')
    return isUplink ? { ...found, url: careless } : found
  },
})
