/**
 * FUTEX_WAKE_OP: changes a word and says whether its old value asks for a wake-up there; futex(2).
 *
 * Reading and writing back are two steps. Other system calls cannot come in between, a store by another
 * guest thread can.
 */
import { E } from '../../abi/errno.js';
import {
  FUTEX_OP_ADD,
  FUTEX_OP_ANDN,
  FUTEX_OP_CMP_EQ,
  FUTEX_OP_CMP_GE,
  FUTEX_OP_CMP_GT,
  FUTEX_OP_CMP_LE,
  FUTEX_OP_CMP_LT,
  FUTEX_OP_CMP_NE,
  FUTEX_OP_OPARG_SHIFT,
  FUTEX_OP_OR,
  FUTEX_OP_SET,
  FUTEX_OP_XOR,
} from '../../abi/futex.js';
import type { UserAddr } from '../../base/brand.js';
import type { UserMemory } from '../mm/user-memory.js';
import { type Failure, fail } from '../outcome.js';

/** `encoded` is futex(2)'s val3. ENOSYS for an operation or a comparison that is none. */
export function applyWakeOp(memory: UserMemory, at: UserAddr, encoded: number): boolean | Failure {
  const shifted = ((encoded >>> 28) & FUTEX_OP_OPARG_SHIFT) !== 0;
  const operand = signed12(encoded >>> 12);
  const before = memory.readU32(at) | 0;
  const after = operate((encoded >>> 28) & 7, before, shifted ? 1 << (operand & 31) : operand);
  const asks = compare((encoded >>> 24) & 15, before, signed12(encoded));
  if (after === undefined) return fail(E.ENOSYS);
  memory.writeU32(at, after);
  return asks ?? fail(E.ENOSYS);
}

function signed12(value: number): number {
  return (value << 20) >> 20;
}

function operate(operation: number, before: number, operand: number): number | undefined {
  switch (operation) {
    case FUTEX_OP_SET:
      return operand;
    case FUTEX_OP_ADD:
      return (before + operand) | 0;
    case FUTEX_OP_OR:
      return before | operand;
    case FUTEX_OP_ANDN:
      return before & ~operand;
    case FUTEX_OP_XOR:
      return before ^ operand;
    default:
      return undefined;
  }
}

function compare(comparison: number, value: number, to: number): boolean | undefined {
  switch (comparison) {
    case FUTEX_OP_CMP_EQ:
      return value === to;
    case FUTEX_OP_CMP_NE:
      return value !== to;
    case FUTEX_OP_CMP_LT:
      return value < to;
    case FUTEX_OP_CMP_LE:
      return value <= to;
    case FUTEX_OP_CMP_GT:
      return value > to;
    case FUTEX_OP_CMP_GE:
      return value >= to;
    default:
      return undefined;
  }
}
