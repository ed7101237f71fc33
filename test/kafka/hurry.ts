/**
 * `--import` this before the command: a box in a hurry with its second cluster. A mirror's lag of twenty seconds stands for
 * fifteen minutes, and five seconds are a long outage.
 */
import { limits, second } from '../../src/limits.ts'

Object.assign(limits, { standbyCheckMs: second / 2, standbySampleMs: second, historyAfterMs: 5 * second })
