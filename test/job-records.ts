import type { CollectedRecord } from './collect-records.js';
import { checkRecords } from './servers/check-records.js';

/**
 * What is wrong with the records of one job; empty when all is well: one record an experiment on one of two topics, one summary after them.
 * A byte-equal repeat, which a kill may leave, counts as the record itself: its consumers know it by its `ce_id`.
 */
export function faultsOfRecords(records: readonly CollectedRecord[], names: readonly string[]): string[] {
  const once = new Map<string, CollectedRecord>();
  for (const record of records) {
    const identity = JSON.stringify([record.topic, record.key, record.value, record.headers]);
    if (!once.has(identity)) once.set(identity, record);
  }
  return checkRecords(
    names,
    [...once.values()].map((record) => ({ ...record, offset: '', timestampMs: record.timestamp, value: JSON.parse(record.value) })),
  );
}
