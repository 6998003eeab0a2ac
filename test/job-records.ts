import type { CollectedRecord } from './collect-records.js';
import { checkRecords } from './servers/check-records.js';

/**
 * Returns the errors in the records of one job. They are correct if each experiment has one record, on one of two topics, and one summary follows.
 * A byte-identical repeat, which a kill may cause, does not count: consumers recognize it by its `ce_id`.
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
