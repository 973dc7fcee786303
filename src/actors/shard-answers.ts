/** What a shard answered, as the result of an operation. */
import { E } from '../abi/errno.js';
import { type OperationError, type OperationResult, ok } from '../messages/kernel.js';
import type { ShardAnswer } from '../messages/shard.js';
import type { ShardQueries, ShardQuery } from '../messages/snapshots.js';

export const SIGNAL_FAILURE: Readonly<Record<number, string>> = {
  [E.ESRCH]: 'no such process',
  [E.EINVAL]: 'there is no such signal',
  [E.EAGAIN]: 'too many signals are queued',
};

export function firstFailure(answers: readonly ShardAnswer[]): OperationError | undefined {
  const failed = answers.find((a) => a.type === 'failed');
  return failed && refusal(failed);
}

export function resultOf<Q extends ShardQuery>(answer: ShardAnswer): OperationResult<ShardQueries[Q]> {
  // The answer to a query is the query's: the shard's table of answers is typed so.
  return answer.type === 'answer' ? ok(answer.value as ShardQueries[Q]) : refusal(answer);
}

export function refusal(answer: ShardAnswer): OperationError {
  if (answer.type === 'failed') {
    const { errno, message, obstacle, code } = answer;
    return { type: 'error', errno, message, obstacle, ...(code && { code }) };
  }
  return { type: 'error', errno: E.ESRCH, message: 'no such process' };
}
