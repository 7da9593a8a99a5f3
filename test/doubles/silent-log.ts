/** A log of which nobody wants to hear. */
import type { Log } from '../../srv/platform/log.ts';

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
