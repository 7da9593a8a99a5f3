/** What every protocol with transactions must do with requests that belong together: all of them take effect or none. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nameUuid } from '../../srv/platform/ids.ts';
import type { RecordAnswer, WriteRequest } from '../../srv/territory-api/port.ts';
import type { ContractOptions, TerritoryApiUnderTest } from './territory-api-under-test.ts';

const TERRITORY = 'EMEA-NORTH';
const IDS = ['T1', 'T2', 'T3', 'T4'];
const NEVER = new AbortController().signal;

export interface TransactionOptions extends Pick<ContractOptions, 'unknownRecord'> {
  /** `unnamed`: the server answers a failed transaction as a whole, without saying which record it was. Default `named`. */
  readonly culprit?: 'named' | 'unnamed';
}

export function transactionContract(
  name: string,
  setup: () => Promise<TerritoryApiUnderTest>,
  { unknownRecord = 'refused', culprit = 'named' }: TransactionOptions = {},
): void {
  describe(`transactions of the territory API: ${name}`, () => {
    let under: TerritoryApiUnderTest;
    let etags: ReadonlyMap<string, string>;
    beforeEach(async () => {
      under = await setup();
      await under.behind.seed(IDS.map((id) => ({ territoryId: TERRITORY, id, fields: { owner: 'E1' } })));
      etags = await readEtags();
    });
    afterEach(() => under.stop());

    async function readEtags(): Promise<ReadonlyMap<string, string>> {
      const records = IDS.map((id) => ({ territoryId: TERRITORY, id }));
      const answer = await under.api.read({ records, fields: ['owner'], pastCache: true }, NEVER);
      if (answer.kind !== 'read') throw new Error(`read failed: ${answer.trouble.message}`);
      return new Map(
        answer.records.flatMap((state, at) => (state.found ? [[IDS[at] ?? '', state.etag]] : [])),
      );
    }

    /** What the other records are told where one was refused so. */
    const beside = (refusal: RecordAnswer['kind']) => (culprit === 'named' ? 'rolled-back' : refusal);

    let keys = 0;
    const update = (id: string, transaction?: string): WriteRequest => ({
      territoryId: TERRITORY,
      id,
      operation: 'update',
      ifMatch: etags.get(id) ?? 'W/"none"',
      fields: { owner: 'E2' },
      idempotencyKey: nameUuid(`transaction contract ${(keys += 1)}`),
      ...(transaction !== undefined && { transaction }),
    });
    async function write(...requests: WriteRequest[]): Promise<readonly RecordAnswer['kind'][]> {
      const answer = await under.api.write(requests, NEVER);
      if (answer.kind !== 'answered') throw new Error(`write not answered: ${JSON.stringify(answer)}`);
      return answer.records.map(({ kind }) => kind);
    }
    const owners = async () =>
      Promise.all(IDS.map(async (id) => (await under.behind.fieldsOf(TERRITORY, id))?.['owner']));

    it('takes effect as a whole, in one request, and gives the new ETag of each record', async () => {
      const before = under.behind.requestCount();
      expect(await write(update('T1', 'a'), update('T2', 'a'), update('T3', 'b'))).toEqual([
        'done',
        'done',
        'done',
      ]);
      expect(under.behind.requestCount() - before).toBe(1);
      expect(await owners()).toEqual(['E2', 'E2', 'E2', 'E1']);
      etags = await readEtags();
      expect(await write(update('T1', 'c'), update('T2', 'c'))).toEqual(['done', 'done']);
    });

    it('did not happen where one of its records has changed; what stands beside it is its own affair', async () => {
      await under.behind.foreignWrite(TERRITORY, 'T2', { note: 'changed by another' });
      const answers = await write(update('T1', 'a'), update('T2', 'a'), update('T3'), update('T4', 'b'));
      expect(answers).toEqual([beside('conflict'), 'conflict', 'done', 'done']);
      expect(await owners()).toEqual(['E1', 'E1', 'E2', 'E2']);
    });

    it('did not happen where one of its records does not exist', async () => {
      const answers = await write(update('T1', 'a'), update('no-such-record', 'a'), update('T2', 'b'));
      expect(answers).toEqual([beside(unknownRecord), unknownRecord, 'done']);
      expect(await owners()).toEqual(['E1', 'E2', 'E1', 'E1']);
    });

    it('that was refused is written when it comes again with the new version', async () => {
      await under.behind.foreignWrite(TERRITORY, 'T2', { note: 'changed by another' });
      await write(update('T1', 'a'), update('T2', 'a'));
      etags = await readEtags();
      expect(await write(update('T1', 'a'), update('T2', 'a'))).toEqual(['done', 'done']);
      expect(await owners()).toEqual(['E2', 'E2', 'E1', 'E1']);
    });
  });
}
