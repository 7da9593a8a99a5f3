/**
 * A message whose sections are no AMQP would end the connection, and again at every redelivery, with everything behind it stuck. The
 * frame around such a message is sound, though. So where decoding a message fails, the decoder goes back to its beginning and takes its
 * bytes as they were sent: a delivery like any other, to be dealt with as a bad message. (To decode every message apart from the stream
 * would need less of the decoder, but cost a tenth of the pace.)
 */
import type { Decoder, Decoding } from '@sap/xb-msg-amqp-v100';
import { bareMessage } from './bare-message.ts';

/** Makes a connection's decoder so; without effect where it is not built as expected, and then the connection ends as before. */
export function keepUndecodable(decoder: Decoder | undefined): void {
  const build = decoder?._frameBuilder;
  if (decoder === undefined || build === undefined) return;
  decoder._frameBuilder = (descriptor) => {
    const frame = build(descriptor);
    // Only a Transfer has a message. What stood on the prototype is called by what now stands on the object.
    if (frame.message !== undefined && frame.message !== null) frame.message.decodeData = decodeOrKeep;
    return frame;
  };
}

function decodeOrKeep(this: Decoding, decoder: Decoder): boolean {
  const goBack = mark(decoder);
  try {
    (Object.getPrototypeOf(this) as Decoding).decodeData.call(this, decoder);
    if (decoder.bytesConsumed === decoder.bytesExpected) return true;
    goBack();
    keepBytes(this, decoder, 'longer than its frame');
  } catch (error) {
    goBack();
    keepBytes(this, decoder, libraryFault(error));
  }
  return true;
}

function keepBytes(message: Decoding, decoder: Decoder, undecodable: string): void {
  message.header = null;
  message.properties = null;
  message.payload = { chunks: [bareMessage(Buffer.concat(decoder.readDataBlobArray(null)))], undecodable };
}

/** Remembers where the decoder is in what it has received. */
function mark(decoder: Decoder): () => void {
  const { bytesConsumed, inputAvailable, _chunkAvailable, _chunkConsumed, _chunkOffset, _chunkReading } =
    decoder;
  const history = decoder._chunkHistory.length;
  const queue = decoder._inputQueue.slice();
  return () => {
    Object.assign(decoder, { bytesConsumed, inputAvailable });
    Object.assign(decoder, { _chunkAvailable, _chunkConsumed, _chunkOffset, _chunkReading });
    decoder._chunkHistory.length = history;
    decoder._inputQueue = queue;
  };
}

/** Only the library's number of what went wrong (1xx: decoding): its text quotes what it read, which may be anybody's data. */
export function libraryFault(error: unknown): string {
  const number = error instanceof Error ? /\[(\d{3})\]/u.exec(error.message)?.[1] : undefined;
  return number === undefined ? 'no detail' : `error ${number} of the AMQP library`;
}
